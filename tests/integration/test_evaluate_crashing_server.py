"""Servers that an image crashes, hangs or holds up, and servers that are killed: processes of their own."""

import random
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from lifesign.errors import NotReadyError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.service import evaluate
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.deadly_server import Harm, SupervisedServer, make_deadly
from lifesign.testing.evaluations import small_evaluation
from lifesign.testing.model_server import FakeModelServer

pytestmark = pytest.mark.slow

SAMPLES = 160
HARMFUL = ("images/attack/00042.png", "images/bona_fide/00101.png")


@pytest.fixture(scope="module")
def harmless(tmp_path_factory) -> Path:
    return write_brightness_manifest(tmp_path_factory.mktemp("harmless"), samples=SAMPLES)


@pytest.fixture(scope="module")
def harmful(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("harmful")
    manifest = write_brightness_manifest(root, samples=SAMPLES)
    for path in HARMFUL:
        make_deadly(root / path)
    return manifest


@pytest.fixture(scope="module")
def whole_run(harmless, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    with FakeModelServer() as server:
        evaluate(_config(harmless, out, server.target))
    return out


def _config(manifest: Path, out: Path, target: str, **more: object) -> EvaluationConfig:
    usual = {"shard_size": 32, "timeout_seconds": 2.0, "wait_server_seconds": 60}
    return small_evaluation(manifest, out, target, **{**usual, **more})


def _report(run: Path) -> bytes:
    return (run / "report.json").read_bytes()


def _reasons(run: Path) -> dict[str, tuple[str, str]]:
    rows = [row for table in read_predictions(run) for row in table.to_pylist()]
    assert len(rows) == SAMPLES
    return {row["path"]: (row["reason"], row["detail"]) for row in rows if row["reason"] is not None}


class _Told(SilentProgress):
    def __init__(self) -> None:
        self.waits: list[str] = []

    def on_wait(self, message):
        self.waits.append(message)


@pytest.fixture(scope="module")
def crashed_run(harmful, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("crashed") / "run"
    told = _Told()
    with SupervisedServer(Harm.KILL) as server:
        result = evaluate(_config(harmful, out, server.target), progress=told)
    # With others, in its batch, and twice alone; the batch may also be asked for again with others once.
    assert len(HARMFUL) * 3 <= server.deaths <= len(HARMFUL) * 5
    assert result.document.accounting.reasons == {"server_crash": len(HARMFUL)}
    assert result.document.accounting.scored == SAMPLES - len(HARMFUL)
    assert any(f"which went away over {HARMFUL[0]}, (" in one for one in told.waits)
    return out


def test_an_image_that_crashes_the_server_costs_itself_and_nothing_else(crashed_run):
    detail = "the server went away 2 times while it was asked about {} and nothing else"
    assert _reasons(crashed_run) == {path: ("server_crash", detail.format(path)) for path in HARMFUL}


class _Interrupt(SilentProgress):
    def __init__(self, waits: int) -> None:
        self._waits = waits

    def on_wait(self, message):
        self._waits -= 1
        if self._waits == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("waits", [1, 3, 9])
def test_interrupted_while_it_looks_for_the_image_and_resumed_ends_with_the_same_bytes(
    harmful, crashed_run, tmp_path, waits
):
    with SupervisedServer(Harm.KILL) as server:
        config = _config(harmful, tmp_path / "run", server.target)
        with pytest.raises(KeyboardInterrupt):
            evaluate(config, progress=_Interrupt(waits))
        evaluate(config, resume=True)
    assert _report(tmp_path / "run") == _report(crashed_run)


def test_a_server_that_nobody_restarts_stops_the_run_which_ends_with_the_same_bytes(
    harmful, crashed_run, tmp_path
):
    server = SupervisedServer(Harm.KILL, restarts=False)
    config = _config(harmful, tmp_path / "run", server.target, wait_server_seconds=1)
    refusals = list[str]()
    with server:
        while not (tmp_path / "run" / "report.json").exists():
            try:
                evaluate(config, resume=bool(refusals))
            except NotReadyError as error:
                refusals.append(str(error))
                assert len(refusals) <= 5 * len(HARMFUL), refusals
                server.start()
    assert all("gave up on the model server" in one for one in refusals)
    assert any(f"which went away over {HARMFUL[0]}, after 1 s: " in one for one in refusals)
    assert _report(tmp_path / "run") == _report(crashed_run)


def test_an_image_that_hangs_the_server_until_it_is_killed_counts_as_one_that_crashes_it(harmful, tmp_path):
    with SupervisedServer(Harm.HANG) as server:
        evaluate(_config(harmful, tmp_path / "run", server.target, timeout_seconds=1.0))
    assert {path: reason for path, (reason, _) in _reasons(tmp_path / "run").items()} == dict.fromkeys(
        HARMFUL, "server_crash"
    )


def test_an_image_that_takes_too_long_is_late_and_costs_nobody_else(harmful, tmp_path):
    with SupervisedServer(Harm.HOLD_UP) as server:
        evaluate(_config(harmful, tmp_path / "run", server.target, timeout_seconds=0.5))
    assert server.deaths == 0
    assert {path: reason for path, (reason, _) in _reasons(tmp_path / "run").items()} == dict.fromkeys(
        HARMFUL, "DEADLINE_EXCEEDED"
    )


class _Disturb(SilentProgress):
    """Sends a signal to the server at each of some numbers of samples done."""

    def __init__(self, server: SupervisedServer, at: list[int], number: int) -> None:
        self._server, self._at, self._number = server, sorted(at), number
        self._lock = threading.Lock()
        self.sent = 0

    def on_batch(self, done, scored, no_response, correct):
        with self._lock:
            if self._at and done >= self._at[0]:
                del self._at[0]
                self._server.signal(self._number)
                self.sent += 1


@pytest.mark.parametrize("seed", range(4))
def test_a_server_that_is_killed_at_random_changes_no_byte(harmless, whole_run, tmp_path, seed):
    points = random.Random(seed).sample(range(SAMPLES - 8), 4)
    with SupervisedServer(Harm.KILL) as server:
        disturb = _Disturb(server, points, signal.SIGKILL)
        evaluate(_config(harmless, tmp_path / "run", server.target), progress=disturb)
    assert server.deaths > 0
    assert _report(tmp_path / "run") == _report(whole_run)


def test_a_server_that_answers_nobody_for_many_deadlines_changes_no_byte(harmless, whole_run, tmp_path):
    with SupervisedServer(Harm.KILL, hang_seconds=600) as server:
        disturb = _Disturb(server, [40], signal.SIGSTOP)
        awake = threading.Timer(6, lambda: server.signal(signal.SIGCONT))
        awake.start()
        evaluate(_config(harmless, tmp_path / "run", server.target, timeout_seconds=0.5), progress=disturb)
    assert disturb.sent == 1
    assert server.deaths == 0
    assert _report(tmp_path / "run") == _report(whole_run)
    assert Counter(reason for reason, _ in _reasons(tmp_path / "run").values()) == {}
