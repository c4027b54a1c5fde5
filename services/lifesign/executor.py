"""Where shards run: in threads of this process, or wherever an ``Executor`` takes them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

__all__ = ["Executor", "LocalExecutor"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """Applies a function to items, several at a time, in any order."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results as they complete; the first failure ends the iteration and is raised."""
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
