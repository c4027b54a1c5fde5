import signal
import subprocess
import sys
import time

from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.model_server import Failure, FakeModelServer


def test_interrupting_a_wait_is_one_line_and_130(tmp_path):
    manifest = write_brightness_manifest(tmp_path / "faces", samples=40)
    program = [sys.executable, "-c", "from lifesign.cli import main; main()", "evaluate", str(manifest)]
    with FakeModelServer(inspect=lambda _: Failure("UNAVAILABLE")) as server:
        options = ["--model", "liveness", "--target", server.target, "--out", str(tmp_path / "run")]
        process = subprocess.Popen(
            [*program, *options, "--class-names", "attack,bona_fide"], stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while server.calls < 3 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)
    assert process.returncode == 130
    lines = messages.splitlines()
    assert any(line.startswith("waiting for the model server") for line in lines)
    assert lines[-1] == "interrupted; what is done is kept, continue with --resume"
    assert "Traceback" not in messages
