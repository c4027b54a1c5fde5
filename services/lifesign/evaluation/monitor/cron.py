"""Cron expressions as crontab means them, given to a clock that reads them a little differently."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from lifesign.errors import ConfigurationError

__all__ = ["cron_trigger", "next_time"]

_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def cron_trigger(expression: str, timezone: str) -> Any:
    """Return the trigger of a five-field cron expression (minute hour day month weekday).

    Weekdays are crontab's: 0 and 7 are Sunday. Where day and weekday are both restricted crontab runs on
    either, the clock on both: such an expression is refused.

    Raises:
        ConfigurationError: the expression or the time zone is not understood.
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise ConfigurationError(
            f"expected five fields 'minute hour day month weekday', got {len(fields)}: {expression!r}"
        )
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        raise ConfigurationError(f"restrict the day or the weekday, not both: {expression!r}")
    try:
        values = dict(zip(_FIELDS, [*fields[:4], _weekdays(fields[4])], strict=True))
        return CronTrigger(**values, timezone=_zone(timezone))
    except ValueError as error:
        raise ConfigurationError(f"cron expression {expression!r}: {error}") from error


def next_time(trigger: Any, after: datetime) -> datetime | None:
    """Return the first time of a trigger that is later than ``after``; ``None`` if there is none."""
    found: datetime | None = trigger.get_next_fire_time(after, after)
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"expected a time zone such as 'UTC' or 'Europe/Berlin', got {name!r}"
        ) from error


def _weekdays(field: str) -> str:
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, last = _span(span, has_step=bool(step))
        if last < first:
            raise ValueError(f"weekday range {part!r} runs backwards")
        days.update(day % 7 for day in range(first, last + 1, int(step or 1)))
    return ",".join(_DAYS[day] for day in sorted(days))


def _span(span: str, *, has_step: bool) -> tuple[int, int]:
    if span == "*":
        return 0, 6
    first, dash, last = span.partition("-")
    start = _day(first)
    return start, (_day(last) if dash else 6 if has_step else start)


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"expected a weekday 0 to 7 or sun to sat, got {text!r}")
