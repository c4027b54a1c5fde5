"""The tables of the monitor, as typed rows."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column
from sqlalchemy.types import TypeDecorator

__all__ = ["Base", "MissedTickRow", "Outcome", "RunRow", "RunStatus", "Trigger"]

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class RunStatus(StrEnum):
    """Where a run is: ``interrupted`` is waiting to be resumed, the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What came of a finished run: the verdict of its report, or ``error`` where there is none."""

    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"
    ERROR = "error"


class Trigger(StrEnum):
    """Who asked for a run."""

    MANUAL = "manual"
    SCHEDULE = "schedule"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, also on databases that keep no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables' common ground: constraint names that migrations can refer to."""

    metadata = MetaData(naming_convention=_NAMING)


class RunRow(Base):
    """One evaluation asked for: its config, who works on it, how it ended."""

    __tablename__ = "runs"
    # The tick of a schedule can be written once: that is what makes a fleet run it once.
    __table_args__ = (
        UniqueConstraint("schedule", "due_time"),
        Index(None, "state", "id"),
        Index(None, "model", "dataset", "finished_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    evaluation: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(200))
    dataset: Mapped[str] = mapped_column(String(200))
    model_version: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    trigger: Mapped[str] = mapped_column(String(16))
    schedule: Mapped[str | None] = mapped_column(String(200))
    due_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    samples_done: Mapped[int] = mapped_column(default=0)
    samples_total: Mapped[int | None]
    run_dir: Mapped[str] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    report: Mapped[str | None] = deferred(mapped_column(Text))


class MissedTickRow(Base):
    """One tick of a schedule that was counted as missed, by whichever process came first."""

    __tablename__ = "missed_ticks"

    schedule: Mapped[str] = mapped_column(String(200), primary_key=True)
    due_time: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
