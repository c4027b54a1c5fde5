"""Replay by Ray workers: the bytes of a local run, whatever becomes of nodes, and clear words otherwise."""

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
import ray
from ray._private.internal_api import get_memory_info_reply, get_state_from_address
from ray.cluster_utils import Cluster
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.errors import ContractError, NotReadyError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.service import evaluate
from lifesign.ray_executor import RayExecutor
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.evaluations import small_evaluation
from lifesign.testing.model_server import Answer, FakeModelServer

SAMPLES = 240
STORE_BYTES = 80 * 2**20
LOOPBACK = "127.0.0.2"
"""Ray puts the machine's outer address in the place of 127.0.0.1."""
ON_THIS_MACHINE = RayExecutor(local_cpus=2)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("faces")
    manifest = write_brightness_manifest(root, samples=SAMPLES)
    (root / "images" / "attack" / "00010.png").write_bytes(b"not an image")
    return manifest


@pytest.fixture(scope="module")
def whole_run(manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    with FakeModelServer() as server:
        evaluate(_config(manifest, out, server))
    return out


def _config(manifest: Path, out: Path, server: FakeModelServer, **options) -> EvaluationConfig:
    return small_evaluation(manifest, out, server.target, **{"shard_size": 16, **options})


def _report(run: Path) -> bytes:
    return (run / "report.json").read_bytes()


def _workers(of: psutil.Process | None = None) -> list[psutil.Process]:
    found = []
    for process in (of or psutil.Process()).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name().startswith("ray::_Worker"):
                found.append(process)
    return found


class _Recorder(SilentProgress):
    def __init__(self) -> None:
        self.batches: list[tuple[int, int, int, int]] = []
        self.libraries: set[str] = set()
        self.waits: list[str] = []

    def on_wait(self, message):
        self.waits.append(message)

    def on_batch(self, done, scored, no_response, correct):
        self.batches.append((done, scored, no_response, correct))
        if not self.libraries:
            self.libraries = {Path(one.path).name for each in _workers() for one in each.memory_maps()}


def test_a_run_on_ray_has_the_bytes_of_a_local_one(manifest, whole_run, tmp_path):
    recorder = _Recorder()
    with FakeModelServer() as server:
        result = evaluate(
            _config(manifest, tmp_path / "run", server), executor=ON_THIS_MACHINE, progress=recorder
        )
    assert _report(tmp_path / "run") == _report(whole_run)
    assert [done for done, *_ in recorder.batches] == list(range(16, SAMPLES + 1, 16))
    done, scored, no_response, correct = recorder.batches[-1]
    assert (done, scored, no_response) == (SAMPLES, SAMPLES - 1, 1)
    assert correct / scored == pytest.approx(result.document.accuracy.value)
    assert any("arrow" in name for name in recorder.libraries)
    assert not any("tensorflow" in name for name in recorder.libraries)
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert not _workers()


@pytest.mark.slow
def test_a_failure_of_the_work_is_the_sentence_of_a_local_run(manifest, whole_run, tmp_path):
    wrong = Answer({"scores": np.zeros((8, 3), np.float32)})
    with FakeModelServer(inspect=lambda _: wrong) as server:
        with pytest.raises(ContractError) as here:
            evaluate(_config(manifest, tmp_path / "here", server))
        with pytest.raises(ContractError) as there:
            evaluate(_config(manifest, tmp_path / "run", server), executor=ON_THIS_MACHINE)
    assert str(there.value) == str(here.value)
    assert not _workers()
    with FakeModelServer() as server:
        evaluate(_config(manifest, tmp_path / "run", server), executor=ON_THIS_MACHINE, resume=True)
    assert _report(tmp_path / "run") == _report(whole_run)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """Three Ray nodes on this machine, each with one CPU and the smallest object store there is."""
    options = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "node_ip_address": LOOPBACK}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**options, "include_dashboard": False},
    )
    try:
        for _ in range(2):
            cluster.add_node(**options)
        yield cluster
    finally:
        cluster.shutdown()


class _KillOneNode:
    """Once some images were asked about, holds all answers until every worker asked, and kills a node."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.server: FakeModelServer | None = None
        self.has_killed = False
        self._lock = threading.Lock()

    def __call__(self, images):
        with self._lock:
            if not self.has_killed and self.server.images >= 64:
                deadline = time.monotonic() + 60
                while len(_asking(self.server.port)) < 3:
                    assert time.monotonic() < deadline
                node = next(iter(self.cluster.worker_nodes))
                # A worker outlives its node by a moment, long enough to end what it has claimed.
                for process in psutil.Process(node.all_processes["raylet"][0].process.pid).children():
                    process.kill()
                self.cluster.remove_node(node, allow_graceful=False)
                self.has_killed = True


def _asking(port: int) -> list[psutil.Process]:
    """Return the workers with a connection to a server."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name().startswith("ray::_Worker") and any(
                one.raddr and one.raddr.port == port for one in process.net_connections("tcp")
            ):
                found.append(process)
    return found


def _store_stats(address: str, *, patience_seconds: float = 60.0) -> Any:
    """Return what the object stores hold; a node just killed is asked too, until the cluster misses it."""
    end = time.monotonic() + patience_seconds
    while True:
        try:
            return get_memory_info_reply(get_state_from_address(address)).store_stats
        except grpc.RpcError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


@pytest.mark.slow
def test_a_node_killed_midway_changes_no_byte_and_little_goes_through_the_object_store(
    nodes, manifest, whole_run, tmp_path
):
    kill, told = _KillOneNode(nodes), _Recorder()
    with FakeModelServer(inspect=kill) as server:
        kill.server = server
        config = _config(manifest, tmp_path / "run", server, shard_size=16)
        evaluate(config, executor=RayExecutor(nodes.address), progress=told)
    assert kill.has_killed
    assert "a Ray worker was lost; others claim what it had not finished" in told.waits
    assert _report(tmp_path / "run") == _report(whole_run)
    ids = [one for table in read_predictions(tmp_path / "run") for one in table["sample_id"].to_pylist()]
    assert len(ids) == len(set(ids)) == SAMPLES
    stored = _store_stats(nodes.address)
    assert stored.cumulative_created_bytes < 2**16, stored


@contextlib.contextmanager
def _client_server(cluster: Cluster) -> Iterator[str]:
    """Serve Ray's client protocol, as the head of a cluster does; yield the address."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    options = [
        "--mode=specific-server",
        f"--address={cluster.address}",
        f"--host={LOOPBACK}",
        f"--port={port}",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "ray.util.client.server", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection((LOOPBACK, port)).close()
                break
        yield f"ray://{LOOPBACK}:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
def test_a_cluster_is_used_from_outside_by_its_client_address(nodes, manifest, whole_run, tmp_path):
    with FakeModelServer() as server, _client_server(nodes) as address:
        words = ["evaluate", str(manifest), "--model", "liveness", "--target", server.target]
        words += ["--class-names", "attack,bona_fide", "--out", str(tmp_path / "run"), "--quiet"]
        words += ["--shard-size", "16", "--batch-size", "8", "--executor", address]
        result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1, 2), result.stderr
    assert _report(tmp_path / "run") == _report(whole_run)


class _ReplaceNodes(SilentProgress):
    """Three times over adds a node and kills the one that works, while the server holds all answers."""

    def __init__(self, cluster: Cluster, options: dict[str, object]) -> None:
        self.cluster, self.options = cluster, options
        self.killed = 0
        self._may_answer = threading.Event()
        self._may_answer.set()

    def on_batch(self, done, scored, no_response, correct):
        if self.killed < 3 and done >= 48 * (self.killed + 1):
            self._may_answer.clear()
            working = next(iter(self.cluster.worker_nodes))
            self.cluster.add_node(**self.options)
            for process in psutil.Process(working.all_processes["raylet"][0].process.pid).children():
                process.kill()
            self.cluster.remove_node(working, allow_graceful=False)
            self.killed += 1
            self._may_answer.set()

    def hold(self, images):
        self._may_answer.wait()


@pytest.mark.slow
def test_nodes_that_come_late_get_work_and_three_in_a_row_may_be_lost(manifest, whole_run, tmp_path):
    options = {"object_store_memory": STORE_BYTES, "node_ip_address": LOOPBACK}
    # Without a CPU the head gets no work.
    cluster = Cluster(
        initialize_head=True, head_node_args={**options, "num_cpus": 0, "include_dashboard": False}
    )
    try:
        cluster.add_node(**options, num_cpus=1)
        replace = _ReplaceNodes(cluster, {**options, "num_cpus": 1})
        with FakeModelServer(inspect=replace.hold) as server:
            config = _config(manifest, tmp_path / "run", server, timeout_seconds=120)
            evaluate(config, executor=RayExecutor(cluster.address), progress=replace)
    finally:
        cluster.shutdown()
    assert replace.killed == 3
    assert _report(tmp_path / "run") == _report(whole_run)


class _Head:
    """A head as people start it, ``ray start``; ``address`` is for clients, ``port`` for other nodes."""

    def __init__(self, folder: str) -> None:
        client_port, self.port = _free_port(), _free_port()
        self.address = f"ray://127.0.0.1:{client_port}"
        options = [f"--ray-client-server-port={client_port}", f"--port={self.port}", f"--temp-dir={folder}"]
        options += ["--num-cpus=1", f"--object-store-memory={STORE_BYTES}", "--include-dashboard=false"]
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("ray"), "start", "--head", "--block", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", client_port)).close()
                return
            time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        return _workers(psutil.Process(self._process.pid))

    def kill(self) -> None:
        if self._process.poll() is None:
            parts = psutil.Process(self._process.pid).children(recursive=True)
            for one in [self._process, *parts]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            self._process.wait()


@pytest.fixture
def head() -> Iterator[_Head]:
    # The sockets in it have short names only.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        head = _Head(folder)
        try:
            yield head
        finally:
            head.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


class _Once(SilentProgress):
    """Does something when so many samples are done."""

    def __init__(self, do: Callable[[], object], at: int) -> None:
        self._do, self._at = do, at

    def on_batch(self, done, scored, no_response, correct):
        if done >= self._at:
            self._at = SAMPLES + 1
            self._do()


@pytest.mark.slow
def test_a_head_as_people_start_it_is_used_and_its_loss_is_told(head, manifest, whole_run, tmp_path):
    place = RayExecutor.at(head.address)
    with FakeModelServer() as server:
        evaluate(_config(manifest, tmp_path / "run", server), executor=place)
        lost = _config(manifest, tmp_path / "lost", server)
        with pytest.raises(NotReadyError, match=f"lost the Ray cluster at {head.address}: "):
            evaluate(lost, executor=place, progress=_Once(head.kill, at=32))
        assert not ray.is_initialized(), "no other cluster was started in its place"
        evaluate(lost, resume=True)
    assert _report(tmp_path / "run") == _report(whole_run)
    assert _report(tmp_path / "lost") == _report(whole_run)


@pytest.mark.slow
def test_interrupted_on_a_cluster_leaves_no_worker_there_and_is_resumed(head, manifest, whole_run, tmp_path):
    is_interrupted = threading.Event()
    asked: list[int] = []

    def linger(images: np.ndarray) -> None:
        asked.append(len(images))
        if sum(asked) > 64:
            is_interrupted.wait(1.0)

    with FakeModelServer(inspect=linger) as server:
        words = ["evaluate", str(manifest), "--model", "liveness", "--target", server.target]
        words += ["--class-names", "attack,bona_fide", "--out", str(tmp_path / "run")]
        words += ["--shard-size", "16", "--batch-size", "8"]
        command = [sys.executable, "-c", "from lifesign.cli import main; main()", *words]
        process = subprocess.Popen(
            [*command, "--executor", head.address],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        while server.images < 64:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        is_interrupted.set()
        assert process.returncode == 130
        assert stderr.endswith("interrupted; what is done is kept, continue with --resume\n")
        assert not head.workers()
        subprocess.run([*command, "--executor", head.address, "--resume"], check=True, capture_output=True)
    assert _report(tmp_path / "run") == _report(whole_run)


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        ("spark", "--executor: expected local, ray or ray://HOST:PORT, got 'spark'"),
        ("ray://head", "expected the Ray address as ray://HOST:PORT, got 'ray://head'"),
        ("ray://127.0.0.1:1", "no Ray at ray://127.0.0.1:1: Connection refused"),
    ],
)
def test_an_executor_that_cannot_be_is_told_in_a_sentence(manifest, tmp_path, executor, words):
    assert _refusal(manifest, tmp_path, executor) == f"error: {words}\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_something_else_that_listens_is_no_ray_and_told_soon(manifest, tmp_path):
    with socket.create_server((LOOPBACK, 0)) as listener:
        address = f"ray://{LOOPBACK}:{listener.getsockname()[1]}"
        refusal = _refusal(manifest, tmp_path, address)
    assert refusal == (
        f"error: no Ray at {address}: something listens there and does not answer as Ray does within 10 s\n"
    )


def test_without_ray_the_extra_is_named(manifest, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = "error: --executor ray needs the package ray (pip install 'lifesign[ray]')\n"
    assert _refusal(manifest, tmp_path, "ray") == words


def _refusal(manifest: Path, tmp_path: Path, executor: str) -> str:
    words = ["evaluate", str(manifest), "--model", "liveness", "--class-names", "attack,bona_fide"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "run"), "--executor", executor])
    assert result.exit_code == 3
    return result.stderr
