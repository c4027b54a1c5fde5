"""The clock queues every due tick once, also late, never twice, and counts what it had to skip."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lifesign.evaluation.monitor.config_roots import ConfigRoots
from lifesign.evaluation.monitor.intake import Intake
from lifesign.evaluation.monitor.scheduler import EvaluationScheduler
from lifesign.evaluation.monitor.schedules import Schedule, ScheduleBook
from lifesign.evaluation.store.rows import RunStatus, Trigger
from lifesign.evaluation.store.runs import RunStore

_EVALUATION = {"target": "localhost:1", "model": "m", "data": "sets/faces"}


def _book(cron: str) -> ScheduleBook:
    return ScheduleBook({"faces": _EVALUATION}, {"often": Schedule(cron=cron, evaluation="faces")})


def _scheduler(
    store: RunStore, cron: str, *, grace: timedelta = timedelta(hours=6), queued: Callable[[], None] = int
) -> EvaluationScheduler:
    book = _book(cron)
    intake = Intake(store, book, runs_dir=Path("runs"), roots=ConfigRoots(()), on_queued=queued)
    return EvaluationScheduler(book, store, intake, grace=grace)


@contextmanager
def _ticking(scheduler: EvaluationScheduler) -> Iterator[EvaluationScheduler]:
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.02)


def _finish_all(store: RunStore) -> None:
    while (run := store.claim("w")) is not None:
        store.fail(run.id, "w", error="not evaluated here")


def test_a_tick_becomes_one_run_with_its_due_time(store: RunStore) -> None:
    woken: list[int] = []
    scheduler = _scheduler(store, "0 2 * * *", queued=lambda: woken.append(1))
    due = datetime(2026, 11, 21, 2, tzinfo=UTC)

    scheduler.tick("often", due)

    (run,) = store.page(limit=9)
    assert (run.trigger, run.schedule, run.due_time) == (Trigger.SCHEDULE, "often", due)
    assert (run.evaluation, run.model, run.dataset) == ("faces", "m", "faces")
    assert Path(run.run_dir) == Path("runs") / run.id
    assert woken == [1]


def test_two_clocks_on_one_store_queue_ten_ticks_once_each(store: RunStore) -> None:
    first, second = _scheduler(store, "0 * * * *"), _scheduler(store, "0 * * * *")
    for hour in range(10):
        for scheduler in (first, second) if hour % 2 else (second, first):
            scheduler.tick("often", datetime(2026, 11, 21, hour, tzinfo=UTC))
        _finish_all(store)

    assert len(store.page(limit=99)) == 10
    assert (first.missed(), second.missed()) == ({"often": 0}, {"often": 0})


def test_runs_do_not_pile_up(store: RunStore) -> None:
    scheduler = _scheduler(store, "0 * * * *")
    scheduler.tick("often", datetime(2026, 11, 21, 1, tzinfo=UTC))
    scheduler.tick("often", datetime(2026, 11, 21, 2, tzinfo=UTC))

    assert len(store.page(limit=9)) == 1
    assert scheduler.missed() == {"often": 1}


def test_a_missed_tick_is_counted_once_over_a_restart(store: RunStore) -> None:
    before = _scheduler(store, "0 * * * *")
    before.tick("often", datetime(2026, 11, 21, 1, tzinfo=UTC))
    before.tick("often", datetime(2026, 11, 21, 2, tzinfo=UTC))

    after = _scheduler(store, "0 * * * *")
    after.tick("often", datetime(2026, 11, 21, 2, tzinfo=UTC))
    after.tick("often", datetime(2026, 11, 21, 3, tzinfo=UTC))

    assert (before.missed(), after.missed()) == ({"often": 1}, {"often": 1})


def test_without_a_database_a_missed_tick_still_counts(store: RunStore) -> None:
    scheduler = _scheduler(store, "* * * * *")
    scheduler.tick("often", datetime(2026, 11, 21, 1, tzinfo=UTC))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE missed_ticks")

    scheduler.tick("often", datetime(2026, 11, 21, 2, tzinfo=UTC))

    assert scheduler.missed() == {"often": 1}


def test_a_schedule_that_never_ran_waits_for_its_next_tick(store: RunStore) -> None:
    with _ticking(_scheduler(store, "0 2 * * *")) as scheduler:
        due = scheduler.next_due()["often"]

    assert due is not None
    assert datetime.now(UTC) < due <= datetime.now(UTC) + timedelta(days=1)
    assert (due.hour, due.minute) == (2, 0)
    assert store.page(limit=9) == ()


def test_ticks_missed_while_away_are_made_up_for_by_one_run(store: RunStore) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    _scheduler(store, "* * * * *").tick("often", now - timedelta(minutes=30))
    _finish_all(store)

    with _ticking(_scheduler(store, "* * * * *")) as scheduler:
        _until(lambda: bool(store.page(limit=9, state=RunStatus.QUEUED)))
        missed = scheduler.missed()

    (made_up,) = store.page(limit=9, state=RunStatus.QUEUED)
    assert made_up.due_time is not None
    assert now - timedelta(minutes=1) <= made_up.due_time <= now + timedelta(minutes=2)
    assert missed == {"often": 0}


def test_two_clocks_make_up_for_it_once(store: RunStore) -> None:
    now = datetime.now(UTC)
    _scheduler(store, "0 * * * *").tick("often", now - timedelta(hours=3))
    _finish_all(store)

    with (
        _ticking(_scheduler(store, "0 * * * *")) as first,
        _ticking(_scheduler(store, "0 * * * *")) as second,
    ):
        _until(lambda: bool(store.page(limit=9, state=RunStatus.QUEUED)))
        _until(lambda: all(_is_ahead(scheduler) for scheduler in (first, second)))

    assert len(store.page(limit=9, state=RunStatus.QUEUED)) == 1


def _is_ahead(scheduler: EvaluationScheduler) -> bool:
    due = scheduler.next_due()["often"]
    return due is not None and due > datetime.now(UTC)
