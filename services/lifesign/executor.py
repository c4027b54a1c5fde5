"""Where shards run: in threads of this process, or on machines that a ``RemoteExecutor`` knows."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

__all__ = ["Executor", "LocalExecutor", "RemoteExecutor", "Work"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Taken = TypeVar("Taken", contravariant=True)
Made = TypeVar("Made", covariant=True)


class Executor(Protocol):
    """Applies a function to items, several at a time, in any order."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results as they complete; the first failure ends the iteration and is raised."""
        ...


class Work(Protocol[Taken, Made]):
    """What there is to do, as a value that can be pickled; each worker opens it once, where it runs."""

    def open(self, tell: Callable[[str], None]) -> AbstractContextManager[Callable[[Taken], Made]]:
        """Yield a function that takes items, several at a time from several threads.

        ``tell`` is given a sentence when work waits. At the end nothing of it runs any more.

        Raises:
            LifesignError: it cannot be done here; the sentence names the machine.
        """
        ...


@runtime_checkable
class RemoteExecutor(Protocol):
    """Lets workers in other processes, perhaps on other machines, claim items one by one."""

    def run(
        self, work: Work[Item, Result], items: Iterable[Item], tell: Callable[[str], None]
    ) -> Iterator[Result]:
        """Yield one result per item as they complete; the first failure ends the iteration and is raised.

        An item whose worker is lost is claimed by another. ``tell`` is given the reasons of waiting.
        """
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Runs in ``workers`` threads; at most that many items are taken and unfinished at any time."""

    workers: int = 2

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results as they complete.

        When one fails, or the caller stops, items not yet started are never started; those that run
        are not waited for.
        """
        remaining = iter(items)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="shard")
        try:
            running: set[Future[Result]] = {
                pool.submit(function, item) for item in islice(remaining, self.workers)
            }
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                running |= {pool.submit(function, item) for item in islice(remaining, len(done))}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
