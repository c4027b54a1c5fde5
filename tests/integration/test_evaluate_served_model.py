"""``lifesign evaluate`` in a process of its own against the embedded model server."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.replay.version_files import version_digest
from lifesign.evaluation.service import evaluate
from lifesign.model_card import OperatingPoint
from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.brightness_model import publish_version
from lifesign.testing.model_cards import liveness_card

SAMPLES = 400
SHARD = 32


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The folder of a model that finds the bright images bona fide, with its card."""
    base = tmp_path_factory.mktemp("models")
    point = OperatingPoint(id="half", criterion="fixed", threshold=0.5, source="fixed")
    publish_version(base / "brightness", 1, card=liveness_card(point, name="brightness"))
    return base


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return write_brightness_manifest(tmp_path_factory.mktemp("faces"), samples=SAMPLES)


def _server(base: Path, port: int = 0) -> ModelServer:
    return ModelServer(
        ServerSettings(
            model_base_path=base / "brightness",
            model_name="brightness",
            host="127.0.0.1",
            port=port,
            rest_api_port=None,
            file_system_poll_wait_seconds=0.2,
        )
    )


@pytest.fixture(scope="module")
def server(base):
    with _server(base) as server:
        yield server


def _command(manifest: Path, out: Path, server: ModelServer, base: Path, *more: str) -> list[str]:
    program = [sys.executable, "-c", "from lifesign.cli import main; main()"]
    options = {
        "--model": "brightness",
        "--model-base-path": base,
        "--target": f"127.0.0.1:{server.grpc_port}",
        "--out": out,
        "--shard-size": SHARD,
        "--batch-size": 8,
        "--decode-threads": 2,
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [*program, "evaluate", str(manifest), *words, *more]


@pytest.fixture(scope="module")
def whole_run(manifest, server, base, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    done = subprocess.run(
        _command(manifest, out, server, base, "--json"), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (out / "report.json").read_text()
    return out


def test_the_command_reports_on_the_served_version(whole_run):
    document = json.loads((whole_run / "report.json").read_text())
    assert document["model"]["served_versions"] == {"1": SAMPLES}
    assert document["model"]["operating_point"] == "half"
    assert document["accounting"]["scored"] == SAMPLES
    assert document["accuracy"]["value"] > 0.85
    assert {row["species"] for row in document["pad"]["species"]} >= {"print_laser", "replay_tablet"}
    performance = json.loads((whole_run / "performance.json").read_text())
    assert performance["images_per_second"] > 0
    assert [session["pauses"] for session in performance["sessions"]] == [{}]


def test_the_report_names_the_files_of_the_version(whole_run, base):
    document = json.loads((whole_run / "report.json").read_text())
    assert document["model"]["export_digest"] == version_digest(base / "brightness" / "1")
    assert document["model"]["export_digest"] in (whole_run / "report.html").read_text()


def _parts(out: Path) -> int:
    return len(list((out / "parts").glob("*.parquet"))) if (out / "parts").exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("parts", [0, 1, 4, 9])
def test_killed_at_any_moment_and_resumed_ends_with_the_same_bytes(
    manifest, server, base, whole_run, tmp_path, parts
):
    out = tmp_path / "run"
    process = subprocess.Popen(
        _command(manifest, out, server, base), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not ((out / "run.json").exists() and _parts(out) >= parts):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "report.json").exists()

    done = subprocess.run(
        _command(manifest, out, server, base, "--resume"), capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert (out / "report.json").read_bytes() == (whole_run / "report.json").read_bytes()
    assert sum(table.num_rows for table in read_predictions(out)) == SAMPLES
    assert not list(out.rglob("*.tmp"))


@pytest.mark.slow
def test_server_stopped_and_started_again_midway(manifest, base, whole_run, tmp_path):
    first = _server(base)
    first.start()
    port = first.grpc_port
    second = _server(base, port)
    restarted = threading.Event()

    def restart() -> None:
        first.stop(0.0)
        second.start()
        restarted.set()

    class Restart(SilentProgress):
        waits = 0
        begun = False

        def on_batch(self, done, scored, no_response, correct):
            if done >= 100 and not self.begun:
                self.begun = True
                threading.Thread(target=restart).start()

        def on_wait(self, message):
            self.waits += 1

    progress = Restart()
    config = evaluation_config(
        target=f"127.0.0.1:{port}",
        model="brightness",
        model_base_path=base,
        data=manifest,
        out=tmp_path / "run",
        shard_size=SHARD,
        batch_size=8,
        decode_threads=2,
        wait_server_seconds=60,
    )
    try:
        evaluate(config, progress=progress)
    finally:
        assert restarted.wait(30)
        second.stop(0.0)
    assert progress.waits > 0
    assert (tmp_path / "run" / "report.json").read_bytes() == (whole_run / "report.json").read_bytes()


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(manifest, server, base, whole_run, tmp_path):
    out = tmp_path / "run"
    command = _command(manifest, out, server, base)
    # A limit on the size of files stands for a full disk: the part does not fit, run.json does.
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); {command[2]}"
    full = subprocess.run(
        [command[0], "-c", limited, *command[3:]], capture_output=True, text=True, timeout=120
    )
    assert full.returncode == 3
    problem = full.stderr.strip().splitlines()[-1]
    assert problem.startswith("error: cannot write ")
    assert problem.endswith("File too large; what is done is kept, continue with --resume")
    assert "Traceback" not in full.stderr

    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (out / "report.json").read_bytes() == (whole_run / "report.json").read_bytes()
