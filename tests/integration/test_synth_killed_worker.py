"""A rendering that is cut short is told in one sentence, and leaves no manifest."""

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import active_children

import pytest

from lifesign.errors import LifesignError
from lifesign_training.synth import SynthOptions, generate


@pytest.fixture
def eager_threads():
    """Threads take turns as often as they can, as on a busy machine."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
def test_a_killed_worker_is_an_error_and_no_manifest(tmp_path):
    options = SynthOptions(subjects=2000, bona_fide_per_subject=4, attacks_per_subject=0, size=48, workers=2)
    failed = []

    def make():
        try:
            generate(tmp_path / "set", options)
        except LifesignError as error:
            failed.append(str(error))

    maker = threading.Thread(target=make)
    maker.start()
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("set/images/*/*/*.png")) and time.monotonic() < deadline:
        maker.join(0.05)
    os.kill(active_children()[0].pid, signal.SIGKILL)
    maker.join(120)

    assert failed == ["a render process was killed, perhaps for memory: try fewer --workers"]
    assert active_children() == []
    assert not (tmp_path / "set" / "manifest.csv").exists()


def _interrupted_rendering(out, times):
    """Return the exit code and the messages of a rendering that gets Ctrl-C several times."""
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "synth", str(out)]
    made = subprocess.Popen(
        [*command, "--subjects", "40", "--size", "48", "--workers", "2"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("images/*/*/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(times):
        made.send_signal(signal.SIGINT)
        # So that the second comes while the first is being obeyed.
        time.sleep(0.3)
    _, told = made.communicate(timeout=60)
    return made.returncode, told


def test_an_interrupt_says_what_is_left(tmp_path):
    code, told = _interrupted_rendering(tmp_path / "set", 1)

    assert code == 130
    assert f"interrupted; {tmp_path / 'set'} is incomplete and has no manifest" in told
    assert not (tmp_path / "set" / "manifest.csv").exists()


def test_an_impatient_interrupt_ends_too(tmp_path):
    code, _ = _interrupted_rendering(tmp_path / "set", 2)

    # The second may come when the workers have ended already, and then ends the rest at once.
    assert code in {130, -signal.SIGINT}
    assert not (tmp_path / "set" / "manifest.csv").exists()
