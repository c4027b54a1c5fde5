"""Replay of shards: decode, ask, and write one immutable part of predictions and its counts."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.datasets.dataset import Dataset
from lifesign.evaluation.analysis.columns import AnalysisSpec, class_index, decided
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.asking import Asking, Flight
from lifesign.evaluation.replay.decoding import DecodedBatch, decode_batch
from lifesign.evaluation.replay.patience import Patience, Stopped
from lifesign.evaluation.replay.prediction_rows import prediction_rows
from lifesign.evaluation.replay.predictions import part_path, replaced_file, state_path, write_part
from lifesign.evaluation.replay.progress import ProgressListener
from lifesign.preprocessing import PreprocessingSpec

__all__ = [
    "ProgressTally",
    "ReplaySettings",
    "Shard",
    "ShardReplay",
    "batches_held",
    "shards_of",
    "write_state",
]

_HELD_BYTES = 32 * 2**20
_MOST_BATCHES = 16


@dataclass(frozen=True)
class Shard:
    """Rows ``start`` to ``stop`` (exclusive) of a data set: the unit of work, of loss and of resuming."""

    index: int
    start: int
    stop: int


def shards_of(samples: int, shard_size: int) -> tuple[Shard, ...]:
    """Cut a data set into shards of ``shard_size`` rows; the last may be smaller."""
    starts = range(0, samples, shard_size)
    return tuple(Shard(index, start, min(start + shard_size, samples)) for index, start in enumerate(starts))


def batches_held(batch_bytes: int) -> int:
    """Return how many batches a shard may hold, decoded or with the server: 2 to 16, about 32 MiB.

    This bounds memory; how many of them are with the server is up to the ``Window``.
    """
    return min(_MOST_BATCHES, max(2, _HELD_BYTES // batch_bytes))


class ProgressTally:
    """Running sums of this process, told to a listener one call at a time."""

    def __init__(self, listener: ProgressListener, *, total: int, kept: int) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self.scored = self.no_response = self.correct = 0
        self.kept = kept
        listener.on_start(total, kept)

    def add(self, *, scored: int, no_response: int, correct: int) -> None:
        """Count a batch."""
        with self._lock:
            self.scored += scored
            self.no_response += no_response
            self.correct += correct
            done = self.kept + self.scored + self.no_response
            self._listener.on_batch(done, self.scored, self.no_response, self.correct)


@dataclass(frozen=True)
class ReplaySettings:
    """Where parts go, how images are prepared, and how much is in memory at once.

    ``sends_files`` is for a model that decodes the files itself.
    """

    run_dir: Path
    run_id: str
    preprocessing: PreprocessingSpec
    batch_size: int
    batches_ahead: int
    sends_files: bool = False


@dataclass(frozen=True)
class _Prepared:
    decoded: DecodedBatch
    names: Sequence[str]
    flight: Flight | None


@dataclass(frozen=True)
class _Batch:
    start: int
    future: "Future[_Prepared]"


@dataclass(frozen=True)
class _Settled:
    start: int
    decoded: DecodedBatch
    answers: Answers


class ShardReplay:
    """Replays one shard per call; calls may come from several threads.

    Decoding happens in ``pool``; each of its tasks prepares a batch and sends it at once, so decoding,
    the network and the server work at the same time while at most ``batches_ahead`` batches are held.
    """

    def __init__(
        self,
        dataset: Dataset,
        spec: AnalysisSpec,
        settings: ReplaySettings,
        *,
        asking: Asking,
        pool: ThreadPoolExecutor,
        tally: ProgressTally,
        patience: Patience,
    ) -> None:
        self._dataset = dataset
        self._spec = spec
        self._settings = settings
        self._asking = asking
        self._pool = pool
        self._tally = tally
        self._patience = patience
        self._idle = threading.Condition()
        self._running = 0
        self.failure: BaseException | None = None
        """What went wrong first; the other shards then end with ``Stopped``."""

    def __call__(self, shard: Shard) -> RunState:
        """Replay a shard, write its part and state, and return the state."""
        with self._idle:
            self._running += 1
        try:
            return self._replay(shard)
        except BaseException as error:
            with self._idle:
                self.failure = self.failure or error
            self._patience.stop()
            raise
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    @contextmanager
    def telling_what_failed(self) -> Iterator[None]:
        """Raise, of a shard that only ended with ``Stopped``, what went wrong in another."""
        try:
            yield
        except Stopped:
            if self.failure is None:
                raise
            raise self.failure from None

    def wait_idle(self) -> None:
        """Return when no shard is being replayed any more."""
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0)

    def _replay(self, shard: Shard) -> RunState:
        rows = self._dataset.rows(shard.start, shard.stop)
        batches = list(self._batches(rows))
        starts = [batch.start for batch in batches]
        decoded = DecodedBatch.joined([batch.decoded for batch in batches], starts)
        answers = Answers.joined([batch.answers for batch in batches])
        table = prediction_rows(rows, decoded, answers, self._dataset.metadata_columns)
        if table.num_rows != shard.stop - shard.start:
            raise AssertionError(f"shard {shard}: {table.num_rows} predictions")
        self._patience.check()
        write_part(
            part_path(self._settings.run_dir, shard.index), table, facts={"run_id": self._settings.run_id}
        )
        return write_state(self._settings.run_dir, shard.index, table, self._spec)

    def _batches(self, rows: pa.Table) -> Iterator[_Settled]:
        true = class_index(rows["label"], self._spec.class_names)
        paths: list[str] = rows["path"].to_pylist()
        waiting: deque[_Batch] = deque()
        size = self._settings.batch_size
        starts = deque(range(0, len(paths), size))
        try:
            while starts or waiting:
                while starts and len(waiting) < self._settings.batches_ahead:
                    start = starts.popleft()
                    waiting.append(
                        _Batch(start, self._pool.submit(self._prepare, paths[start : start + size]))
                    )
                yield self._settled(waiting[0], true)
                waiting.popleft()
        finally:
            for batch in waiting:
                self._abandon(batch.future)

    def _abandon(self, future: "Future[_Prepared]") -> None:
        if not future.cancel() and future.done() and future.exception() is None:
            self._asking.abandon(future.result().flight, future.result().names)

    def _prepare(self, paths: list[str]) -> _Prepared:
        self._patience.check()
        decoded = decode_batch(
            self._dataset.source, paths, self._settings.preprocessing, keeps_files=self._settings.sends_files
        )
        names = [paths[place] for place in decoded.kept.tolist()]
        return _Prepared(decoded, names, self._asking.send(decoded.sent, names) if names else None)

    def _settled(self, batch: _Batch, true: NDArray[np.int64]) -> _Settled:
        self._patience.check()
        prepared = batch.future.result()
        decoded, names = prepared.decoded, prepared.names
        answers = Answers.empty(0, len(self._spec.class_names))
        if names:
            answers = self._asking.settle(decoded.sent, prepared.flight, names)
        self._count(decoded, answers, true[batch.start + decoded.kept])
        return _Settled(batch.start, decoded.without_images(), answers)

    def _count(self, decoded: DecodedBatch, answers: Answers, true: NDArray[np.int64]) -> None:
        scored = len(decoded.kept) - len(answers.refusals)
        is_right = decided(answers.scores, self._spec) == true
        is_right[list(answers.refusals)] = False
        self._tally.add(
            scored=scored,
            no_response=len(decoded.refusals) + len(answers.refusals),
            correct=int(is_right.sum()),
        )


def write_state(run_dir: Path, index: int, table: pa.Table, spec: AnalysisSpec) -> RunState:
    """Count a part and keep the counts beside it."""
    state = RunState.from_predictions(table, spec)
    with replaced_file(state_path(run_dir, index)) as file:
        file.write(json.dumps(state.to_dict(), separators=(",", ":")).encode())
    return state
