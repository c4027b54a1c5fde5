"""The monitor's HTTP interface, through its wire."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from lifesign.errors import NotReadyError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.monitor.app import create_app
from lifesign.evaluation.monitor.service import Monitor, open_monitor
from lifesign.evaluation.monitor.settings import monitor_settings
from lifesign.evaluation.replay.progress import ProgressListener
from lifesign.evaluation.report.document import Alert, AlertSeverity, GateStatus, ReportDocument
from lifesign.evaluation.store.rows import RunStatus
from lifesign.testing.report_documents import liveness_report

_SCHEDULES = """
evaluations:
  nightly-faces: {target: "localhost:1", model: liveness, data: faces, dataset_name: faces}
schedules:
  nightly: {cron: "0 2 * * *", timezone: Europe/Berlin, evaluation: nightly-faces}
"""


@dataclass
class _Evaluated:
    document: ReportDocument


@dataclass
class _Evaluation:
    """Evaluates without a model: as fast as it can, or one batch each time it is let go on."""

    gate: threading.Semaphore | None = None
    error: Exception | None = None
    calls: list[tuple[EvaluationConfig, bool]] = field(default_factory=list)

    def __call__(
        self, config: EvaluationConfig, *, progress: ProgressListener | None = None, resume: bool = False
    ) -> _Evaluated:
        assert progress is not None
        self.calls.append((config, resume))
        if self.error is not None:
            raise self.error
        progress.on_start(4, 0)
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "run.json").write_text("{}")
        for done in range(1, 5):
            if self.gate is not None:
                self.gate.acquire(timeout=30)
            progress.on_batch(done, done, 0, done)
        progress.on_finish()
        (config.out / "report.html").write_text("<!doctype html><title>Report</title>")
        alert = Alert(
            kind="drift", severity=AlertSeverity.WARNING, title="t", sentence="s", remedy="r", evidence={}
        )
        return _Evaluated(liveness_report(verdict=GateStatus.FAIL, dataset="faces", alerts=[alert]))


@pytest.fixture
def evaluation() -> _Evaluation:
    return _Evaluation()


class _Client(httpx.Client):
    monitor: Monitor


@contextmanager
def _served(monitor: Monitor) -> Iterator[_Client]:
    """Serve a monitor on a real socket."""
    config = uvicorn.Config(
        create_app(monitor), log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with _Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30) as client:
                client.monitor = monitor
                client.get("/livez")
                yield client
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def start(tmp_path: Path, evaluation: _Evaluation) -> Callable[..., AbstractContextManager[_Client]]:
    schedules = tmp_path / "schedules.yaml"
    schedules.write_text(_SCHEDULES)

    def start(**options: Any) -> AbstractContextManager[_Client]:
        defaults = {
            "data_dir": tmp_path / "monitor",
            "schedules_file": schedules,
            "lease": timedelta(seconds=1),
            "poll": timedelta(milliseconds=50),
        }
        return _served(open_monitor(monitor_settings(**{**defaults, **options}), evaluate=evaluation))

    return start


@pytest.fixture
def client(start: Callable[..., AbstractContextManager[_Client]]) -> Iterator[_Client]:
    with start() as client:
        yield client


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.02)


def _wait(client: _Client, location: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (view := client.get(location).json())["state"] not in states:
        assert time.monotonic() < deadline, view
        time.sleep(0.02)
    answer: dict[str, Any] = view
    return answer


def _ask(client: _Client) -> str:
    response = client.post("/v1/evaluations", json={"evaluation": "nightly-faces"})
    assert response.status_code == 202, response.text
    return str(response.headers["Location"])


def _assert_problem(response: httpx.Response, status: int, words: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert words in problem["detail"]
    assert problem["request_id"] == response.headers["X-Request-ID"]


def test_an_evaluation_asked_for_by_name_ends_with_its_report(
    client: _Client, evaluation: _Evaluation, tmp_path: Path
) -> None:
    location = _ask(client)
    view = _wait(client, location, "succeeded")

    assert (view["outcome"], view["model_version"], view["trigger"]) == ("fail", "3", "manual")
    assert view["headline"]["alerts"] == {"info": 0, "warning": 1, "critical": 0}
    assert (view["samples_total"], view["attempts"], view["error"]) == (4, 1, None)
    assert str(tmp_path) not in client.get(location).text
    document = client.get(view["links"]["report_json"])
    assert ReportDocument.model_validate_json(document.content).verdict is GateStatus.FAIL
    page = client.get(view["links"]["report_html"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    ((config, resume),) = evaluation.calls
    assert config.out == tmp_path / "monitor" / "runs" / view["id"]
    assert not resume


def test_an_evaluation_can_be_described_in_full(client: _Client, evaluation: _Evaluation) -> None:
    wish = {"config": {"target": "localhost:1", "model": "other", "data": "sets/masks", "batch_size": 8}}
    response = client.post("/v1/evaluations", json=wish)

    view = _wait(client, response.headers["Location"], "succeeded")
    assert (view["model"], view["dataset"]) == ("other", "masks")
    assert evaluation.calls[0][0].batch_size == 8


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"evaluation": "weekly"}, "expected one of: nightly-faces"),
        ({}, "give evaluation (a name) or config"),
        ({"evaluation": "nightly-faces", "config": {}}, "one of the two"),
        ({"evaluation": 7}, "body.evaluation: Input should be a valid string"),
        ({"name": "nightly-faces"}, "body.name: Extra inputs"),
        (
            {"config": {"target": "t", "model": "m", "data": "d", "batch_size": -1}},
            "batch_size: expected greater than or equal to 1, got -1",
        ),
        ({"config": {"target": "t", "model": "m"}}, "data: missing"),
        ({"config": {"target": "t", "model": "m", "data": "d", "out": "elsewhere"}}, "config.out: remove it"),
    ],
    ids=["unknown", "empty", "both", "type", "field", "value", "missing", "folder"],
)
def test_a_wrong_wish_names_the_field(client: _Client, wish: dict[str, Any], words: str) -> None:
    _assert_problem(client.post("/v1/evaluations", json=wish), 422, words)
    assert client.get("/v1/evaluations").json()["evaluations"] == []


def test_a_config_may_not_stand_in_place_of_a_named_evaluation(client: _Client) -> None:
    wish = {"target": "localhost:1", "model": "liveness", "data": "thirty/faces"}
    words = "'nightly-faces' evaluates 'liveness' on a data set of the same name, 'faces'; give one another"

    _assert_problem(client.post("/v1/evaluations", json={"config": wish}), 422, words)

    assert client.get("/v1/evaluations").json()["evaluations"] == []
    wish["dataset_name"] = "thirty-faces"
    assert client.post("/v1/evaluations", json={"config": wish}).status_code == 202


def test_a_monitor_may_take_names_only(start: Callable[..., AbstractContextManager[_Client]]) -> None:
    with start(accept_configs=False) as client:
        wish = {"config": {"target": "localhost:1", "model": "m", "data": "d"}}
        _assert_problem(client.post("/v1/evaluations", json=wish), 422, "takes names of configured")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", "http://169.254.169.254/latest/meta-data/manifest.csv"),
        ("data", "s3://other/faces"),
        ("data", "s3://bucket/sets-of-others"),
        ("data", "s3://bucket/sets/../secrets"),
        ("data", "https://store/sets/%2E%2e/secrets"),
        ("data", "s3://bucket/sets/a.zip::http://localhost/b"),
        ("data", "zip://faces.csv::https://store/sets/a.zip"),
        ("data", "local:///etc/passwd"),
        ("data", "file:///etc"),
        ("data", "FILE://localhost/etc"),
        ("data", "/etc/passwd"),
        ("data", "{root}/../other"),
        ("data", "{root}/link/manifest.csv"),
        ("data", "{root}/no\0thing"),
        ("card", "/etc/passwd"),
        ("model_base_path", "/"),
        ("baseline", "/tmp"),
        ("superclasses", "/etc/passwd"),
        ("profile", "/etc/limits.json"),
    ],
)
def test_a_config_may_not_name_places_outside_the_roots(
    start: Callable[..., AbstractContextManager[_Client]], tmp_path: Path, field: str, value: str
) -> None:
    root = tmp_path / "sets"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    roots = (str(root), "s3://bucket/sets", "https://store/sets/")
    named = value.replace("{root}", str(root))
    with start(config_roots=roots) as client:
        wish = {"config": {"target": "t", "model": "m", "data": "s3://bucket/sets", field: named}}
        problem = client.post("/v1/evaluations", json=wish)

        _assert_problem(problem, 422, f"config.{field}: expected a place below what LIFESIGN_MONITOR_CONFIG")
        # Whoever may not read there learns no more than what they said themselves.
        assert str(tmp_path) not in problem.json()["detail"].replace(repr(named), "")
        assert client.get("/v1/evaluations").json()["evaluations"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", "{root}/faces/manifest.csv"),
        ("data", "file://{root}/faces"),
        ("data", "{root}/../sets/faces"),
        ("data", "S3://bucket/sets/a..b/manifest.csv"),
        ("data", "https://store/sets/faces"),
        ("baseline", "{runs}/1"),
        ("profile", "fido-biometric-1"),
        ("superclasses", {"cat": "animal"}),
    ],
    ids=str,
)
def test_a_config_may_name_places_inside_the_roots(
    start: Callable[..., AbstractContextManager[_Client]], tmp_path: Path, field: str, value: Any
) -> None:
    roots = (str(tmp_path / "sets"), "s3://bucket/sets", "https://store/sets/")
    if isinstance(value, str):
        value = value.replace("{root}", str(tmp_path / "sets"))
        value = value.replace("{runs}", str(tmp_path / "monitor" / "runs"))
    with start(config_roots=roots) as client:
        wish = {"config": {"target": "t", "model": "m", "data": "s3://bucket/sets", field: value}}
        response = client.post("/v1/evaluations", json=wish)
        assert response.status_code == 202, response.text


def test_what_is_configured_may_lie_anywhere(
    start: Callable[..., AbstractContextManager[_Client]], evaluation: _Evaluation
) -> None:
    with start(config_roots=()) as client:
        view = _wait(client, _ask(client), "succeeded", "failed")

    assert (view["state"], view["error"]) == ("succeeded", None)
    assert [config.data for config, _ in evaluation.calls] == ["faces"]


def test_what_could_not_be_evaluated_says_why(client: _Client, evaluation: _Evaluation) -> None:
    evaluation.error = NotReadyError("model server localhost:1 does not answer")
    location = _ask(client)
    view = _wait(client, location, "failed")

    assert (view["outcome"], view["error"]) == ("error", "model server localhost:1 does not answer")
    _assert_problem(client.get(f"{location}/report.json"), 409, "has no report, it is failed: model server")


def test_an_internal_error_stays_in_the_log(client: _Client, evaluation: _Evaluation) -> None:
    evaluation.error = RuntimeError("secret detail")
    view = _wait(client, _ask(client), "failed")
    assert "secret" not in view["error"]
    assert "internal error" in view["error"]


def test_what_is_not_there_is_a_problem(client: _Client) -> None:
    _assert_problem(client.get("/v1/evaluations/nowhere"), 404, "'nowhere'")
    _assert_problem(client.get("/v1/evaluations/nowhere/report.html"), 404, "'nowhere'")
    _assert_problem(client.post("/v1/evaluations/nowhere:cancel"), 404, "'nowhere'")
    _assert_problem(client.get("/v1/nothing"), 404, "Not Found")
    _assert_problem(client.get("/v1/evaluations?limit=0"), 422, "query.limit")
    _assert_problem(client.get("/v1/evaluations?state=odd"), 422, "query.state")


def test_evaluations_come_in_pages(client: _Client) -> None:
    locations = [_ask(client) for _ in range(5)]
    for location in locations:
        _wait(client, location, "succeeded")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(
            "/v1/evaluations", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [view["links"]["self"] for view in page["evaluations"]]
        cursor = page["next_cursor"]

    assert seen == locations[::-1]
    assert client.get("/v1/evaluations?state=running").json()["evaluations"] == []


def test_a_running_evaluation_shows_progress_and_can_be_cancelled(
    client: _Client, evaluation: _Evaluation
) -> None:
    evaluation.gate = threading.Semaphore(1)
    location = _ask(client)
    waiting = _ask(client)
    _until(lambda: client.get(location).json()["samples_done"] == 1)

    assert client.post(f"{waiting}:cancel").json()["state"] == "cancelled"
    assert client.post(f"{location}:cancel").status_code == 202
    _until(lambda: _knows_of_cancellation(client.monitor))
    evaluation.gate.release()

    _wait(client, location, "cancelled")
    assert len(evaluation.calls) == 1
    _assert_problem(client.post(f"{location}:cancel"), 409, "was cancelled")


def _knows_of_cancellation(monitor: Monitor) -> bool:
    """The worker learns of it with its next heartbeat, which is later than the request."""
    (run,) = monitor.store.page(limit=1, state=RunStatus.RUNNING)
    first = run.heartbeat_at
    _until(lambda: monitor.store.get(run.id).heartbeat_at != first)
    return run.cancel_requested


def test_an_evaluation_that_was_shut_down_is_resumed(
    start: Callable[..., AbstractContextManager[_Client]], evaluation: _Evaluation
) -> None:
    evaluation.gate = gate = threading.Semaphore(1)
    with start() as client:
        location = _ask(client)
        _until(lambda: client.get(location).json()["samples_done"] == 1)
        # The batch under way ends while the server shuts down.
        threading.Timer(0.5, gate.release).start()
    evaluation.gate = None
    with start() as client:
        view = _wait(client, location, "succeeded")

    assert view["attempts"] == 2
    assert [resume for _, resume in evaluation.calls] == [False, True]


def test_schedules_say_when_they_are_due(client: _Client) -> None:
    answer = client.get("/v1/schedules").json()

    assert answer["evaluations"] == ["nightly-faces"]
    (schedule,) = answer["schedules"]
    assert (schedule["name"], schedule["missed"]) == ("nightly", 0)
    due = datetime.fromisoformat(schedule["next_due"])
    assert due > datetime.now(UTC)
    assert due.minute == 0


def test_health_is_answered(client: _Client) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 200
    client.monitor.runner.stop(timedelta(seconds=5))
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_instruments_speak_the_scrapers_format(client: _Client, accept: str, expected: str) -> None:
    response = client.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith(expected)
    assert response.headers["content-type"].count("charset") == 1


def test_promtool_finds_nothing_wrong(client: _Client) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    _wait(client, _ask(client), "succeeded")
    text = client.get("/metrics", headers={"Accept": "text/plain"}).text

    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert "lifesign_eval_bpcer_ratio{" in text


def test_the_front_page_shows_verdicts_and_needs_nothing_else(client: _Client) -> None:
    location = _ask(client)
    _wait(client, location, "succeeded")
    response = client.get("/")

    assert response.headers["content-type"].startswith("text/html")
    assert "Every gate says fail." in response.text
    assert f"{location[1:]}/report.html" in response.text
    assert "1 warning" in response.text
    assert not re.search(r"(src|href)=\"(https?:)?//", response.text)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "There is none that is running." in client.get("/?state=running").text


def test_names_are_shown_as_text(client: _Client) -> None:
    wish = {"config": {"target": "t", "model": "<script>alert(1)</script>", "data": "d"}}
    _wait(client, client.post("/v1/evaluations", json=wish).headers["Location"], "succeeded")
    assert "<script>" not in client.get("/").text


def test_the_interface_describes_itself(client: _Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/evaluations", "/v1/evaluations/{evaluation_id}:cancel", "/v1/schedules"} <= set(paths)
