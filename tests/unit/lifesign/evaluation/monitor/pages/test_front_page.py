"""The front page shows every kind of run, and never fails because something is missing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifesign.evaluation.monitor.pages import front_page
from lifesign.evaluation.monitor.schemas import EvaluationView, Headline, ScheduleView
from lifesign.evaluation.report.document import GateStatus
from lifesign.evaluation.store.rows import Outcome, RunStatus, Trigger
from lifesign.evaluation.store.run import Run
from lifesign.testing.report_documents import liveness_report

_NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _view(**changes: Any) -> EvaluationView:
    values: dict[str, Any] = {
        "id": "1",
        "evaluation": "nightly",
        "model": "liveness",
        "dataset": "faces",
        "model_version": None,
        "state": RunStatus.QUEUED,
        "outcome": None,
        "trigger": Trigger.MANUAL,
        "schedule": None,
        "due_time": None,
        "created_at": _NOW - timedelta(hours=3),
        "started_at": None,
        "finished_at": None,
        "heartbeat_at": None,
        "worker": None,
        "attempts": 1,
        "cancel_requested": False,
        "samples_done": 0,
        "samples_total": None,
        "run_dir": "secret-folder",
        "error": None,
        "config": {},
        "summary": None,
    }
    return EvaluationView.from_run(Run(**{**values, **changes}))


def _finished(verdict: GateStatus = GateStatus.PASS, **changes: Any) -> EvaluationView:
    headline = Headline.from_document(liveness_report(verdict=verdict))
    return _view(
        state=RunStatus.SUCCEEDED,
        outcome=Outcome(verdict),
        model_version="3",
        started_at=_NOW - timedelta(minutes=40),
        finished_at=_NOW - timedelta(minutes=30, seconds=5),
        summary=headline.model_dump(mode="json"),
        **changes,
    )


def _page(*runs: EvaluationView, **options: Any) -> str:
    latest = [run for run in runs if run.headline is not None]
    defaults = {"schedules": (), "now": _NOW, "state": None, "limit": 50, "next_cursor": None}
    return front_page(latest=latest, evaluations=runs, **{**defaults, **options})


@pytest.mark.parametrize("state", list(RunStatus))
def test_a_run_without_numbers_is_shown_in_every_state(state: RunStatus) -> None:
    page = _page(_view(state=state))
    assert f'<span class="mark {state}">{state}</span>' in page
    assert "3 h ago" in page
    assert "secret-folder" not in page


def test_an_error_is_shown() -> None:
    assert "no answer from &lt;server&gt;" in _page(
        _view(state=RunStatus.FAILED, outcome=Outcome.ERROR, error="no answer from <server>")
    )


def test_progress_is_shown() -> None:
    page = _page(_view(state=RunStatus.RUNNING, samples_done=3, samples_total=9, attempts=2))
    assert '<progress max="9" value="3">' in page
    assert "attempt 2" in page


@pytest.mark.parametrize(
    ("verdict", "words"),
    [(GateStatus.PASS, "pass"), (GateStatus.FAIL, "fail"), (GateStatus.INSUFFICIENT, "not enough evidence")],
)
def test_a_finished_run_shows_its_verdict_and_numbers(verdict: GateStatus, words: str) -> None:
    page = _page(_finished(verdict))
    assert f'<span class="mark {verdict}">{words}</span>' in page
    assert "6/100 = 6.0" in page
    assert "replay_tablet" in page
    assert "9 min 55 s" in page
    assert "v1/evaluations/1/report.html" in page


def test_a_monitor_that_has_done_nothing_says_what_to_do() -> None:
    assert "POST /v1/evaluations" in _page()


def test_schedules_and_older_runs_are_reachable() -> None:
    schedule = ScheduleView(
        name="nightly",
        cron="0 2 * * *",
        timezone="UTC",
        evaluation="faces",
        next_due=_NOW + timedelta(days=2, hours=1),
        missed=4,
    )
    page = _page(_view(), schedules=[schedule], next_cursor="0abc", state=RunStatus.QUEUED)
    assert "in 2 days" in page
    assert "?limit=50&amp;state=queued&amp;cursor=0abc" in page
