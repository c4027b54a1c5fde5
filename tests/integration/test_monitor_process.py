"""The monitor as people run it: a process, a database, a model server over gRPC; killed, stopped, doubled."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.store.database import migrate, open_engine
from lifesign.evaluation.store.run import NewRun, new_run_id
from lifesign.evaluation.store.runs import RunStore
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.model_server import FakeModelServer

_SAMPLES = 96


class _Gate:
    """Lets the model answer only so many batches until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.asked = 0

    def __call__(self, images: NDArray[np.uint8]) -> None:
        self.asked += 1
        if self.asked > 4:
            self.opened.wait(60)


@pytest.fixture
def gate() -> _Gate:
    return _Gate()


@pytest.fixture
def server(gate: _Gate) -> Iterator[FakeModelServer]:
    with FakeModelServer(versions=(7,), inspect=gate) as server:
        yield server
        gate.opened.set()


@pytest.fixture
def schedules(tmp_path: Path, server: FakeModelServer) -> Path:
    faces = {
        "target": server.target,
        "model": "liveness",
        "data": str(write_brightness_manifest(tmp_path / "faces", samples=_SAMPLES)),
        "class_names": ["attack", "bona_fide"],
        "threshold": 0.5,
        "batch_size": 8,
        "shard_size": 16,
        "batches_in_flight": 1,
        "gates": {"min_accuracy": 0.5, "max_no_response": None},
    }
    path = tmp_path / "schedules.yaml"
    # Half an hour from now: no tick falls due while a test runs.
    hourly = {"cron": f"{(datetime.now(UTC).minute + 30) % 60} * * * *", "evaluation": "faces"}
    path.write_text(yaml.safe_dump({"evaluations": {"faces": faces}, "schedules": {"hourly": hourly}}))
    return path


class _Process:
    """A ``lifesign monitor`` that listens on a free port."""

    def __init__(self, data_dir: Path, schedules: Path, log: Path) -> None:
        self._log = log
        options = ["--port", "0", "--data-dir", str(data_dir), "--schedules", str(schedules)]
        environment = {**os.environ, "LIFESIGN_MONITOR_LEASE": "2", "LIFESIGN_MONITOR_POLL": "0.2"}
        with log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from lifesign.cli import main; main()", "monitor", *options],
                stderr=stderr,
                env=environment,
            )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self._port()}", timeout=30)
        _until(self._answers)

    def ask(self) -> str:
        response = self.http.post("/v1/evaluations", json={"evaluation": "faces"})
        assert response.status_code == 202, response.text
        return str(response.headers["Location"])

    def wait(self, location: str, state: str) -> dict[str, Any]:
        def is_there() -> bool:
            view = self.http.get(location).json()
            assert view["state"] == state or view["error"] is None, view["error"]
            return bool(view["state"] == state)

        _until(is_there)
        view: dict[str, Any] = self.http.get(location).json()
        return view

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        self.http.close()
        return self.process.wait(40)

    def events(self) -> list[str]:
        return [str(json.loads(line)["event"]) for line in self._log.read_text().splitlines()]

    def _port(self) -> int:
        pattern = re.compile(r'"port": (\d+)')
        _until(lambda: pattern.search(self._log.read_text()) is not None or self.process.poll() is not None)
        found = pattern.search(self._log.read_text())
        assert found is not None, self._log.read_text()
        return int(found.group(1))

    def _answers(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def start(tmp_path: Path, schedules: Path) -> Iterator[Callable[[], _Process]]:
    started: list[_Process] = []

    def start() -> _Process:
        log = tmp_path / f"monitor-{len(started)}.log"
        started.append(_Process(tmp_path / "monitor", schedules, log))
        return started[-1]

    yield start
    for process in started:
        process.http.close()
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.05)


@contextmanager
def _database(data_dir: Path) -> Iterator[RunStore]:
    data_dir.mkdir(exist_ok=True)
    engine = open_engine(f"sqlite:///{data_dir / 'monitor.db'}")
    migrate(engine)
    yield RunStore(engine)
    engine.dispose()


@pytest.mark.slow
def test_a_wish_becomes_a_report_a_page_and_instruments(start: Callable[[], _Process]) -> None:
    monitor = start()
    view = monitor.wait(monitor.ask(), "succeeded")

    assert (view["model_version"], view["samples_done"], view["attempts"]) == ("7", _SAMPLES, 1)
    document = ReportDocument.model_validate_json(monitor.http.get(view["links"]["report_json"]).content)
    assert document.accounting.scored == _SAMPLES
    assert document.accuracy.value is not None
    assert monitor.http.get(view["links"]["report_html"]).text.lstrip().lower().startswith("<!doctype html>")
    metrics = monitor.http.get("/metrics").text
    labels = 'dataset="faces",model="liveness",model_version="7"'
    found = re.search(rf"lifesign_eval_accuracy_ratio{{{labels}}} (\S+)", _sorted_labels(metrics))
    assert found is not None, metrics
    assert float(found.group(1)) == pytest.approx(document.accuracy.value)
    assert str(document.verdict) in monitor.http.get("/").text
    assert monitor.end(signal.SIGINT) == 0
    assert {"listening", "evaluation_started", "evaluation_succeeded", "stopped"} <= set(monitor.events())


def _sorted_labels(text: str) -> str:
    return re.sub(r"{([^}]*)}", lambda match: "{" + ",".join(sorted(match.group(1).split(","))) + "}", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)], ids=["stopped", "killed"]
)
def test_an_interrupted_evaluation_goes_on_and_ends_with_the_same_bytes(
    start: Callable[[], _Process], gate: _Gate, server: FakeModelServer, number: int, code: int
) -> None:
    monitor = start()
    undisturbed = monitor.wait(monitor.ask(), "succeeded")
    expected = monitor.http.get(undisturbed["links"]["report_json"]).content
    gate.asked = 0
    gate.opened.clear()
    location = monitor.ask()
    _until(lambda: gate.asked > 4)

    if number == signal.SIGTERM:
        threading.Timer(1, gate.opened.set).start()
    assert monitor.end(number) == code
    gate.opened.set()
    images_before = server.images
    monitor = start()
    view = monitor.wait(location, "succeeded")

    assert view["attempts"] == 2
    assert monitor.http.get(view["links"]["report_json"]).content == expected
    assert server.images - images_before < _SAMPLES  # the parts that were done were not asked for again
    assert monitor.end(signal.SIGTERM) == 0


@pytest.mark.slow
def test_two_processes_share_the_work_and_do_nothing_twice(
    start: Callable[[], _Process], server: FakeModelServer, tmp_path: Path
) -> None:
    last = datetime.now(UTC) - timedelta(hours=3)
    with _database(tmp_path / "monitor") as store:
        config = {"model": "liveness"}
        old = NewRun(
            id=new_run_id(last),
            evaluation="faces",
            model="liveness",
            dataset="faces",
            config=config,
            run_dir="",
            schedule="hourly",
            due_time=last,
        )
        store.add(old)
        store.cancel(old.id)
    first, second = start(), start()
    for monitor in (first, second, first, second):
        monitor.ask()
    _until(lambda: len(first.http.get("/v1/evaluations?state=succeeded").json()["evaluations"]) == 5)

    views = first.http.get("/v1/evaluations").json()["evaluations"]
    assert sorted(view["trigger"] for view in views if view["state"] == "succeeded") == [
        *["manual"] * 4,
        "schedule",
    ]
    assert {view["attempts"] for view in views if view["state"] == "succeeded"} == {1}
    assert server.images == 5 * _SAMPLES
    assert [first.end(signal.SIGTERM), second.end(signal.SIGTERM)] == [0, 0]


def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-c", "from lifesign.cli import main; main()", "monitor", "--port", port]
        ended = subprocess.run([*command, "--data-dir", str(tmp_path)], capture_output=True, text=True)

    assert ended.returncode == 2
    assert (
        ended.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use; choose --port\n"
    )
