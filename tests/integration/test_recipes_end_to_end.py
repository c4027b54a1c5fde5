"""Every recipe, with one command, on a tiny set of its kind: fit, export, serve, evaluate through gRPC."""

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lifesign.evaluation.diagnosis.inputs.event_files import read_event_files
from lifesign.pb import serving_pb2
from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings
from lifesign.tensors import tensor_from_array
from lifesign_training.digits import write_digits
from lifesign_training.fit import train
from lifesign_training.history import EpochRecord, read_history
from lifesign_training.progress import SilentProgress
from lifesign_training.recipe import load_recipe

_BIN = Path(sys.executable).parent
_COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 60, 40)}

pytestmark = pytest.mark.slow


def _run(program: str, *arguments: object, accepted: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [str(_BIN / program), *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert done.returncode in accepted, done.stderr
    return done.stdout


def _picture(colour: tuple[int, int, int], side: int, random: np.random.Generator) -> np.ndarray:
    return np.clip(random.normal(colour, 30, (side, side, 3)), 0, 255).astype(np.uint8)


def write_folders(root: Path, names: dict[str, tuple[int, int, int]], side: int) -> Path:
    random = np.random.default_rng(7)
    for split, count in (("train", 20), ("test", 8)):
        for name, colour in names.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(_picture(colour, side, random)).save(folder / f"{number}.png")
    return root


def write_cifar(root: Path) -> Path:
    """Write ``cifar-100-python`` as published, of five fine and two coarse classes that differ in colour."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    random = np.random.default_rng(8)
    colours = [(200, 40, 40), (200, 120, 40), (40, 200, 40), (40, 40, 200), (150, 40, 150)]
    coarse = [0, 0, 1, 1, 1]
    for split, each in (("train", 20), ("test", 6)):
        fine = [row % 5 for row in range(5 * each)]
        pictures = [_picture(colours[one], 32, random) for one in fine]
        pixels = np.stack(pictures).transpose(0, 3, 1, 2).reshape(len(fine), -1)
        labels = {b"fine_labels": fine, b"coarse_labels": [coarse[one] for one in fine]}
        (folder / split).write_bytes(pickle.dumps({b"data": pixels, **labels}, protocol=2))
    names = {
        b"fine_label_names": [b"apple", b"pear", b"fern", b"whale", b"orchid"],
        b"coarse_label_names": [b"fruit", b"other"],
    }
    (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))
    return folder


@dataclass(frozen=True)
class Case:
    """A command, and what must be true of what it made."""

    recipe: str
    data: str
    options: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    learns: float = 0.0
    layers: tuple[str, ...] = field(default=())


_FAST = ("--set", "training.epochs=2")
_SMALL = ("--set", "preprocessing.height=32", "--set", "preprocessing.width=32")
_VGG = ("--weights", "{weights}")
CASES = {
    "cifar100-cnn": Case(
        "cifar100-cnn", "cifar", _FAST, layers=("conv1", "conv2", "conv3", "conv4", "conv5", "conv6")
    ),
    "cifar100-cnn-coarse": Case(
        "cifar100-cnn",
        "cifar",
        ("--set", "training.epochs=1", "--set", "data.protocol=coarse"),
        ("--protocol", "coarse"),
    ),
    "cifar100-dense": Case(
        "cifar100-dense", "cifar", ("--set", "training.epochs=6"), learns=0.5, layers=("dense1", "embedding")
    ),
    "dense-28": Case(
        "dense-28", "digits", ("--tensorboard", "{folder}/logs"), learns=0.9, layers=("embedding",)
    ),
    "features-head": Case(
        "features-head", "colours", (*_SMALL, *_VGG, "--set", "training.epochs=8"), learns=0.6
    ),
    "features-head-npz": Case(
        "features-head", "features", (*_SMALL, *_VGG, "--set", "training.epochs=8"), learns=0.6
    ),
    "liveness-mobilenetv2": Case("liveness-mobilenetv2", "faces", (*_FAST, "--set", "model.scaling=none")),
    "python": Case("{folder}/own.py", "colours", learns=0.6),
    "application": Case("{folder}/application.yaml", "colours", _FAST),
}

_OWN = """
import keras
from keras import layers

RECIPE = {"preprocessing": {"height": 16, "width": 16}, "training": {"epochs": 8, "learning_rate": 0.01}}

@keras.saving.register_keras_serializable(package="own")
class Halved(layers.Layer):
    def call(self, x):
        return x / 255

def build(input_shape, classes):
    images = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, activation="relu", name="edges")(Halved()(images))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))
"""

_APPLICATION = """
task: classification
preprocessing: {height: 32, width: 32}
model: {kind: application, name: MobileNetV3Small, embedding_size: 8}
training: {loss: focal, optimizer: sgd, momentum: 0.9, learning_rate: 0.01}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recipes")
    write_cifar(root / "cifar")
    write_folders(root / "colours", _COLOURS, 40)
    write_folders(root / "faces", {"Fake": (90, 90, 200), "Real": (200, 150, 120)}, 64)
    write_digits(root / "digits")
    (root / "own.py").write_text(_OWN)
    (root / "application.yaml").write_text(_APPLICATION)
    keras.utils.set_random_seed(3)
    vgg = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    vgg.save_weights(root / "vgg16.weights.h5")
    images, labels = [], []
    for label, name in enumerate(_COLOURS):
        for path in sorted((root / "colours/train" / name).iterdir()):
            images.append(
                np.asarray(Image.open(path).resize((32, 32), Image.Resampling.BILINEAR), np.float32)
            )
            labels.append(label)
    prepared = keras.applications.vgg16.preprocess_input(np.stack(images))
    np.savez(
        root / "features.npz",
        x=vgg.predict(prepared, verbose=0),
        y=np.array(labels),
        class_names=np.array(list(_COLOURS)),
        groups=np.arange(len(labels)) // 2,
    )
    return root


def _filled(words: tuple[str, ...], folder: Path) -> list[str]:
    return [word.format(folder=folder, weights=folder / "vgg16.weights.h5") for word in words]


def _inspected(port: int, version: Path) -> dict[str, Any]:
    card = json.loads((version / "assets.extra/model_card.json").read_text())
    side = card["preprocessing"]["height"]
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    request = serving_pb2.PredictRequest(
        model_spec=serving_pb2.ModelSpec(name="it", signature_name="inspect"),
        inputs={"images": tensor_from_array(images)},
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=serving_pb2.PredictRequest.SerializeToString,
            response_deserializer=serving_pb2.PredictResponse.FromString,
        )(request)
    return {name: tuple(dim.size for dim in value.tensor_shape.dim) for name, value in answer.outputs.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_is_trained_exported_served_and_evaluated(folder: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    data = {"cifar": folder / "cifar/cifar-100-python", "features": folder / "features.npz"}.get(
        case.data, folder / case.data
    )
    run, models = tmp_path / "run", tmp_path / "models"

    _run(
        "lifesign-train", "fit", "--recipe", *_filled((case.recipe,), folder), "--data", data, "--out", run,
        "--export", models, "--name", "it", *_filled(case.options, folder),
    )  # fmt: skip
    summary = json.loads((run / "summary.json").read_text())
    replayed = folder / "colours" if case.data == "features" else data
    superclasses = ("--superclasses", run / "superclasses.csv") if name == "cifar100-cnn" else ()
    settings = ServerSettings(port=0, rest_api_port=0, model_name="it", model_base_path=models / "it")
    with ModelServer(settings) as server:
        _run(
            "lifesign", "evaluate", replayed, "--target", f"127.0.0.1:{server.grpc_port}", "--model", "it",
            "--model-base-path", models, "--out", tmp_path / "evaluation", *case.evaluate, *superclasses,
            accepted=(0, 1, 2),  # so few images prove nothing
        )  # fmt: skip
        shown = _inspected(server.grpc_port, models / "it/1")

    report = json.loads((tmp_path / "evaluation/report.json").read_text())
    assert report["accounting"]["scored"] == report["accounting"]["total"] > 0
    if case.data == "features":
        assert report["accuracy"]["value"] >= case.learns
    else:
        assert served_accuracy(tmp_path / "evaluation", summary) == pytest.approx(
            summary["metrics"]["test_accuracy"], abs=1e-9
        )
    training = report["training"]
    assert training["kept_epoch"] == summary["best_epoch"]
    assert len(training["figures"]["dev_loss"]) == summary["epochs"]
    assert training["evaluated_split"] == (None if case.data == "features" else "test")
    assert summary["metrics"]["dev_accuracy"] >= case.learns
    assert set(case.layers) <= set(shown)
    assert all(shape[0] == 2 for shape in shown.values())
    if case.recipe == "features-head":
        assert summary["metrics"]["svm_dev_accuracy"] >= 0.6
        [beside] = report["baseline_methods"]
        split = "dev" if case.data == "features" else "test"
        assert beside["figures"]["accuracy"]["value"] == summary["metrics"][f"svm_{split}_accuracy"]
        assert beside["same_images"] == (split == "test")
        assert "Beside a plain method: linear SVM" in (tmp_path / "evaluation/report.html").read_text()
    if "--tensorboard" in case.options:
        assert read_event_files(folder / "logs").epochs == tuple(range(1, 11))
    if superclasses:
        assert report["superclasses"] is not None


class _Killed(SilentProgress):
    def on_epoch(self, record: EpochRecord, epochs: int) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt


def test_a_users_network_with_layers_of_its_own_goes_on_in_another_process(
    folder: Path, tmp_path: Path
) -> None:
    options = ("training.epochs=4", "training.deterministic=true")
    recipe = load_recipe(folder / "own.py", options)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, folder / "colours", tmp_path / "run", progress=_Killed())

    words = [word for option in options for word in ("--set", option)]
    for run, more in (("run", ("--resume",)), ("whole", ())):
        _run(
            "lifesign-train", "fit", "--recipe", folder / "own.py", "--data", folder / "colours",
            "--out", tmp_path / run, *words, *more,
        )  # fmt: skip

    resumed, whole = (read_history(tmp_path / run) for run in ("run", "whole"))
    assert [record.dev_loss for record in resumed] == pytest.approx([record.dev_loss for record in whole])
    assert (tmp_path / "run/user_model.py").read_text() == _OWN


def served_accuracy(evaluation: Path, summary: dict[str, Any]) -> float:
    """Return the share of served answers whose greatest score is the label, as the training counts it."""
    rows = [
        row for part in sorted(evaluation.glob("parts/*.parquet")) for row in pq.read_table(part).to_pylist()
    ]
    names = summary["class_names"]
    return float(np.mean([names[int(np.argmax(row["scores"]))] == row["label"] for row in rows]))
