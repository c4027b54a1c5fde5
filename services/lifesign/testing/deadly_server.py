"""A model server for tests that certain images kill, hang or hold up, as a process, and its supervisor.

    python -m lifesign.testing.deadly_server --port 8500 --images kill

An image of the kind has the colour ``DEADLY`` in its first pixel.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.testing.model_server import FakeModelServer

__all__ = ["DEADLY", "Harm", "SupervisedServer", "make_deadly"]

DEADLY = (255, 0, 254)
"""Red, green and blue of the first pixel."""
_START_SECONDS = 60.0


class Harm(StrEnum):
    """What an image does to the server."""

    KILL = "kill"
    """The process dies at once, as of a segmentation fault."""
    HANG = "hang"
    """The process answers nobody any more."""
    HOLD_UP = "hold_up"
    """The request takes ten seconds, and all others are answered meanwhile."""


def make_deadly(path: Path) -> None:
    """Give a PNG image the colour that harms a server."""
    with Image.open(path) as image:
        pixels = np.array(image.convert("RGB"))
    pixels[0, 0] = DEADLY
    Image.fromarray(pixels).save(path)


class SupervisedServer:
    """Runs the server in a process and starts it again whenever it ends, as an orchestrator does.

    One that hangs is killed after ``hang_seconds``. ``deaths`` counts ends; without ``restarts`` each one is
    final until ``start`` is called.
    """

    def __init__(self, harm: Harm, *, restarts: bool = True, hang_seconds: float = 3.0) -> None:
        self._harm = harm
        self._restarts = restarts
        self._hang_seconds = hang_seconds
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def target(self) -> str:
        """Address for a client."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process, return when it listens, and look after it."""
        self._launch()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def signal(self, number: int) -> None:
        """Send a signal to the process that runs now."""
        if self._process is not None:
            self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.signal(signal.SIGKILL)
        if self._watcher is not None:
            self._watcher.join()

    def _launch(self) -> None:
        options = ["--port", str(self.port), "--images", self._harm]
        self._process = subprocess.Popen([sys.executable, "-m", "lifesign.testing.deadly_server", *options])
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)

    def _watch(self) -> None:
        while self._process is not None:
            self._wait_for_end(self._process)
            if self._closing.is_set():
                return
            self.deaths += 1
            if not self._restarts:
                return
            self._launch()

    def _wait_for_end(self, process: subprocess.Popen[bytes]) -> None:
        stopped_since: float | None = None
        while process.poll() is None:
            is_stopped = _state(process.pid) == "T"
            stopped_since = (stopped_since or time.monotonic()) if is_stopped else None
            if stopped_since is not None and time.monotonic() - stopped_since > self._hang_seconds:
                process.kill()
            time.sleep(0.02)


def _state(pid: int) -> str:
    """Return the state of a process as Linux gives it: R, S, T for stopped; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _inspector(harm: Harm) -> Callable[[NDArray[np.uint8]], None]:
    def inspect(images: NDArray[np.uint8]) -> None:
        if not (images[:, 0, 0] == DEADLY).all(axis=1).any():
            return
        if harm is Harm.HOLD_UP:
            time.sleep(10)
        else:
            os.kill(os.getpid(), signal.SIGKILL if harm is Harm.KILL else signal.SIGSTOP)
            # The signal may take effect in another thread first.
            time.sleep(60)

    return inspect


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--images", type=Harm, choices=list(Harm), required=True)
    options = parser.parse_args(arguments)
    server = FakeModelServer(inspect=_inspector(options.images))
    server.port = options.port
    with server:
        threading.Event().wait()


if __name__ == "__main__":
    main()
