"""Commands and background services of the demo: started, watched, always stopped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lifesign.errors import ConfigurationError, LifesignError, NotReadyError, StorageError

__all__ = ["BackgroundService", "ServiceGroup", "choose_port", "command_line", "require_disk_space", "run"]

_STOP_SECONDS = 15.0


def command_line(name: str) -> str:
    """Return the path of a console script of this environment, such as ``lifesign``.

    Raises:
        ConfigurationError: it is not installed.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ConfigurationError(f"the command {name} is not installed; run make setup")
    return found


def require_disk_space(folder: Path, needed_bytes: int) -> None:
    """Raise ``StorageError`` when the file system of ``folder`` has less than ``needed_bytes`` free."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise StorageError(
            f"{existing} has {free / 1e6:,.0f} MB of free disk space; {needed_bytes / 1e6:,.0f} MB are needed"
        )


def choose_port(preferred: int) -> tuple[int, bool]:
    """Return a free TCP port of the loopback address and whether it is the preferred one."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1]), port == preferred
    raise ConfigurationError("no free TCP port was found on 127.0.0.1")


def run(arguments: Sequence[str], *, accepted: frozenset[int] = frozenset({0})) -> int:
    """Run a command in the foreground with its progress on the terminal and return its exit code.

    Raises:
        LifesignError: the exit code is not among ``accepted``.
    """
    # In a session of its own the step hears of Ctrl-C once, from here, whoever interrupts the demo.
    with subprocess.Popen(arguments, stdout=sys.stderr, start_new_session=True) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            _interrupt(process)
            raise
    if code not in accepted:
        raise LifesignError(f"the step failed with exit code {code}: {' '.join(arguments)}")
    return code


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@dataclass
class BackgroundService:
    """A service in a process group of its own, its output in a log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, is_ready: Callable[[], bool], *, deadline_seconds: float) -> None:
        """Poll until ready; raises ``NotReadyError`` when the service ends or takes too long."""
        end = time.monotonic() + deadline_seconds
        while not is_ready():
            if self.process.poll() is not None:
                raise NotReadyError(f"{self.name} ended at once: {self._last_words()}")
            if time.monotonic() > end:
                raise NotReadyError(
                    f"{self.name} was not ready within {deadline_seconds:g} s; see {self.log}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask to end, then insist."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else f"see {self.log}"


@dataclass
class ServiceGroup:
    """The services of one demo; leaving the block stops them, last started first."""

    logs: Path
    services: list[BackgroundService] = field(default_factory=list)

    def start(self, name: str, arguments: Sequence[str]) -> BackgroundService:
        """Start a service; its stdout and stderr go to ``<logs>/<name>.log``."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        service = BackgroundService(name, process, log)
        self.services.append(service)
        return service

    def stop(self) -> None:
        while self.services:
            self.services.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
