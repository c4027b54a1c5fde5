"""A training on two devices, or in two processes, comes to the weights of one on a single device."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lifesign_training.digits import write_digits

_SETTINGS = ["training.epochs=2", "training.optimizer=sgd", "training.learning_rate=0.1"]
_TWO_DEVICES = """
import sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from lifesign_training.distribute import Distribute
from lifesign_training.fit import train
from lifesign_training.hardware import distribution
from lifesign_training.recipe import load_recipe
assert distribution(Distribute.MIRRORED).num_replicas_in_sync == 2
recipe = load_recipe("dense-28", sys.argv[3:])
train(recipe, sys.argv[1], Path(sys.argv[2]), distribute=Distribute.MIRRORED)
"""

pytestmark = pytest.mark.slow


def _start(data: Path, out: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "lifesign_training.cli", "fit", "--recipe", "dense-28"]
    settings = [word for value in _SETTINGS for word in ("--set", value)]
    return subprocess.Popen(
        [*words, "--data", str(data), "--out", str(out), *settings, *options, "--json"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _finished(process: subprocess.Popen[str]) -> dict[str, object]:
    out, error = process.communicate(timeout=200)
    assert process.returncode == 0, error
    return json.loads(out)


def _history(run: Path) -> list[dict[str, float]]:
    names = ("train_loss", "train_accuracy", "train_mse", "dev_loss", "dev_accuracy", "dev_mse")
    with (run / "history.csv").open() as stream:
        return [{name: float(row[name]) for name in names} for row in csv.DictReader(stream)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed") / "digits"
    write_digits(folder)
    return folder


@pytest.fixture(scope="module")
def single(data: Path) -> list[dict[str, float]]:
    _finished(_start(data, data.parent / "single"))
    return _history(data.parent / "single")


def test_two_devices_train_as_one(data: Path, single: list[dict[str, float]], tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", _TWO_DEVICES, str(data), str(tmp_path / "run"), *_SETTINGS], check=True
    )

    for found, expected in zip(_history(tmp_path / "run"), single, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)


def test_two_processes_train_as_one_and_the_chief_writes(
    data: Path, single: list[dict[str, float]], tmp_path: Path
) -> None:
    addresses = [f"127.0.0.1:{_free_port()}" for _ in range(2)]
    workers = []
    for index in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        options = ("--distribute", "multi-worker", "--export", str(tmp_path / "models"), "--name", "it")
        workers.append(_start(data, tmp_path / "run", *options, TF_CONFIG=json.dumps(config)))

    chief, other = (_finished(worker) for worker in workers)

    for found, expected in zip(_history(tmp_path / "run"), single, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
    assert chief["metrics"] == other["metrics"]
    assert (chief["run"], other["run"]) == (str(tmp_path / "run"), None)
    assert (chief["exported"], other["exported"]) == (str(tmp_path / "models/it/1"), None)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("", "expects TF_CONFIG, such as"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"index": 1}}', "expected a task index of 0 to 0, got 1"),
        (
            '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}',
            "expected a cluster of workers only, got chief, worker",
        ),
    ],
)
def test_workers_that_are_not_told_are_refused(data: Path, tmp_path: Path, config: str, says: str) -> None:
    process = _start(data, tmp_path / "run", "--distribute", "multi-worker", TF_CONFIG=config)

    _, error = process.communicate(timeout=100)

    assert process.returncode == 2
    assert says in error.splitlines()[-1]
