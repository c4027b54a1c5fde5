"""One run as a value, and what is needed to ask for one."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from lifesign.evaluation.store.rows import Outcome, RunRow, RunStatus, Trigger

__all__ = ["FINAL", "NewRun", "Run", "new_run_id"]

FINAL = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What to run. ``schedule`` and ``due_time`` belong together: a tick is run once by the whole fleet."""

    id: str
    evaluation: str
    model: str
    dataset: str
    config: dict[str, Any]
    run_dir: str
    schedule: str | None = None
    due_time: datetime | None = None

    @property
    def trigger(self) -> Trigger:
        return Trigger.MANUAL if self.schedule is None else Trigger.SCHEDULE


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as the database had it at the time of reading; times are aware and in UTC."""

    id: str
    evaluation: str
    model: str
    dataset: str
    model_version: str | None
    state: RunStatus
    outcome: Outcome | None
    trigger: Trigger
    schedule: str | None
    due_time: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    worker: str | None
    attempts: int
    cancel_requested: bool
    samples_done: int
    samples_total: int | None
    run_dir: str
    error: str | None
    config: dict[str, Any] = field(repr=False)
    summary: dict[str, Any] | None = field(repr=False)

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from the first start to the end; ``None`` while it is not over."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    @classmethod
    def from_row(cls, row: RunRow) -> Self:
        """Return the value of a row."""
        plain = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(
            **{
                **plain,
                "state": RunStatus(row.state),
                "outcome": None if row.outcome is None else Outcome(row.outcome),
                "trigger": Trigger(row.trigger),
            }
        )


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and is safe as a folder name: ``20261121T020000123456-9f3a1c``."""
    return f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
