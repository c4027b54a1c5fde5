"""Crontab's expressions mean what crontab means."""

from datetime import UTC, datetime

import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.monitor.cron import cron_trigger, next_time

_SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 2 * * *", datetime(2026, 11, 22, 2)),
        ("*/15 * * * *", datetime(2026, 11, 21, 12, 15)),
        ("0 2 * * 0", datetime(2026, 11, 22, 2)),
        ("0 2 * * 7", datetime(2026, 11, 22, 2)),
        ("0 2 * * 1", datetime(2026, 11, 23, 2)),
        ("0 2 * * mon-fri", datetime(2026, 11, 23, 2)),
        ("0 2 * * 5-7", datetime(2026, 11, 22, 2)),
        ("0 2 * * */3", datetime(2026, 11, 22, 2)),
        ("0 2 * * 2,4", datetime(2026, 11, 24, 2)),
        ("0 0 1 * *", datetime(2026, 12, 1)),
    ],
)
def test_the_next_time_is_crontabs(expression: str, expected: datetime) -> None:
    found = next_time(cron_trigger(expression, "UTC"), _SATURDAY)
    assert found == expected.replace(tzinfo=UTC)


def test_hours_are_those_of_the_time_zone() -> None:
    found = next_time(cron_trigger("0 2 * * *", "Europe/Berlin"), _SATURDAY)
    assert found is not None
    assert found.astimezone(UTC) == datetime(2026, 11, 22, 1, tzinfo=UTC)


def test_the_next_time_is_later_than_the_last() -> None:
    due = datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert next_time(cron_trigger("0 2 * * *", "UTC"), due) == datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "timezone", "words"),
    [
        ("0 2 * *", "UTC", "expected five fields"),
        ("0 25 * * *", "UTC", "cron expression '0 25"),
        ("0 2 * * 8", "UTC", "weekday 0 to 7"),
        ("0 2 * * fri-mon", "UTC", "runs backwards"),
        ("0 2 * * */x", "UTC", "cron expression"),
        ("0 2 * * */0", "UTC", "cron expression"),
        ("0 2 1 * 1", "UTC", "not both"),
        ("0 2 * * *", "Mars/Olympus", "expected a time zone"),
        ("0 2 * * *", "../etc/passwd", "expected a time zone"),
    ],
)
def test_what_is_not_understood_is_said(expression: str, timezone: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace("*", r"\*")):
        cron_trigger(expression, timezone)
