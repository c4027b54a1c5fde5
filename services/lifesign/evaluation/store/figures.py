"""What instruments and the front page need to know about all runs at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, aliased

from lifesign.evaluation.store.rows import Outcome, RunRow, RunStatus
from lifesign.evaluation.store.run import Run

__all__ = ["Stamps", "last_passed_folder", "latest_succeeded", "run_counts", "run_stamps"]


@dataclass(frozen=True)
class Stamps:
    """When runs of one model on one data set last started, succeeded and failed."""

    model: str
    dataset: str
    start: datetime | None
    success: datetime | None
    failure: datetime | None


def latest_succeeded(engine: Engine) -> tuple[Run, ...]:
    """Return the run that succeeded last, per model and data set."""
    rank = (
        func.row_number()
        .over(
            partition_by=(RunRow.model, RunRow.dataset),
            order_by=(RunRow.finished_at.desc(), RunRow.id.desc()),
        )
        .label("rank")
    )
    ranked = select(RunRow.id, rank).where(RunRow.state == RunStatus.SUCCEEDED).subquery()
    latest = aliased(RunRow)
    query = (
        select(latest)
        .join(ranked, ranked.c.id == latest.id)
        .where(ranked.c.rank == 1)
        .order_by(latest.model, latest.dataset)
    )
    with Session(engine) as session:
        return tuple(Run.from_row(row) for row in session.scalars(query))


def run_counts(engine: Engine) -> dict[tuple[str, str], int]:
    """Return the number of finished runs per data set and outcome."""
    query = (
        select(RunRow.dataset, RunRow.outcome, func.count())
        .where(RunRow.outcome.is_not(None))
        .group_by(RunRow.dataset, RunRow.outcome)
    )
    with Session(engine) as session:
        return {(dataset, str(outcome)): count for dataset, outcome, count in session.execute(query)}


def run_stamps(engine: Engine) -> tuple[Stamps, ...]:
    """Return the last start, success and failure per model and data set."""
    ended = func.max(RunRow.finished_at)
    query = (
        select(
            RunRow.model,
            RunRow.dataset,
            func.max(RunRow.started_at),
            ended.filter(RunRow.state == RunStatus.SUCCEEDED),
            ended.filter(RunRow.state == RunStatus.FAILED),
        )
        .group_by(RunRow.model, RunRow.dataset)
        .order_by(RunRow.model, RunRow.dataset)
    )
    with Session(engine) as session:
        return tuple(Stamps(*row) for row in session.execute(query))


def last_passed_folder(engine: Engine, *, model: str, dataset: str) -> str | None:
    """Return the run folder of the last run of a model on a data set that passed, ``None`` if none did."""
    query = (
        select(RunRow.run_dir)
        .where(RunRow.model == model, RunRow.dataset == dataset, RunRow.outcome == Outcome.PASS)
        .order_by(RunRow.finished_at.desc(), RunRow.id.desc())
        .limit(1)
    )
    with Session(engine) as session:
        return session.scalar(query)
