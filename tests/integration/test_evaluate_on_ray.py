"""Replay by Ray workers: the bytes of a local run, whatever becomes of nodes, and clear words otherwise."""

import contextlib
from pathlib import Path

import psutil
import pytest

from lifesign.errors import ContractError
from lifesign.evaluation.config import EvaluationConfig, evaluation_config
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.service import evaluate
from lifesign.ray_executor import RayExecutor
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.model_server import Answer, FakeModelServer

SAMPLES = 240
STORE_BYTES = 80 * 2**20
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
    defaults = {
        "target": server.target,
        "model": "liveness",
        "data": manifest,
        "out": out,
        "class_names": ("attack", "bona_fide"),
        "shard_size": 16,
        "batch_size": 8,
        "decode_threads": 2,
        "wait_server_seconds": 30,
    }
    return evaluation_config(**{**defaults, **options})


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


def test_a_failure_of_the_work_is_the_sentence_of_a_local_run(manifest, whole_run, tmp_path):
    import numpy as np

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
