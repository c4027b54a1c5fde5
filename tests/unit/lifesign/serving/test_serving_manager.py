import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lifesign.pb.tensor_pb2 import SignatureDef
from lifesign.serving import monitor as states
from lifesign.serving.manager import ServableManager
from lifesign.serving.monitor import StateMonitor
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError


class RecordingServable:
    """A servable that knows whether it was closed."""

    signatures: Mapping[str, SignatureDef] = {}

    def __init__(self) -> None:
        self.closed = False

    def run(
        self, feeds: Mapping[str, Array], fetches: Sequence[str], *, timeout_seconds: float | None = None
    ) -> list[Array]:
        assert not self.closed
        return []

    def close(self) -> None:
        self.closed = True


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def manager(
    load: Callable[[str, int, Path], RecordingServable], **options: float
) -> tuple[ServableManager, StateMonitor]:
    monitor = StateMonitor()
    known = {"max_load_retries": 0, "load_retry_seconds": 60.0, "load_threads": 1, **options}
    return ServableManager(load, monitor, **known), monitor  # type: ignore[arg-type]


def state(monitor: StateMonitor, version: int) -> int:
    return next((entry.state for entry in monitor.states("m") if entry.version == version), 0)


def test_a_version_in_use_is_closed_only_when_the_last_request_lets_go():
    loaded: dict[int, RecordingServable] = {}

    def load(_model: str, version: int, _path: Path) -> RecordingServable:
        return loaded.setdefault(version, RecordingServable())

    models, monitor = manager(load)
    models.want("m", {1: Path("1")})
    until(lambda: state(monitor, 1) == states.AVAILABLE)

    with models.lease("m", None) as lease:
        models.want("m", {2: Path("2")})
        until(lambda: state(monitor, 1) == states.UNLOADING and models.available("m") == (2,))
        assert not loaded[1].closed
        lease.servable.run({}, [])
    until(lambda: state(monitor, 1) == states.END)

    assert loaded[1].closed
    models.stop(5)
    assert loaded[2].closed


def test_retries_end_when_the_version_is_no_longer_wanted():
    attempts = threading.Semaphore(0)

    def load(_model: str, version: int, _path: Path) -> RecordingServable:
        if version == 1:
            attempts.release()
            raise ServingError(Code.DATA_LOSS, "broken")
        return RecordingServable()

    models, monitor = manager(load, max_load_retries=5)
    models.want("m", {1: Path("1")})
    assert attempts.acquire(timeout=10)
    assert state(monitor, 1) == states.LOADING

    models.want("m", {2: Path("2")})

    until(lambda: state(monitor, 2) == states.AVAILABLE)
    assert monitor.states("m")[1].code is Code.DATA_LOSS
    models.stop(5)


def test_a_failed_load_is_repeated_as_often_as_allowed():
    attempts = 0

    def load(_model: str, _version: int, _path: Path) -> RecordingServable:
        nonlocal attempts
        attempts += 1
        raise RuntimeError("out of luck")

    models, monitor = manager(load, max_load_retries=2, load_retry_seconds=0.001)
    models.want("m", {1: Path("1")})

    until(lambda: state(monitor, 1) == states.END)

    assert attempts == 3
    assert (monitor.states("m")[0].code, monitor.states("m")[0].message) == (
        Code.INTERNAL,
        "RuntimeError: out of luck",
    )
    with pytest.raises(ServingError, match=r"Latest\(m\)"):
        models.lease("m", None).__enter__()
    models.stop(5)
