"""Workers, store and instruments with the real evaluation: against a fake and the embedded model server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from lifesign.evaluation.monitor.service import Monitor, open_monitor
from lifesign.evaluation.monitor.settings import monitor_settings
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.service import evaluate
from lifesign.evaluation.store.rows import RunStatus
from lifesign.evaluation.store.run import FINAL, Run
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.brightness_model import brightness_answer, publish_version
from lifesign.testing.model_server import Failure, FakeModelServer, mean_brightness_logits

_SAMPLES = 160  # of 20 people: fewer could not prove a regression
_SERIES = {"model": "liveness", "dataset": "faces"}


@contextmanager
def _monitor(folder: Path, schedules: Path | None = None) -> Iterator[Monitor]:
    settings = monitor_settings(
        data_dir=folder / "monitor",
        schedules_file=schedules,
        config_roots=(str(folder),),
        poll=timedelta(milliseconds=50),
        lease=timedelta(seconds=5),
    )
    monitor = open_monitor(settings, evaluate=evaluate)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.stop()


@pytest.fixture
def wish(tmp_path: Path) -> dict[str, Any]:
    return {
        "model": "liveness",
        "data": str(write_brightness_manifest(tmp_path / "faces", samples=_SAMPLES)),
        "class_names": ["attack", "bona_fide"],
        "image_size": [32, 32],
        "threshold": 0.5,
        "gates": {"min_accuracy": 0.5, "max_no_response": None},
    }


def _run(monitor: Monitor, wish: dict[str, Any]) -> Run:
    return _finished(monitor, monitor.intake.by_config(wish))


def _finished(monitor: Monitor, run: Run) -> Run:
    deadline = time.monotonic() + 120
    while (run := monitor.store.get(run.id)).state not in FINAL:
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def test_a_queued_run_is_evaluated_and_exported(tmp_path: Path, wish: dict[str, Any]) -> None:
    with FakeModelServer(versions=(7,)) as server, _monitor(tmp_path) as monitor:
        run = _run(monitor, {**wish, "target": server.target})
        value = monitor.registry.get_sample_value

        assert (run.state, run.error) == (RunStatus.SUCCEEDED, None)
        assert (run.samples_done, run.model_version) == (_SAMPLES, "7")
        labels = {**_SERIES, "model_version": "7"}
        assert run.summary is not None
        assert value("lifesign_eval_accuracy_ratio", labels) == pytest.approx(run.summary["accuracy"])
        assert value("lifesign_eval_auc_ratio", labels) == pytest.approx(run.summary["auc"])
        assert value("lifesign_eval_apcer_ratio", {**labels, "species": "replay_tablet"}) is not None
        assert value("lifesign_eval_samples", {**labels, "outcome": "scored"}) == _SAMPLES
        assert (Path(run.run_dir) / "report.json").read_text() == monitor.store.report(run.id)
        assert (Path(run.run_dir) / "report.html").is_file()


def test_a_version_is_compared_with_the_last_that_passed(tmp_path: Path, wish: dict[str, Any]) -> None:
    swapped: list[bool] = []

    def logits(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = mean_brightness_logits(images)
        return found[:, ::-1].copy() if swapped else found

    schedules = tmp_path / "schedules.yaml"
    with FakeModelServer(logits, versions=(1,)) as server:
        faces = {**wish, "target": server.target, "baseline": "last-pass"}
        schedules.write_text(yaml.safe_dump({"evaluations": {"faces": faces}}))
        with _monitor(tmp_path, schedules) as monitor:
            first = _finished(monitor, monitor.intake.by_name("faces"))
            server.load(2)
            swapped.append(True)
            runs = [_finished(monitor, monitor.intake.by_name("faces")) for _ in range(2)]
            reports = [ReportDocument.model_validate_json(monitor.store.report(run.id) or "") for run in runs]

    assert (first.outcome, first.config["baseline"]) == ("pass", None)
    for run, report in zip(runs, reports, strict=True):
        assert (run.outcome, run.config["baseline"]) == ("fail", first.run_dir)
        assert report.baseline is not None
        assert (report.baseline.model_version, report.baseline.common_samples) == ("1", _SAMPLES)
        assert "regression" in {alert.kind for alert in report.alerts}


def test_a_server_that_is_away_fails_the_run_with_a_sentence(tmp_path: Path, wish: dict[str, Any]) -> None:
    with _monitor(tmp_path) as monitor:
        run = _run(monitor, {**wish, "target": "127.0.0.1:1", "wait_server_seconds": 0.2})

        assert run.state is RunStatus.FAILED
        assert "127.0.0.1:1" in (run.error or "")
        stamp = monitor.registry.get_sample_value("lifesign_eval_last_failure_timestamp_seconds", _SERIES)
        assert stamp is not None


def test_a_shutdown_does_not_wait_for_a_server_that_is_away(tmp_path: Path, wish: dict[str, Any]) -> None:
    with FakeModelServer(inspect=lambda _: Failure("UNAVAILABLE", "gone")) as server:
        with _monitor(tmp_path) as monitor:
            run = monitor.intake.by_config({**wish, "target": server.target, "wait_server_seconds": 600})
            deadline = time.monotonic() + 60
            while server.calls < 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 15
    with _monitor(tmp_path) as monitor:
        assert monitor.store.get(run.id).state in (RunStatus.INTERRUPTED, RunStatus.RUNNING)
        monitor.store.cancel(run.id)


def _darker_is_bona_fide(images: Any) -> dict[str, Any]:
    return {name: found[:, ::-1] for name, found in brightness_answer(images).items()}


@pytest.mark.slow
def test_a_worse_version_is_noticed_through_the_embedded_server(tmp_path: Path, wish: dict[str, Any]) -> None:
    from lifesign.serving.server import ModelServer
    from lifesign.serving.settings import ServerSettings

    base = tmp_path / "models" / "liveness"
    publish_version(base, 1)
    settings = ServerSettings(
        port=0,
        rest_api_port=None,
        model_name="liveness",
        model_base_path=base,
        file_system_poll_wait_seconds=0.2,
    )
    with ModelServer(settings) as server, _monitor(tmp_path) as monitor:
        full = {**wish, "target": f"127.0.0.1:{server.grpc_port}"}
        good = _run(monitor, full)
        publish_version(base, 2, answer=_darker_is_bona_fide)
        bad = good
        deadline = time.monotonic() + 60
        while bad.model_version != "2":
            assert time.monotonic() < deadline
            bad = _run(monitor, full)
        value = monitor.registry.get_sample_value

        assert good.summary is not None
        assert bad.summary is not None
        assert (good.model_version, bad.outcome) == ("1", "fail")
        assert good.summary["auc"] > 0.9 > 0.1 > bad.summary["auc"]
        older, newer = ({**_SERIES, "model_version": version} for version in ("1", "2"))
        assert value("lifesign_eval_accuracy_ratio", older) is None
        assert value("lifesign_eval_accuracy_ratio", newer) == pytest.approx(bad.summary["accuracy"])
        gate = {**newer, "alert": "gate", "severity": "critical"}
        assert value("lifesign_eval_alert_active", gate) == 1
