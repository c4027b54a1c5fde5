"""The demo as a newcomer runs it: it ends well, catches what it promises, and leaves nothing running."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

_LIFESIGN = Path(sys.executable).with_name("lifesign")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("demo") / "output"
    ended = subprocess.run(
        [_LIFESIGN, "demo", "--out", root], capture_output=True, text=True, check=False, timeout=850
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return root, ended.stderr


def _report(root: Path, name: str) -> dict[str, Any]:
    return json.loads((root / "evaluations" / name / "report.json").read_text("utf-8"))


def test_the_model_is_good_enough_to_be_worth_watching(told: tuple[Path, str]) -> None:
    report = _report(told[0], "version-1")

    area = next(one["auc"]["value"] for one in report["roc"] if one["name"] == "all attacks")
    assert area >= 0.85
    assert report["accounting"]["scored"] == report["accounting"]["total"]


def test_a_new_device_in_low_light_is_called_drift(told: tuple[Path, str]) -> None:
    drifted = [alert for alert in _report(told[0], "drifted")["alerts"] if alert["kind"] == "drift"]

    assert "darker" in drifted[0]["sentence"]
    assert not [alert for alert in _report(told[0], "version-1")["alerts"] if alert["kind"] == "drift"]


@pytest.mark.parametrize("kind", ["differential_performance", "regression"])
def test_the_biased_version_is_caught_and_the_group_named(told: tuple[Path, str], kind: str) -> None:
    alerts = _report(told[0], "version-2")["alerts"]

    assert any(alert["kind"] == kind and "mst07-10" in alert["sentence"] for alert in alerts)


def test_nothing_that_it_started_is_left_running(told: tuple[Path, str]) -> None:
    root, _ = told

    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(root) in word for word in process.info["cmdline"] or ())
    ]

    assert left == []


def test_it_ends_with_where_to_look(told: tuple[Path, str]) -> None:
    root, text = told
    last = text[text.rindex("what to look at next") :]

    assert f"{root / 'evaluations/version-2/report.html'}" in last
    assert all((root / "evaluations" / name / "report.html").exists() for name in ("version-1", "drifted"))
