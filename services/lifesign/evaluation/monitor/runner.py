"""The workers that evaluate queued runs, one at a time each."""

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from lifesign.errors import LifesignError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.monitor.schemas import Headline
from lifesign.evaluation.replay.progress import ProgressListener
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.store.rows import Outcome
from lifesign.evaluation.store.run import Run
from lifesign.evaluation.store.runs import Lease, RunStore
from lifesign.telemetry import get_logger

__all__ = ["Evaluate", "Evaluated", "Runner"]

_LOG = get_logger("runner")
_BEATS_PER_LEASE = 4
_INTERNAL = "stopped by an internal error; the log has the details under this id"


class Evaluated(Protocol):
    """What an evaluation gives: the report is what counts here."""

    @property
    def document(self) -> ReportDocument: ...


class Evaluate(Protocol):
    """``lifesign.evaluation.service.evaluate``, or something that behaves like it."""

    def __call__(
        self, config: EvaluationConfig, *, progress: ProgressListener | None = None, resume: bool = False
    ) -> Evaluated: ...


class EvaluationStopped(Exception):  # noqa: N818  (not an error: somebody asked for it)
    """Leaves an evaluation at the next batch; what is done so far stays on disk."""


class Runner:
    """Worker threads that claim runs, evaluate them and store what came of it.

    At shutdown, and when somebody cancels, an evaluation leaves at its next batch. One that was shut down is
    resumed by the next process that asks the database.
    """

    def __init__(
        self,
        store: RunStore,
        evaluate: Evaluate,
        *,
        lease: timedelta,
        poll: timedelta = timedelta(seconds=5),
        workers: int = 1,
    ) -> None:
        self._store = store
        self._evaluate = evaluate
        self._beat_seconds = lease.total_seconds() / _BEATS_PER_LEASE
        self._poll_seconds = poll.total_seconds()
        self._stopping = threading.Event()
        self._wake = threading.Condition()
        self._awake = False
        self._held: dict[str, str] = {}
        name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._threads = [
            # Daemons: a process that was told to stop ends even if a request to the model never returns.
            threading.Thread(target=self._loop, args=(f"{name}-{i}",), name=f"evaluation-{i}", daemon=True)
            for i in range(workers)
        ]

    def start(self) -> None:
        """Start working."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work now."""
        with self._wake:
            self._awake = True
            self._wake.notify_all()

    def stop(self, grace: timedelta) -> None:
        """Stop working; running evaluations have ``grace`` to reach the end of their batch."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(grace.total_seconds())
        for run_id, worker in tuple(self._held.items()):
            # Too slow to leave by itself: the process ends now, and nobody should wait for its lease.
            _LOG.warning("evaluation_abandoned", run=run_id)
            self._store.release(run_id, worker)

    @property
    def is_working(self) -> bool:
        """Whether every worker lives and none was told to stop."""
        return not self._stopping.is_set() and all(thread.is_alive() for thread in self._threads)

    def _loop(self, worker: str) -> None:
        while not self._stopping.is_set():
            try:
                self._store.recover()
                run = self._store.claim(worker)
            except Exception:
                # The database may be away for a while; the service answers 503 on /readyz meanwhile.
                _LOG.exception("queue_unreadable")
                run = None
            if run is None:
                self._wait()
            else:
                self._held[run.id] = worker
                self._work(run, worker)
                del self._held[run.id]

    def _wait(self) -> None:
        with self._wake:
            if not self._awake:
                self._wake.wait(self._poll_seconds)
            self._awake = False

    def _work(self, run: Run, worker: str) -> None:
        log = _LOG.bind(run=run.id, evaluation=run.evaluation, model=run.model, dataset=run.dataset)
        log.info("evaluation_started", attempt=run.attempts)
        hold = _Hold(self._store, run, worker, self._stopping)
        try:
            with hold.beating(self._beat_seconds):
                document = self._evaluate(
                    EvaluationConfig.model_validate(run.config), progress=hold, resume=_has_begun(run)
                ).document
            if self._succeed(run, worker, document):
                log.info("evaluation_succeeded", verdict=str(document.verdict))
            else:
                log.warning("evaluation_lost", reason="another worker has taken it over")
        except Exception as error:
            try:
                log.info("evaluation_ended", how=_end(self._store, run.id, worker, hold.stopped, error))
            except Exception:
                # Nothing is stored: the lease runs out, and the run is resumed.
                log.exception("evaluation_end_not_stored")

    def _succeed(self, run: Run, worker: str, document: ReportDocument) -> bool:
        headline = Headline.from_document(document)
        return self._store.succeed(
            run.id,
            worker,
            outcome=Outcome(document.verdict),
            model_version=headline.model_version,
            summary=headline.model_dump(mode="json"),
            report=document.to_json(),
        )


class _Hold:
    """A worker's hold on a run: it listens to the progress, tells the store, and leaves when it must."""

    def __init__(self, store: RunStore, run: Run, worker: str, stopping: threading.Event) -> None:
        self._store = store
        self._run = run
        self._worker = worker
        self._stopping = stopping
        self._lease = Lease.HELD
        self._done = run.samples_done
        self._total = run.samples_total

    @property
    def stopped(self) -> Lease | None:
        """Why the evaluation must leave; ``HELD`` means that the process is shutting down."""
        if self._lease is not Lease.HELD:
            return self._lease
        return Lease.HELD if self._stopping.is_set() else None

    def on_start(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._beat()
        self._leave_if_stopped()

    def on_batch(self, done: int, scored: int, no_response: int, correct: int) -> None:  # noqa: ARG002
        self._done = done
        self._leave_if_stopped()

    def on_wait(self, message: str) -> None:
        _LOG.warning("evaluation_waits", run=self._run.id, reason=message)
        self._leave_if_stopped()

    def on_finish(self) -> None:
        self._beat()  # or a run shorter than a beat would end with nothing done

    @contextlib.contextmanager
    def beating(self, every_seconds: float) -> Iterator[None]:
        """Report progress now and then, also while the model server keeps us waiting."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(every_seconds):
                self._beat()

        thread = threading.Thread(target=beat, name=f"heartbeat-{self._run.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _beat(self) -> None:
        with contextlib.suppress(Exception):  # the next beat may get through; if none does, the lease ends
            self._lease = self._store.heartbeat(
                self._run.id, self._worker, done=self._done, total=self._total
            )

    def _leave_if_stopped(self) -> None:
        if self.stopped is not None:
            raise EvaluationStopped


def _has_begun(run: Run) -> bool:
    folder = Path(run.run_dir)
    return folder.is_dir() and any(folder.iterdir())


def _end(store: RunStore, run_id: str, worker: str, stopped: Lease | None, error: Exception) -> str:
    # While stopping, whatever came out of the evaluation is a consequence of that, not a verdict on the run.
    if stopped is Lease.HELD:
        store.release(run_id, worker)
        return "interrupted"
    if stopped is Lease.CANCELLED:
        store.cancelled(run_id, worker)
        return "cancelled"
    if stopped is Lease.LOST:
        return "lost"
    if isinstance(error, LifesignError):
        store.fail(run_id, worker, error=str(error))
        return f"failed: {error}"
    _LOG.error("evaluation_crashed", run=run_id, exc_info=error)
    store.fail(run_id, worker, error=_INTERNAL)
    return "crashed"
