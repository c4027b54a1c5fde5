"""Replay of shards: decode, ask, and write one immutable part of predictions and its counts."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lifesign.datasets.dataset import Dataset
from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.asking import Asking, Flight
from lifesign.evaluation.replay.decoding import DecodedBatch, decode_batch
from lifesign.evaluation.replay.patience import Patience
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


def batches_held(spec: PreprocessingSpec, batch_size: int, *, value_bytes: int = 1) -> int:
    """Return how many batches a shard may hold, decoded or with the server: 2 to 16, about 32 MiB.

    A model that takes other numbers than uint8 is sent ``value_bytes`` for each colour of a pixel. This
    bounds memory; how many of them are with the server is up to the ``Window``.
    """
    batch_bytes = batch_size * spec.height * spec.width * 3 * value_bytes
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
class _Batch:
    rows: pa.Table
    future: "Future[tuple[DecodedBatch, Flight | None]]"


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

    def wait_idle(self) -> None:
        """Return when no shard is being replayed any more."""
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0)

    def _replay(self, shard: Shard) -> RunState:
        table = pa.concat_tables(self._tables(shard)).combine_chunks()
        if table.num_rows != shard.stop - shard.start:
            raise AssertionError(f"shard {shard}: {table.num_rows} predictions")
        self._patience.check()
        write_part(
            part_path(self._settings.run_dir, shard.index), table, facts={"run_id": self._settings.run_id}
        )
        return write_state(self._settings.run_dir, shard.index, table, self._spec)

    def _tables(self, shard: Shard) -> Iterator[pa.Table]:
        waiting: deque[_Batch] = deque()
        size = self._settings.batch_size
        starts = deque(range(shard.start, shard.stop, size))
        try:
            while starts or waiting:
                while starts and len(waiting) < self._settings.batches_ahead:
                    start = starts.popleft()
                    rows = self._dataset.rows(start, min(start + size, shard.stop))
                    waiting.append(_Batch(rows, self._pool.submit(self._prepare, rows)))
                yield self._settled(waiting.popleft())
        finally:
            for batch in waiting:
                batch.future.cancel()

    def _prepare(self, rows: pa.Table) -> tuple[DecodedBatch, Flight | None]:
        self._patience.check()
        paths: list[str] = rows["path"].to_pylist()
        decoded = decode_batch(
            self._dataset.source, paths, self._settings.preprocessing, keeps_files=self._settings.sends_files
        )
        return decoded, self._asking.send(decoded.sent, _names(rows, decoded)) if len(decoded.sent) else None

    def _settled(self, batch: _Batch) -> pa.Table:
        self._patience.check()
        decoded, flight = batch.future.result()
        classes = len(self._spec.class_names)
        answers = Answers.empty(0, classes)
        if len(decoded.sent):
            answers = self._asking.settle(decoded.sent, flight, _names(batch.rows, decoded))
        table = prediction_rows(batch.rows, decoded, answers, self._dataset.metadata_columns)
        columns = PredictionColumns.read(table, self._spec)
        scored = int(columns.responded.sum())
        self._tally.add(
            scored=scored,
            no_response=table.num_rows - scored,
            correct=int((columns.predicted == columns.true).sum()),
        )
        return table


def _names(rows: pa.Table, decoded: DecodedBatch) -> list[str]:
    """Return the paths of the images that the model is asked about."""
    paths: list[str] = rows["path"].take(pa.array(decoded.kept)).to_pylist()
    return paths


def write_state(run_dir: Path, index: int, table: pa.Table, spec: AnalysisSpec) -> RunState:
    """Count a part and keep the counts beside it."""
    state = RunState.from_predictions(table, spec)
    with replaced_file(state_path(run_dir, index)) as file:
        file.write(json.dumps(state.to_dict(), separators=(",", ":")).encode())
    return state
