"""The shards of an evaluation, replayed here or by workers elsewhere."""

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass

from lifesign.datasets.dataset import Dataset
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.performance import Session
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.progress import ProgressListener
from lifesign.evaluation.replay.run_folder import RunFolder
from lifesign.evaluation.replay.served_model import ServedModel
from lifesign.evaluation.replay.shards import ProgressTally, Shard, shards_of
from lifesign.evaluation.replay.worker import opened_replay, shared_work
from lifesign.executor import Executor, RemoteExecutor

__all__ = ["ShardedReplay"]


@dataclass(frozen=True)
class ShardedReplay:
    """What a run replays: every shard of ``dataset`` through ``model``, counted by ``spec``."""

    config: EvaluationConfig
    run_id: str
    model: ServedModel
    dataset: Dataset
    spec: AnalysisSpec
    listener: ProgressListener
    patience: Patience

    def run(self, folder: RunFolder, executor: Executor | RemoteExecutor) -> tuple[RunState, Session]:
        """Replay the shards that are not done; return the state of all and what this process did.

        Raises:
            LifesignError: it could not be replayed; the parts that are done stay.
        """
        state, missing = self._kept(folder)
        todo = sum(shard.stop - shard.start for shard in missing)
        tally = ProgressTally(self.listener, total=len(self.dataset), kept=len(self.dataset) - todo)
        is_remote = isinstance(executor, RemoteExecutor)
        started = time.perf_counter()
        done = (
            self._done_elsewhere(executor, missing, tally)
            if isinstance(executor, RemoteExecutor)
            else self._done_here(executor, missing, tally)
        )
        try:
            with contextlib.closing(done):
                for one in done:
                    state = state.merge(one)
        finally:
            self.listener.on_finish()
        seconds = time.perf_counter() - started
        # Workers elsewhere wait for themselves and tell only the sentence.
        pauses = None if is_remote else dict(sorted(self.patience.pauses.items()))
        return state, Session(samples=todo, seconds=seconds, pauses=pauses)

    def _kept(self, folder: RunFolder) -> tuple[RunState, list[Shard]]:
        """Return the state of the shards that an earlier process has done, and the others."""
        state, missing = RunState.empty(self.spec), list[Shard]()
        for shard in shards_of(len(self.dataset), self.config.shard_size):
            kept = folder.kept_state(shard, self.dataset, self.spec, self.run_id)
            if kept is None:
                missing.append(shard)
            else:
                state = state.merge(kept)
        return state, missing

    def _done_here(
        self, executor: Executor, missing: list[Shard], tally: ProgressTally
    ) -> Generator[RunState]:
        with (
            opened_replay(
                self.config,
                self.run_id,
                self.model,
                self.dataset,
                self.spec,
                tally=tally,
                patience=self.patience,
                has_answered=tally.kept > 0,
            ) as replay,
            replay.telling_what_failed(),
        ):
            yield from executor.map(replay, missing)

    def _done_elsewhere(
        self, executor: RemoteExecutor, missing: list[Shard], tally: ProgressTally
    ) -> Generator[RunState]:
        """Yield the states of shards that workers elsewhere replay; progress is told shard by shard."""
        if not missing:
            return
        with shared_work(
            self.config, self.run_id, self.model, self.dataset, self.spec, has_answered=tally.kept > 0
        ) as work:
            for found in executor.run(work, missing, self.listener.on_wait):
                state = RunState.from_dict(found)
                yield state
                counts = state.overall
                tally.add(
                    scored=counts.confusion.total,
                    no_response=int(counts.no_response.sum()),
                    correct=int(counts.confusion.counts.trace()),
                )
