"""The clock of the schedules: it says when, the database says who."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from lifesign.evaluation.monitor.cron import next_time
from lifesign.evaluation.monitor.intake import Intake
from lifesign.evaluation.monitor.schedules import ScheduleBook
from lifesign.evaluation.store.runs import RunStore
from lifesign.telemetry import get_logger

__all__ = ["EvaluationScheduler"]

_LOG = get_logger("scheduler")


class EvaluationScheduler:
    """Queues one run per due tick, once per database however many processes tick.

    A tick that is late by up to ``grace`` still runs, several such ticks as one, also after a restart; older
    ones are counted as missed. So is a tick whose predecessor has not ended: runs do not pile up.
    """

    def __init__(self, book: ScheduleBook, store: RunStore, intake: Intake, *, grace: timedelta) -> None:
        self._book = book
        self._store = store
        self._intake = intake
        self._grace = grace
        self._missed = dict.fromkeys(book.schedules, 0)
        self._lock = threading.Lock()
        # The due times of the store are the clock's own, so two processes agree on them to the microsecond.
        self._clock = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={
                "misfire_grace_time": max(1, int(grace.total_seconds())),
                "coalesce": True,
                "max_instances": 1,
            },
        )

    def start(self) -> None:
        """Start ticking."""
        self._clock.add_listener(self._on_event, EVENT_JOB_EXECUTED | EVENT_JOB_MISSED)
        for name, schedule in self._book.schedules.items():
            trigger = schedule.trigger()
            self._clock.add_job(_tick, trigger, id=name, next_run_time=self._first_due(name, trigger))
        self._clock.start()

    def stop(self) -> None:
        """Stop ticking."""
        if self._clock.running:
            self._clock.shutdown(wait=True)

    def next_due(self) -> Mapping[str, datetime | None]:
        """Return when each schedule is due next, in UTC."""
        jobs = {job.id: job.next_run_time for job in self._clock.get_jobs()}
        times = {name: jobs.get(name) for name in self._book.schedules}
        return {name: None if time is None else time.astimezone(UTC) for name, time in times.items()}

    def missed(self) -> Mapping[str, int]:
        """Return how many ticks of each schedule passed without a run, as this process was first to see."""
        with self._lock:
            return dict(self._missed)

    def tick(self, schedule: str, due_time: datetime) -> None:
        """Queue the run of one tick, unless another process did or the one before has not ended."""
        if self._store.has_unfinished_before(schedule, due_time):
            self._count_missed(schedule, due_time, "the run before has not ended")
            return
        run = self._intake.by_tick(schedule, due_time)
        if run is not None:
            _LOG.info("tick_queued", schedule=schedule, due=due_time.isoformat(), run=run.id)

    def _first_due(self, schedule: str, trigger: Any) -> datetime | None:
        now = self._store.now()
        last = self._store.last_due(schedule)
        # A schedule that has never run starts with its next tick; another makes up for the time away.
        return next_time(trigger, now if last is None else max(last, now - self._grace))

    def _on_event(self, event: Any) -> None:
        due_time = event.scheduled_run_time.astimezone(UTC)
        if event.code == EVENT_JOB_MISSED:
            self._count_missed(event.job_id, due_time, "too late")
            return
        try:
            self.tick(event.job_id, due_time)
        except Exception:
            # The clock would swallow it; the database may be back for the next tick.
            _LOG.exception("tick_failed", schedule=event.job_id, due=due_time.isoformat())
            self._count_missed(event.job_id, due_time, "could not be queued")

    def _count_missed(self, schedule: str, due_time: datetime, reason: str) -> None:
        if not self._is_first_to_miss(schedule, due_time):
            return
        with self._lock:
            self._missed[schedule] += 1
        _LOG.warning("tick_missed", schedule=schedule, due=due_time.isoformat(), reason=reason)

    def _is_first_to_miss(self, schedule: str, due_time: datetime) -> bool:
        # A tick that is late still comes after a restart, and every replica has its own clock.
        try:
            return self._store.add_missed(schedule, due_time)
        except Exception:
            # Without a database it is better to count a tick twice than never.
            _LOG.exception("missed_tick_not_noted", schedule=schedule, due=due_time.isoformat())
            return True


def _tick() -> None:
    """Do nothing: the event that follows carries the due time, which the job itself is not told."""
