"""The page that people see first: one look says what is good, what is not and what runs."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from lifesign import __version__
from lifesign.evaluation.monitor.schemas import EvaluationView, ScheduleView
from lifesign.evaluation.store.rows import RunStatus

__all__ = ["front_page"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def front_page(
    *,
    latest: Sequence[EvaluationView],
    evaluations: Sequence[EvaluationView],
    schedules: Sequence[ScheduleView],
    now: datetime,
    state: RunStatus | None,
    limit: int,
    next_cursor: str | None,
) -> str:
    """Return the page; it needs nothing but itself."""
    return (
        _environment()
        .get_template("front.html.j2")
        .render(
            latest=latest,
            evaluations=evaluations,
            schedules=schedules,
            now=now,
            state=state,
            states=tuple(RunStatus),
            limit=limit,
            next_cursor=next_cursor,
            version=__version__,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lifesign.evaluation.monitor", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "span": _span, "moment": _moment, "distance": _distance}
    return environment


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _moment(time: datetime | None) -> str:
    return "–" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"


def _span(seconds: float | None) -> str:
    """Return a duration as people say it: ``42 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def _distance(time: datetime | None, now: datetime) -> str:
    """Return how far a time is from now: ``3 h ago``, ``in 2 days``."""
    if time is None:
        return "–"
    seconds = (time - now).total_seconds()
    size = abs(seconds)
    for unit, name in ((_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min")):
        if size >= unit:
            count = int(size // unit)
            words = f"{count} {name}{'s' if name == 'day' and count > 1 else ''}"
            break
    else:
        words = f"{int(size)} s"
    return f"in {words}" if seconds > 0 else f"{words} ago"
