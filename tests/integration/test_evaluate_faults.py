"""``lifesign evaluate`` killed at random points, and behind a network and servers that misbehave.

Each is a process of its own: the client that is killed, ``lifesign serve``, and the faulty proxy between.
"""

import contextlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifesign.client import PredictionClient
from lifesign.errors import ContractError, NotReadyError
from lifesign.evaluation.config import EvaluationConfig, evaluation_config
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.service import evaluate
from lifesign.model_card import OperatingPoint
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.brightness_model import brightness_answer, publish_version
from lifesign.testing.model_cards import liveness_card

pytestmark = pytest.mark.slow

SAMPLES = 400
BATCHES = 52  # 12 shards of 32 samples in batches of 8, and one of 16
POISON = 97

# The client as a process that imports once and then forks for every command on stdin, so that a run can be
# killed within its first milliseconds. It answers with the pid, then with a byte per event of the run.
_FORKING_CLIENT = """
import json, os, sys
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.service import evaluate

class Told(SilentProgress):
    def on_start(self, total, done): os.write(1, b".")
    def on_batch(self, done, scored, no_response, correct): os.write(1, b".")
    def on_finish(self): os.write(1, b".")

for line in sys.stdin:
    command = json.loads(line)
    pid = os.fork()
    if pid == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        evaluate(evaluation_config(**command["config"]), resume=command["resume"], progress=Told())
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    os.write(1, f"\\n{os.waitstatus_to_exitcode(status)}\\n".encode())
"""


def _export(base: Path, version: int, kind: str = "good") -> None:
    """Export a model that finds bright images bona fide, or one that misbehaves, with its card."""
    point = OperatingPoint(id="half", criterion="fixed", threshold=0.5, source="fixed")
    card = liveness_card(point, name="brightness", version=version)
    publish_version(base / "brightness", version, answer=_ANSWERS[kind], card=card)


def _not_a_number(images):
    """Answers ``nan`` for images darker than 100."""
    import tensorflow as tf

    logit = tf.math.log(tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3)) - 100)
    logits = tf.stack([-logit / 2, logit / 2], axis=1)
    return {"scores": tf.nn.softmax(logits), "logits": logits}


def _refusing_poison(images):
    import tensorflow as tf

    healthy = tf.reduce_all(images[:, 0, 0, 0] != POISON)
    with tf.control_dependencies([tf.debugging.Assert(healthy, ["poisoned image"])]):
        return {name: tf.identity(found) for name, found in brightness_answer(images).items()}


def _of_one_column(images):
    import tensorflow as tf

    found = brightness_answer(images)
    # Said to be of any shape, so only the answer gives it away.
    one = tf.py_function(lambda scores: scores[:, :1], [found["scores"]], tf.float32)
    return {**found, "scores": tf.ensure_shape(one, None)}


_ANSWERS = {
    "good": brightness_answer,
    "nan": _not_a_number,
    "poison": _refusing_poison,
    "shape": _of_one_column,
}


@contextlib.contextmanager
def _served(base: Path, processes: list[subprocess.Popen[bytes]] | None = None) -> Iterator[str]:
    """Yield the address of ``lifesign serve``, whose process is added to ``processes``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "serve"]
    flags = {
        "--model_name": "brightness",
        "--model_base_path": base / "brightness",
        "--host": "127.0.0.1",
        "--port": port,
        "--rest_api_port": 0,
        "--file_system_poll_wait_seconds": 0.2,
    }
    process = subprocess.Popen(
        [*command, *(f"{name}={value}" for name, value in flags.items())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if processes is not None:
        processes.append(process)
    try:
        with PredictionClient(f"127.0.0.1:{port}", model="brightness") as client:
            client.wait_ready(deadline_seconds=120)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _faulty(target: str, seed: int, **shares: float) -> Iterator[tuple[str, Counter[str]]]:
    """Yield the proxy's address and the faults it injected, which are complete when the block ends."""
    faults = [word for name, share in shares.items() for word in ("--fault", f"{name}={share}")]
    process = subprocess.Popen(
        [sys.executable, "-m", "lifesign.testing.fault_proxy", target, "--seed", str(seed), *faults],
        stdout=subprocess.PIPE,
        text=True,
    )
    injected: Counter[str] = Counter()
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}", injected
    finally:
        process.kill()
        injected.update(json.loads(line)["fault"] for line in process.communicate()[0].splitlines())
        print(f"faults injected: {dict(injected)}")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("models")
    _export(base, 1)
    return base


@pytest.fixture(scope="module")
def target(base) -> Iterator[str]:
    with _served(base) as target:
        yield target


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return write_brightness_manifest(tmp_path_factory.mktemp("faces"), samples=SAMPLES)


def _options(manifest: Path, out: Path, target: str, base: Path, **more: object) -> dict[str, object]:
    return {
        "target": target,
        "model": "brightness",
        "model_base_path": str(base),
        "data": str(manifest),
        "out": str(out),
        "shard_size": 32,
        "batch_size": 8,
        "decode_threads": 2,
        "wait_server_seconds": 60,
        **more,
    }


def _config(*arguments: object, **more: object) -> EvaluationConfig:
    return evaluation_config(**_options(*arguments, **more))


def _report(run: Path) -> bytes:
    return (run / "report.json").read_bytes()


@pytest.fixture(scope="module")
def whole_run(manifest, target, base, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    evaluate(_config(manifest, out, target, base))
    return out


class _ForkingClient:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKING_CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, config: dict[str, object], *, resume: bool = False) -> int:
        """Run to the end and return the exit code."""
        return self._outcome(self._start(config, resume))

    def run_until(self, config: dict[str, object], *, events: int, seconds: float, resume: bool) -> int:
        """Kill the run ``seconds`` after its ``events``-th event; return the exit code."""
        pid = self._start(config, resume)
        pipe = self._process.stdout
        seen = b""
        while events > 0 and (byte := pipe.read(1)) == b".":
            seen += byte
            events -= 1
        if events == 0:
            select.select([], [], [], seconds)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return self._outcome(pid)

    def _start(self, config: dict[str, object], resume: bool) -> int:
        self._process.stdin.write(json.dumps({"config": config, "resume": resume}).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _outcome(self, _: int) -> int:
        rest = self._process.stdout.readline()
        while not rest.strip(b".\n"):
            rest = self._process.stdout.readline()
        return int(rest)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="module")
def client() -> Iterator[_ForkingClient]:
    client = _ForkingClient()
    yield client
    client.close()


@pytest.mark.parametrize("seed", range(24))
def test_killed_at_a_random_point_and_resumed_ends_with_the_same_bytes(
    manifest, target, base, whole_run, client, tmp_path, seed
):
    rng = random.Random(seed)
    options = _options(manifest, tmp_path / "run", target, base)
    kills = 1 + seed % 3
    for kill in range(kills):
        # Event 0 is the fork, BATCHES + 2 the end of the replay; the report is being written after it.
        code = client.run_until(
            options, events=rng.randint(0, BATCHES + 2), seconds=rng.uniform(0, 0.03), resume=kill > 0
        )
        assert code in (-signal.SIGKILL, 0)
    assert client.run(options, resume=True) == 0
    assert _report(tmp_path / "run") == _report(whole_run)
    ids = [one for table in read_predictions(tmp_path / "run") for one in table["sample_id"].to_pylist()]
    assert len(ids) == len(set(ids)) == SAMPLES
    assert not list((tmp_path / "run").rglob("*.tmp"))


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_refusals_and_lost_and_late_answers_changes_no_byte(
    manifest, target, base, whole_run, tmp_path, seed
):
    storm = {"unavailable": 0.15, "exhausted": 0.1, "lost_answer": 0.15, "late": 0.03}
    with _faulty(target, seed, **storm) as (address, injected):
        config = _config(manifest, tmp_path / "run", address, base, timeout_seconds=1.0)
        evaluate(config)
    assert _report(tmp_path / "run") == _report(whole_run)
    assert set(injected) >= {"unavailable", "exhausted", "lost_answer"}


def test_killed_in_the_storm_and_resumed_ends_with_the_same_bytes(
    manifest, target, base, whole_run, client, tmp_path
):
    storm = {"unavailable": 0.1, "exhausted": 0.1, "lost_answer": 0.1}
    with _faulty(target, 7, **storm) as (address, _):
        options = _options(manifest, tmp_path / "run", address, base)
        for kill, events in enumerate((5, 17, 3, 11)):
            client.run_until(options, events=events, seconds=0.01, resume=kill > 0)
        assert client.run(options, resume=True) == 0
    assert _report(tmp_path / "run") == _report(whole_run)


def test_answers_without_a_number_cost_their_sample_and_nothing_else(manifest, target, base, tmp_path):
    with _faulty(target, 3, nan=0.2) as (address, injected):
        result = evaluate(_config(manifest, tmp_path / "run", address, base))
    assert injected["nan"] > 0
    assert result.document.accounting.reasons == {"invalid_scores": injected["nan"]}
    assert result.document.accounting.scored == SAMPLES - injected["nan"]


def test_an_answer_of_another_version_is_told_sample_by_sample(manifest, target, base, tmp_path):
    with _faulty(target, 5, version=0.3) as (address, injected):
        result = evaluate(_config(manifest, tmp_path / "run", address, base))
    told = Counter(
        version
        for table in read_predictions(tmp_path / "run")
        for version in table["served_version"].to_pylist()
    )
    assert told == {1: SAMPLES - 8 * injected["version"], 2: 8 * injected["version"]}
    assert result.document.model.served_versions == {"1": told[1], "2": told[2]}
    assert "mixed_versions" in {alert.kind for alert in result.document.alerts}


def test_an_answer_of_another_shape_stops_the_run_which_can_be_resumed(
    manifest, target, base, whole_run, tmp_path
):
    with (
        _faulty(target, 2, shape=0.1) as (address, injected),
        pytest.raises(ContractError, match=r"\(8, 2\)"),
    ):
        evaluate(_config(manifest, tmp_path / "run", address, base))
    assert injected["shape"] > 0
    evaluate(_config(manifest, tmp_path / "run", target, base), resume=True)
    assert _report(tmp_path / "run") == _report(whole_run)


@pytest.mark.parametrize(
    ("kind", "reason"), [("nan", "invalid_scores"), ("poison", "INVALID_ARGUMENT")], ids=["nan", "poison"]
)
def test_a_model_that_fails_on_some_images_loses_only_those(manifest, tmp_path, kind, reason):
    _export(tmp_path, 1, kind)
    with _served(tmp_path) as target:
        result = evaluate(_config(manifest, tmp_path / "run", target, tmp_path))
    accounting = result.document.accounting
    assert set(accounting.reasons) == {reason}
    assert 0 < accounting.no_response < SAMPLES / 3
    assert accounting.scored + accounting.no_response == SAMPLES


def test_a_server_that_is_stopped_for_many_deadlines_and_goes_on_changes_no_byte(
    manifest, base, whole_run, tmp_path
):
    processes: list[subprocess.Popen[bytes]] = []

    class Stop(SilentProgress):
        has_stopped = False
        waits: tuple[str, ...] = ()

        def on_batch(self, done, scored, no_response, correct):
            if done >= 100 and not self.has_stopped:
                self.has_stopped = True
                processes[0].send_signal(signal.SIGSTOP)
                threading.Timer(6, processes[0].send_signal, (signal.SIGCONT,)).start()

        def on_wait(self, message):
            self.waits += (message,)

    stop = Stop()
    with _served(base, processes) as target:
        evaluate(_config(manifest, tmp_path / "run", target, base, timeout_seconds=1.0), progress=stop)
    assert any("DEADLINE_EXCEEDED" in message for message in stop.waits)
    assert _report(tmp_path / "run") == _report(whole_run)


def test_a_version_swapped_midway_stops_the_run_and_coming_back_completes_it(
    manifest, base, whole_run, tmp_path
):
    # The same files: the report names the digest of the version, and no two exports have the same.
    shutil.copytree(base / "brightness", tmp_path / "brightness")
    _export(tmp_path / "later", 2)

    class Deploy(SilentProgress):
        def on_batch(self, done, scored, no_response, correct):
            if done >= 100 and not (tmp_path / "brightness" / "2").exists():
                (tmp_path / "later" / "brightness" / "2").rename(tmp_path / "brightness" / "2")
                with PredictionClient(target, model="brightness") as watch:
                    deadline = time.monotonic() + 60
                    while max(one.version for one in watch.status() if one.state == "AVAILABLE") != 2:
                        assert time.monotonic() < deadline

    with _served(tmp_path) as target:
        config = _config(manifest, tmp_path / "run", target, tmp_path)
        with pytest.raises(NotReadyError, match=r"version 1 was unloaded .* now has 2, .*never mixed"):
            evaluate(config, progress=Deploy())
        assert not (tmp_path / "run" / "report.json").exists()
        (tmp_path / "brightness" / "2").rename(tmp_path / "later" / "2")
        evaluate(config, resume=True)
    assert _report(tmp_path / "run") == _report(whole_run)
