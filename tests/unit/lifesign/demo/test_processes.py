"""What the demo starts, it stops: at the end, on Ctrl-C, and when a service does not come up."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lifesign.demo.processes import ServiceGroup, choose_port, require_disk_space
from lifesign.errors import NotReadyError, StorageError

_KEEPS_A_SERVICE = """
import signal, sys
from pathlib import Path
from rich.console import Console
from lifesign.demo.processes import ServiceGroup
from lifesign.demo.story import _wait_for_interrupt

signal.signal(signal.SIGINT, signal.default_int_handler)
with ServiceGroup(Path(sys.argv[1])) as services:
    child = services.start("sleeper", ["sleep", "120"])
    print(child.process.pid, flush=True)
    _wait_for_interrupt(Console(stderr=True))
"""


def test_an_interrupt_stops_the_services_that_were_kept(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-c", _KEEPS_A_SERVICE, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    child = psutil.Process(int(demo.stdout.readline()))
    assert "Ctrl-C" in demo.stderr.readline()

    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=30)

    assert demo.returncode == 0
    assert not child.is_running()


_RUNS_A_STEP = """
import signal, sys
from lifesign.demo.processes import run

signal.signal(signal.SIGTERM, signal.default_int_handler)
run([sys.executable, "-c", sys.argv[1]])
"""
_STEP = """
import time
print("started", flush=True)
try:
    time.sleep(120)
except KeyboardInterrupt:
    time.sleep(0.5)  # longer than subprocess.run waits before it kills
    print("workers stopped", flush=True)
"""


def test_a_terminated_demo_lets_its_step_stop_its_workers() -> None:
    demo = subprocess.Popen(
        [sys.executable, "-c", _RUNS_A_STEP, _STEP], stderr=subprocess.PIPE, text=True, process_group=0
    )
    assert demo.stderr is not None
    assert demo.stderr.readline() == "started\n"

    demo.send_signal(signal.SIGTERM)
    _, told = demo.communicate(timeout=30)

    assert "workers stopped" in told


def test_a_service_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with ServiceGroup(tmp_path) as services:
        service = services.start("broken", ["sh", "-c", "echo no such model; exit 3"])

        with pytest.raises(NotReadyError, match="broken ended at once: no such model"):
            service.wait_until(lambda: False, deadline_seconds=20)


def test_a_busy_port_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]

        port, is_preferred = choose_port(taken)

    assert port != taken
    assert not is_preferred


def test_too_little_disk_space_is_told_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"MB of free disk space; 1,000,000,000,000 MB are needed"):
        require_disk_space(tmp_path, 10**18)
