"""The store gives every run to one worker, and every tick to one run."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lifesign.errors import ConfigurationError, ConflictError, StorageError
from lifesign.evaluation.store.database import migrate, open_engine
from lifesign.evaluation.store.figures import latest_succeeded, run_counts, run_stamps
from lifesign.evaluation.store.rows import Base, Outcome, RunStatus
from lifesign.evaluation.store.run import NewRun, Run, new_run_id
from lifesign.evaluation.store.runs import Lease, RunNotFoundError, RunStore

_START = datetime(2026, 11, 21, 2, tzinfo=UTC)
_LEASE = timedelta(seconds=60)


@dataclass
class _Clock:
    time: datetime = _START

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, time: timedelta) -> None:
        self.time += time


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database: SQLite, or the one that LIFESIGN_TEST_DATABASE_URL names, which is emptied."""
    other = os.environ.get("LIFESIGN_TEST_DATABASE_URL")
    if other is None:
        return f"sqlite:///{tmp_path / 'monitor.db'}"
    engine = open_engine(other)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS runs")
        connection.exec_driver_sql("DROP TABLE IF EXISTS missed_ticks")
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    engine.dispose()
    return other


@pytest.fixture
def store(url: str, clock: _Clock) -> Iterator[RunStore]:
    engine = open_engine(url)
    migrate(engine)
    yield RunStore(engine, lease=_LEASE, max_attempts=2, now=clock)
    engine.dispose()


@pytest.fixture
def add(store: RunStore, clock: _Clock) -> Callable[..., Run | None]:
    def add(
        *, schedule: str | None = None, due: datetime | None = None, dataset: str = "faces", model: str = "m"
    ) -> Run | None:
        clock.pass_by(timedelta(seconds=1))
        new = NewRun(
            id=new_run_id(clock.time),
            evaluation="nightly",
            model=model,
            dataset=dataset,
            config={"model": model},
            run_dir="runs/1",
            schedule=schedule,
            due_time=due,
        )
        return store.add(new)

    return add


def _succeed(store: RunStore, worker: str = "w", *, version: str = "1") -> str:
    run = store.claim(worker)
    assert run is not None
    assert store.succeed(
        run.id, worker, outcome=Outcome.PASS, model_version=version, summary={"a": 1}, report="{}"
    )
    return run.id


def test_migrations_make_the_tables_of_the_rows(store: RunStore) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_two_processes_may_migrate_at_the_same_moment(url: str) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        engine = open_engine(url)
        try:
            migrate(engine)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_run_reads_back_as_it_was_asked_for(store: RunStore, add: Callable[..., Run]) -> None:
    run = add(schedule="nightly", due=_START)

    assert store.get(run.id) == run
    assert (run.state, run.due_time, run.config) == (RunStatus.QUEUED, _START, {"model": "m"})


def test_runs_are_claimed_oldest_first_and_once(store: RunStore, add: Callable[..., Run]) -> None:
    first, second = add(), add()

    claimed = [store.claim("a"), store.claim("b"), store.claim("c")]

    assert [run and run.id for run in claimed] == [first.id, second.id, None]


def test_many_workers_never_share_a_run(store: RunStore, add: Callable[..., Run]) -> None:
    expected = {add().id for _ in range(20)}
    claimed: list[str] = []

    def work(worker: str) -> None:
        while (run := store.claim(worker)) is not None:
            claimed.append(run.id)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == 20
    assert set(claimed) == expected


def test_a_tick_is_queued_once(store: RunStore, add: Callable[..., Run | None]) -> None:
    assert add(schedule="nightly", due=_START) is not None
    assert add(schedule="nightly", due=_START) is None
    assert add(schedule="weekly", due=_START) is not None
    assert store.last_due("nightly") == _START
    assert store.last_due("yearly") is None


def test_a_silent_worker_loses_its_run_and_is_not_believed(
    store: RunStore, add: Callable[..., Run], clock: _Clock
) -> None:
    run = add()
    store.claim("dead")
    clock.pass_by(_LEASE + timedelta(seconds=1))

    assert store.recover() == 1
    assert store.get(run.id).state is RunStatus.INTERRUPTED
    again = store.claim("alive")
    assert again is not None
    assert (again.id, again.attempts) == (run.id, 2)
    assert store.heartbeat(run.id, "dead", done=1, total=2) is Lease.LOST
    assert not store.fail(run.id, "dead", error="too late")
    assert store.get(run.id).state is RunStatus.RUNNING


def test_a_worker_that_reports_keeps_its_run(store: RunStore, add: Callable[..., Run], clock: _Clock) -> None:
    run = add()
    store.claim("w")
    clock.pass_by(_LEASE * 0.9)
    assert store.heartbeat(run.id, "w", done=3, total=9) is Lease.HELD
    clock.pass_by(_LEASE * 0.9)

    assert store.recover() == 0
    assert (store.get(run.id).samples_done, store.get(run.id).samples_total) == (3, 9)


def test_a_run_that_kills_its_workers_fails_at_last(
    store: RunStore, add: Callable[..., Run], clock: _Clock
) -> None:
    run = add()
    for _ in range(2):
        assert store.claim("w") is not None
        clock.pass_by(_LEASE * 2)
        store.recover()

    ended = store.get(run.id)
    assert (ended.state, ended.outcome) == (RunStatus.FAILED, Outcome.ERROR)
    assert "2 times" in (ended.error or "")


def test_a_released_run_waits_to_be_resumed(store: RunStore, add: Callable[..., Run]) -> None:
    run = add()
    first = store.claim("w")
    assert first is not None
    assert store.release(run.id, "w")

    again = store.claim("x")

    assert again is not None
    assert (again.attempts, again.started_at) == (2, first.started_at)


def test_a_waiting_run_is_cancelled_at_once(store: RunStore, add: Callable[..., Run]) -> None:
    run = add()

    assert store.cancel(run.id).state is RunStatus.CANCELLED
    assert store.claim("w") is None
    with pytest.raises(ConflictError, match="was cancelled"):
        store.cancel(run.id)


def test_a_running_run_is_asked_to_stop(store: RunStore, add: Callable[..., Run]) -> None:
    run = add()
    store.claim("w")

    assert store.cancel(run.id).state is RunStatus.RUNNING
    assert store.heartbeat(run.id, "w", done=0, total=1) is Lease.CANCELLED
    assert store.cancelled(run.id, "w")
    assert store.get(run.id).state is RunStatus.CANCELLED


def test_pages_go_from_new_to_old(store: RunStore, add: Callable[..., Run]) -> None:
    ids = [add().id for _ in range(5)]

    first = store.page(limit=2)
    second = store.page(limit=2, before=first[-1].id)

    assert [run.id for run in (*first, *second)] == ids[:0:-1]
    assert store.page(limit=9, state=RunStatus.RUNNING) == ()


def test_figures_know_the_latest_run_of_each_model_and_set(
    store: RunStore, add: Callable[..., Run], clock: _Clock
) -> None:
    add(), _succeed(store, version="1")
    add(), _succeed(store, version="2")
    add(dataset="other"), _succeed(store, version="1")
    clock.pass_by(timedelta(hours=1))
    failed = add()
    store.claim("w")
    store.fail(failed.id, "w", error="no server")

    latest = {(run.dataset, run.model_version) for run in latest_succeeded(store.engine)}
    assert latest == {("faces", "2"), ("other", "1")}
    assert run_counts(store.engine) == {("faces", "pass"): 2, ("faces", "error"): 1, ("other", "pass"): 1}
    stamps = {stamp.dataset: stamp for stamp in run_stamps(store.engine)}
    assert stamps["faces"].failure == clock.time
    assert stamps["faces"].success == _START + timedelta(seconds=2)
    assert stamps["other"].failure is None


def test_an_unfinished_earlier_tick_is_seen(store: RunStore, add: Callable[..., Run]) -> None:
    add(schedule="nightly", due=_START)

    assert store.has_unfinished_before("nightly", _START + timedelta(days=1))
    assert not store.has_unfinished_before("nightly", _START)
    _succeed(store)
    assert not store.has_unfinished_before("nightly", _START + timedelta(days=1))


def test_an_unknown_run_is_named(store: RunStore) -> None:
    with pytest.raises(RunNotFoundError, match="'nowhere'"):
        store.get("nowhere")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("monitor.db", "expected something like"), ("postgresql+nodriver://h/d", "database URL")],
    ids=["no URL", "no driver"],
)
def test_a_wrong_url_is_one_sentence(url: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        open_engine(url)


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'missing' / 'monitor.db'}")
    with pytest.raises(StorageError, match="unable to open"):
        migrate(engine)
