"""The processes side by side, and what a task costs in them."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from lifesign.client import PredictionClient
from replay_sides import CORES
from replay_sides.tasks import Work


class Worker:
    """One of the processes side by side."""

    def __init__(self, role: str, work: Work) -> None:
        words = {**work.__dict__, "role": role}
        self._process = subprocess.Popen(
            [sys.executable, sys.argv[0], "--work", json.dumps(words, default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if role == "notebook" else None,
            text=True,
        )
        self.process = psutil.Process(self._process.pid)
        self._wait("ready")

    def do(self, task: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task}\n")
        self._process.stdin.flush()
        self._wait("done")

    def _wait(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != word:
            raise SystemExit(f"expected {word!r} of a worker, got {line!r}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def served(version_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "serve"]
    flags = [
        "--model_name=m",
        f"--model_base_path={version_dir.parent}",
        f"--port={port}",
        "--rest_api_port=0",
    ]
    process = subprocess.Popen([*command, *flags], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        with PredictionClient(f"127.0.0.1:{port}", model="m", version=int(version_dir.name)) as client:
            client.wait_ready(deadline_seconds=120)
        yield f"127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@dataclass(frozen=True)
class Measured:
    """One task of one round: images/s, CPU seconds per image of ours, and cores that others left."""

    rate: float
    cpu: float
    free_cores: float

    @property
    def rate_per_free_core(self) -> float:
        return self.rate / self.free_cores


def measure(worker: Worker, task: str, samples: int, server: psutil.Process | None) -> Measured:
    processes = [worker.process] + ([server] if server else [])
    own, machine = _cpu(*processes), _busy()
    started = time.perf_counter()
    worker.do(task)
    seconds = time.perf_counter() - started
    own, machine = _cpu(*processes) - own, _busy() - machine
    others = max(0.0, machine - own) / seconds
    return Measured(samples / seconds, own / samples, CORES - others)


def _cpu(*processes: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "steal", 0.0))
