"""Make a set: plan, render in processes, write images and manifest."""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lifesign.errors import LifesignError
from lifesign_training.synth.options import SynthOptions
from lifesign_training.synth.plan import PlanRow, plan
from lifesign_training.synth.render import render
from lifesign_training.synth.writer import (
    manifest_record,
    png_bytes,
    prepare_folder,
    store,
    write_manifest,
)

__all__ = ["SynthSummary", "generate"]

_CHUNK = 4  # rows per task: small enough for an even load, large enough to hide the hand-over


@dataclass(frozen=True)
class SynthSummary:
    """What was made; ``records`` are the manifest rows in order."""

    manifest: Path
    records: tuple[dict[str, str], ...]

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.records)

    def counts(self, column: str) -> dict[str, int]:
        """Return how many images each value of a manifest column has, sorted by value."""
        return dict(sorted(Counter(record[column] for record in self.records).items()))

    def subjects(self) -> dict[str, int]:
        """Return how many people each split has."""
        people = {(record["split"], record["subject_id"]) for record in self.records}
        return dict(sorted(Counter(split for split, _ in people).items()))


def generate(
    out: Path, options: SynthOptions, *, progress: Callable[[int, int], None] | None = None
) -> SynthSummary:
    """Make a set below ``out``; ``progress(done, total)`` is called after each image.

    Raises:
        ConflictError: ``out`` is not empty.
        StorageError: the disk refused.
        LifesignError: a render process was killed.
    """
    prepare_folder(out)
    rows = plan(options)
    records: list[dict[str, str]] = []
    with _renderer(options.workers) as rendered:
        for record, content in rendered(rows):
            store(out, record["path"], content)
            records.append(record)
            if progress is not None:
                progress(len(records), len(rows))
    return SynthSummary(write_manifest(out, records), tuple(records))


def _start_worker() -> None:
    # Ctrl-C is for the parent, which then ends the pool; workers must not print traces of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A worker holds both ends of its queue, so a parent that was killed would leave it waiting for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_Image = tuple[dict[str, str], bytes]


def _make(row: PlanRow) -> _Image:
    rendered = render(row)
    return manifest_record(row, rendered), png_bytes(rendered)


def _make_all(rows: Sequence[PlanRow]) -> list[_Image]:
    return [_make(row) for row in rows]


def _in_order(pool: ProcessPoolExecutor, rows: Sequence[PlanRow]) -> Iterator[_Image]:
    """Make ``rows`` in the processes of ``pool``.

    Not by ``pool.map``, which cancels what is still to come while the pool is telling the same futures
    that a worker was killed: its thread dies of that, and leaves the other workers alive for ever.
    """
    made = deque(pool.submit(_make_all, rows[at : at + _CHUNK]) for at in range(0, len(rows), _CHUNK))
    while made:
        yield from made.popleft().result()


@contextmanager
def _renderer(workers: int) -> Iterator[Callable[[list[PlanRow]], Iterator[_Image]]]:
    """Give a map over rows that keeps their order, in this process or in ``workers`` others."""
    if workers == 1:
        yield lambda rows: map(_make, rows)
        return
    # A fresh interpreter per worker: forking a process that has threads can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield lambda rows: _in_order(pool, rows)
    except BrokenProcessPool as error:
        raise LifesignError("a render process was killed, perhaps for memory: try fewer --workers") from error
    finally:
        # A second Ctrl-C would leave the pool half shut, and the process waiting for it for ever.
        with _uninterrupted():
            pool.shutdown(cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
