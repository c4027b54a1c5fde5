"""Turn a wish (a name, a config, a tick of a schedule) into a queued run."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lifesign.errors import InputError
from lifesign.evaluation.config import EvaluationConfig, evaluation_config
from lifesign.evaluation.monitor.config_roots import ConfigRoots
from lifesign.evaluation.monitor.schedules import ScheduleBook
from lifesign.evaluation.store.figures import last_passed_folder
from lifesign.evaluation.store.run import NewRun, Run, new_run_id
from lifesign.evaluation.store.runs import RunStore

__all__ = ["Intake"]

_UNNAMED = "(config)"


class Intake:
    """Queues runs; ``on_queued`` is called after each, so that a worker need not wait for its next look.

    The book may name any place; a config that comes with a wish only those in ``roots``.
    """

    def __init__(
        self,
        store: RunStore,
        book: ScheduleBook,
        *,
        runs_dir: Path,
        roots: ConfigRoots,
        on_queued: Callable[[], None],
    ) -> None:
        self._store = store
        self._book = book
        self._runs_dir = runs_dir
        self._roots = roots
        self._on_queued = on_queued

    def by_name(self, evaluation: str) -> Run:
        """Queue a configured evaluation.

        Raises:
            InputError: there is none of that name.
        """
        run_id, out = self._place()
        return self._queue_manual(run_id, evaluation, self._named(evaluation, out))

    def by_config(self, values: Mapping[str, Any]) -> Run:
        """Queue an evaluation that is described in full, but for its run folder.

        Raises:
            ConfigurationError: the description is wrong; the message names each field.
            InputError: it names a run folder or a place outside the roots, or has the model and the data set
                of a named evaluation.
        """
        if "out" in values:
            raise InputError("config.out: remove it, the monitor chooses the run folders")
        # Before validation, which reads some of the files it names.
        self._roots.require(values)
        run_id, out = self._place()
        config = evaluation_config(**{**values, "out": out})
        self._book.require_own_labels(config)
        return self._queue_manual(run_id, _UNNAMED, config)

    def by_tick(self, schedule: str, due_time: datetime) -> Run | None:
        """Queue what a schedule runs; ``None`` if another process has queued this tick."""
        evaluation = self._book.schedules[schedule].evaluation
        run_id, out = self._place()
        config = self._named(evaluation, out)
        return self._queue(run_id, evaluation, config, schedule=schedule, due_time=due_time)

    def _named(self, evaluation: str, out: Path) -> EvaluationConfig:
        # Chosen now and not when the run starts: a resumed run must have the baseline it began with.
        return self._book.config(evaluation, out=out, last_pass=self._last_pass)

    def _last_pass(self, model: str, dataset: str) -> Path | None:
        run_dir = last_passed_folder(self._store.engine, model=model, dataset=dataset)
        return Path(run_dir) if run_dir is not None and Path(run_dir).is_dir() else None

    def _place(self) -> tuple[str, Path]:
        run_id = new_run_id(self._store.now())
        return run_id, self._runs_dir / run_id

    def _queue_manual(self, run_id: str, evaluation: str, config: EvaluationConfig) -> Run:
        run = self._queue(run_id, evaluation, config)
        assert run is not None  # only ticks can be there already
        return run

    def _queue(
        self,
        run_id: str,
        evaluation: str,
        config: EvaluationConfig,
        *,
        schedule: str | None = None,
        due_time: datetime | None = None,
    ) -> Run | None:
        run = self._store.add(
            NewRun(
                id=run_id,
                evaluation=evaluation,
                model=config.model,
                dataset=config.name_of_dataset,
                config=config.model_dump(mode="json"),
                run_dir=str(config.out),
                schedule=schedule,
                due_time=due_time,
            )
        )
        if run is not None:
            self._on_queued()
        return run
