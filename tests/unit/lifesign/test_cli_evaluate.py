"""``lifesign evaluate`` as people and scripts see it: exit codes, stdout, stderr."""

import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.cli.console_progress import BarProgress, LineProgress
from lifesign.testing.brightness_dataset import write_brightness_folders, write_brightness_manifest
from lifesign.testing.model_server import FakeModelServer


@pytest.fixture(scope="module")
def server():
    with FakeModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_brightness_manifest(tmp_path_factory.mktemp("faces"), samples=40)


def _run(data, server, out, *more):
    fixed = ["--model", "liveness", "--target", server.target, "--out", str(out)]
    words = ["evaluate", str(data), *fixed, "--class-names", "attack,bona_fide", *more]
    return CliRunner().invoke(app, words)


def test_summary_and_assumptions_for_people(manifest, server, tmp_path):
    result = _run(manifest, server, tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    for word in (
        "APCER print_laser",
        "BPCER",
        "AUC",
        "EER",
        "accuracy",
        str(tmp_path / "run" / "report.html"),
    ):
        assert word in result.stdout
    assert "note: no model card: scores are taken to be in the order attack, bona_fide" in result.stderr
    assert "40/40 samples" in result.stderr


def test_json_is_the_report_and_nothing_else(manifest, server, tmp_path):
    result = _run(manifest, server, tmp_path / "run", "--json", "--slices", "none")
    assert result.stdout == (tmp_path / "run" / "report.json").read_text()
    assert json.loads(result.stdout)["slices"] == []


def test_quiet_says_nothing(manifest, server, tmp_path):
    result = _run(manifest, server, tmp_path / "run", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "samples" not in result.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--min-accuracy", "0.2"], 0),
        (["--max-apcer", "0", "--threshold", "0.001"], 1),
        (["--max-bpcer", "0.0001", "--threshold", "0.001"], 2),
    ],
    ids=["pass", "fail", "insufficient"],
)
def test_exit_code_is_the_verdict(manifest, server, tmp_path, options, code):
    result = _run(manifest, server, tmp_path / "run", *options)
    assert result.exit_code == code, result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "2"], "error: threshold: "),
        (["--threshold", "two"], "threshold"),
        (["--no-such-option"], "No such option"),
        (["--class-map", "real"], "error: --class-map: expected LABEL=CLASS"),
        (["--image-size", "112"], "error: --image-size: expected HEIGHTxWIDTH"),
        (["--split", "sofa"], "error: split: expected train, dev, test or all, got 'sofa'"),
        (["--max-apcer", "nan"], "error: gates.max_apcer: expected less than or equal to 1, got nan"),
        (["--model", "typo", "--wait-server", "0"], "error: gave up on"),
        (["--card", "absent.json"], "error: model card absent.json: No such file"),
    ],
)
def test_what_cannot_be_evaluated_leaves_with_three(manifest, server, tmp_path, options, message):
    result = _run(manifest, server, tmp_path / "run", *options)
    assert result.exit_code == 3
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_folders_with_their_own_class_names(server, tmp_path):
    folders = write_brightness_folders(tmp_path / "set", per_class=10, bona_fide="people")
    refused = _run(folders, server, tmp_path / "a")
    assert refused.exit_code == 3
    assert "unknown class 'people'" in refused.stderr
    mapped = _run(folders, server, tmp_path / "b", "--class-map", "people=bona_fide")
    assert mapped.exit_code == 0, mapped.stderr


def test_resume_is_named_where_it_helps(manifest, server, tmp_path):
    _run(manifest, server, tmp_path / "run")
    again = _run(manifest, server, tmp_path / "run")
    assert (again.exit_code, "--resume" in again.stderr) == (3, True)
    resumed = _run(manifest, server, tmp_path / "run", "--resume")
    assert resumed.exit_code == 0
    assert "40 of them done already" in resumed.stderr


def test_the_bar_shows_rate_accuracy_and_waiting():
    screen = io.StringIO()
    bar = BarProgress(Console(file=screen, force_terminal=True, width=160))
    bar.on_wait("waiting for a version")
    bar.on_start(100, 20)
    bar.on_batch(60, 39, 1, 30)
    bar.on_finish()
    text = screen.getvalue()
    assert "waiting for a version" in text
    assert "accuracy 76.9%" in text
    assert "60/100" in text


def test_lines_are_few_and_the_last_one_is_told():
    screen = io.StringIO()
    lines = LineProgress(Console(file=screen, width=200), seconds_between_lines=1000)
    lines.on_start(50, 0)
    for done in range(1, 51):
        lines.on_batch(done, done, 0, done)
    told = screen.getvalue().splitlines()
    assert len(told) == 2
    assert told[1].startswith("50/50 samples")
