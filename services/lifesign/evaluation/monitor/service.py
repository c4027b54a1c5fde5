"""The monitor: store, clock, workers and instruments, put together."""

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from lifesign.errors import StorageError
from lifesign.evaluation.monitor.config_roots import ConfigRoots
from lifesign.evaluation.monitor.exporter import EvaluationCollector
from lifesign.evaluation.monitor.intake import Intake
from lifesign.evaluation.monitor.runner import Evaluate, Runner
from lifesign.evaluation.monitor.scheduler import EvaluationScheduler
from lifesign.evaluation.monitor.schedules import ScheduleBook, load_schedules
from lifesign.evaluation.monitor.settings import MonitorSettings
from lifesign.evaluation.store.database import migrate, open_engine
from lifesign.evaluation.store.runs import RunStore

__all__ = ["Monitor", "open_monitor"]


@dataclass(frozen=True)
class Monitor:
    """The parts of one monitor process; ``start`` and ``stop`` are called once each."""

    settings: MonitorSettings
    book: ScheduleBook
    store: RunStore
    intake: Intake
    runner: Runner
    scheduler: EvaluationScheduler
    registry: CollectorRegistry

    def start(self) -> None:
        """Start the workers and the clock; runs that were interrupted go on first."""
        self.runner.start()
        self.scheduler.start()

    def stop(self) -> None:
        """Stop the clock, then the workers; a running evaluation stays resumable."""
        self.scheduler.stop()
        self.runner.stop(self.settings.stop_grace)
        self.store.engine.dispose()

    def is_ready(self) -> bool:
        """Say whether the database answers and the workers live."""
        try:
            self.store.ping()
        except Exception:
            return False
        return self.runner.is_working


def open_monitor(settings: MonitorSettings, *, evaluate: Evaluate) -> Monitor:
    """Read the schedules, open the database and bring it up to date; nothing runs yet.

    Raises:
        ConfigurationError: settings or schedules are wrong.
        StorageError: the data folder or the database cannot be used.
    """
    path = settings.schedules_file
    book = ScheduleBook() if path is None else load_schedules(path)
    _make_folder(settings.runs_dir)
    engine = open_engine(settings.url)
    migrate(engine)
    store = RunStore(engine, lease=settings.lease)
    runner = Runner(store, evaluate, lease=settings.lease, poll=settings.poll, workers=settings.workers)
    intake = Intake(
        store,
        book,
        runs_dir=settings.runs_dir.resolve(),
        roots=ConfigRoots((*settings.config_roots, settings.runs_dir)),
        on_queued=runner.wake,
    )
    scheduler = EvaluationScheduler(book, store, intake, grace=settings.misfire_grace)
    configs = [book.config(name, out=Path()) for name in book.evaluations]
    collector = EvaluationCollector(
        store,
        missed=scheduler.missed,
        configured=((config.model, config.name_of_dataset) for config in configs),
        forget=settings.forget,
        classes_limit=settings.classes_limit,
        confused_pairs=settings.confused_pairs,
    )
    return Monitor(settings, book, store, intake, runner, scheduler, _registry(collector))


def _registry(collector: EvaluationCollector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"folder {path} cannot be made: {error.strerror}") from error
