"""The queue of runs. The database decides who runs what: every change of hands is one conditional update."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, Engine, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lifesign.errors import ConflictError, InputError
from lifesign.evaluation.store.rows import MissedTickRow, Outcome, RunRow, RunStatus
from lifesign.evaluation.store.run import FINAL, NewRun, Run

__all__ = ["Lease", "RunNotFoundError", "RunStore"]

_WAITING = (RunStatus.QUEUED, RunStatus.INTERRUPTED)


class RunNotFoundError(InputError):
    """There is no run of that id."""


class Lease(StrEnum):
    """What a worker learns when it reports progress."""

    HELD = "held"
    CANCELLED = "cancelled"
    LOST = "lost"


def utc_now() -> datetime:
    """Return the time now, aware and in UTC."""
    return datetime.now(UTC)


class RunStore:
    """Runs in a database that several processes may share.

    A worker holds a run as long as it reports progress: after ``lease`` without a word the run counts as
    interrupted, and whoever asks next resumes it. What a worker that lost its lease says is not believed.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lease: timedelta = timedelta(minutes=2),
        max_attempts: int = 5,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._max_attempts = max_attempts
        self._now = now

    @property
    def engine(self) -> Engine:
        return self._engine

    def now(self) -> datetime:
        """Return the store's time."""
        return self._now()

    def ping(self) -> None:
        """Raise what the database raises if it cannot be read."""
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def add(self, new: NewRun) -> Run | None:
        """Queue a run; ``None`` if another process has queued the same tick of the same schedule."""
        row = RunRow(
            **{name: getattr(new, name) for name in NewRun.__dataclass_fields__},
            state=RunStatus.QUEUED,
            trigger=new.trigger,
            created_at=self._now(),
        )
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                session.add(row)
        except IntegrityError:
            if new.schedule is None:
                raise
            return None
        return self.get(new.id)

    def get(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            RunNotFoundError: there is none of that id.
        """
        with Session(self._engine) as session:
            row = session.get(RunRow, run_id)
            if row is None:
                raise RunNotFoundError(f"there is no evaluation {run_id!r}")
            return Run.from_row(row)

    def report(self, run_id: str) -> str | None:
        """Return the report as JSON text, ``None`` while there is none."""
        with Session(self._engine) as session:
            return session.scalar(select(RunRow.report).where(RunRow.id == run_id))

    def page(
        self, *, limit: int, state: RunStatus | None = None, before: str | None = None
    ) -> tuple[Run, ...]:
        """Return the newest runs, newest first; ``before`` is the id of the last run of the previous page."""
        query = select(RunRow).order_by(RunRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(RunRow.state == state)
        if before is not None:
            query = query.where(RunRow.id < before)
        with Session(self._engine) as session:
            return tuple(Run.from_row(row) for row in session.scalars(query))

    def claim(self, worker: str) -> Run | None:
        """Take the oldest waiting run, ``None`` if there is none; a run is never given to two workers."""
        while True:
            with Session(self._engine) as session:
                candidate = session.execute(
                    select(RunRow.id, RunRow.state, RunRow.started_at)
                    .where(RunRow.state.in_(_WAITING))
                    .order_by(RunRow.id)
                    .limit(1)
                ).first()
            if candidate is None:
                return None
            run_id, state, started_at = candidate
            now = self._now()
            values = {
                "state": RunStatus.RUNNING,
                "worker": worker,
                "heartbeat_at": now,
                "started_at": started_at or now,
                "attempts": RunRow.attempts + 1,
            }
            if self._change(run_id, state, values):
                return self.get(run_id)

    def heartbeat(self, run_id: str, worker: str, *, done: int, total: int | None) -> Lease:
        """Say that a run is alive and how far it is; learn whether it should go on."""
        values = {"heartbeat_at": self._now(), "samples_done": done, "samples_total": total}
        if not self._change(run_id, RunStatus.RUNNING, values, worker=worker):
            return Lease.LOST
        return Lease.CANCELLED if self.get(run_id).cancel_requested else Lease.HELD

    def succeed(
        self,
        run_id: str,
        worker: str,
        *,
        outcome: Outcome,
        model_version: str,
        summary: Mapping[str, Any],
        report: str,
    ) -> bool:
        """Store a report; ``False`` if the worker no longer holds the run, and nothing was stored."""
        return self._finish(
            run_id,
            worker,
            state=RunStatus.SUCCEEDED,
            outcome=outcome,
            model_version=model_version,
            summary=dict(summary),
            report=report,
        )

    def fail(self, run_id: str, worker: str, *, error: str) -> bool:
        """End a run that could not be evaluated; ``False`` if the worker no longer holds it."""
        return self._finish(run_id, worker, state=RunStatus.FAILED, outcome=Outcome.ERROR, error=error)

    def release(self, run_id: str, worker: str) -> bool:
        """Give a run back unfinished, to be resumed later."""
        values = {"state": RunStatus.INTERRUPTED, "worker": None}
        return self._change(run_id, RunStatus.RUNNING, values, worker=worker)

    def cancelled(self, run_id: str, worker: str) -> bool:
        """Confirm that a running evaluation stopped because someone asked for it."""
        return self._finish(run_id, worker, state=RunStatus.CANCELLED)

    def cancel(self, run_id: str) -> Run:
        """Cancel a waiting run at once, or ask a running one to stop.

        Raises:
            RunNotFoundError: there is none of that id.
            ConflictError: the run is over.
        """
        while True:
            run = self.get(run_id)
            if run.state in FINAL:
                raise ConflictError(f"evaluation {run_id!r} is over: it {_ended(run.state)}")
            values: dict[str, Any] = {"cancel_requested": True}
            if run.state in _WAITING:
                values |= {"state": RunStatus.CANCELLED, "finished_at": self._now()}
            if self._change(run_id, run.state, values):
                return self.get(run_id)

    def recover(self) -> int:
        """Mark runs whose worker fell silent as interrupted, or failed after too many attempts."""
        silent = (RunRow.state == RunStatus.RUNNING, RunRow.heartbeat_at < self._now() - self._lease)
        worn = f"stopped without a word {self._max_attempts} times; the machine may be short of memory"
        with Session(self._engine) as session, session.begin():
            given_up = session.execute(
                update(RunRow)
                .where(*silent, RunRow.attempts >= self._max_attempts)
                .values(
                    state=RunStatus.FAILED,
                    outcome=Outcome.ERROR,
                    error=worn,
                    finished_at=self._now(),
                    worker=None,
                )
            )
            interrupted = session.execute(
                update(RunRow).where(*silent).values(state=RunStatus.INTERRUPTED, worker=None)
            )
            return _rows(given_up) + _rows(interrupted)

    def last_due(self, schedule: str) -> datetime | None:
        """Return the latest tick of a schedule that was ever queued."""
        query = select(RunRow.due_time).where(RunRow.schedule == schedule)
        with Session(self._engine) as session:
            return session.scalar(query.order_by(RunRow.due_time.desc()).limit(1))

    def has_unfinished_before(self, schedule: str, due_time: datetime) -> bool:
        """Say whether an earlier tick of the schedule still waits or runs."""
        query = select(RunRow.id).where(
            RunRow.schedule == schedule, RunRow.due_time < due_time, RunRow.state.not_in(FINAL)
        )
        with Session(self._engine) as session:
            return session.scalar(query.limit(1)) is not None

    def add_missed(self, schedule: str, due_time: datetime) -> bool:
        """Note that a tick was missed; ``False`` if it was noted before, by this process or another."""
        try:
            with Session(self._engine) as session, session.begin():
                session.add(MissedTickRow(schedule=schedule, due_time=due_time))
        except IntegrityError:
            return False
        return True

    def _finish(self, run_id: str, worker: str, **values: Any) -> bool:
        values |= {"finished_at": self._now(), "worker": None}
        return self._change(run_id, RunStatus.RUNNING, values, worker=worker)

    def _change(
        self, run_id: str, state: str, values: Mapping[str, Any], *, worker: str | None = None
    ) -> bool:
        statement = update(RunRow).where(RunRow.id == run_id, RunRow.state == state)
        if worker is not None:
            statement = statement.where(RunRow.worker == worker)
        with Session(self._engine) as session, session.begin():
            return _rows(session.execute(statement.values(**values))) == 1


def _rows(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount


def _ended(state: RunStatus) -> str:
    return "was cancelled" if state is RunStatus.CANCELLED else str(state)
