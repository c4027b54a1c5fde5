"""The callback in anyone's ``fit``, and the diagnosis that a run of ours leaves."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from lifesign.evaluation.diagnosis.setup import setup_from
from lifesign_training.diagnosis import DiagnosisCallback, diagnose_run, notes_of_model

_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(80, 4)).astype(np.float32)


def _fitted(
    layers: list[Any], loss: Any, optimizer: Any, targets: Any
) -> tuple[list[str], DiagnosisCallback]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
    said: list[str] = []
    callback = DiagnosisCallback(say=said.append)
    model.fit(_X, targets, validation_split=0.25, epochs=3, verbose=0, callbacks=[callback])
    return said, callback


def test_the_callback_warns_at_the_epoch_of_the_broken_loss() -> None:
    said, callback = _fitted([keras.layers.Dense(1)], "mse", keras.optimizers.SGD(1e30), _X[:, 0])

    assert said[0].startswith("warning at epoch 1: nan loss: ")
    assert len([line for line in said if "nan loss" in line]) == 1
    assert callback.findings[0].code == "nan_loss"


@pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")
def test_the_callback_reads_output_and_loss_off_the_model() -> None:
    layers = [keras.layers.Dense(1, activation="softmax")]

    said, callback = _fitted(layers, "binary_crossentropy", "adam", (_X[:, 0] > 0).astype(int))

    assert said[0].startswith("warning at epoch 1: wrong loss activation pair: ")
    assert callback.findings[0].code == "wrong_loss_activation_pair"


@pytest.mark.parametrize(
    ("layer", "has_one_mode"),
    [
        (keras.layers.Dense(3), True),
        (keras.layers.LayerNormalization(), True),
        (keras.layers.BatchNormalization(), False),
        (keras.layers.Dropout(0.1), False),
        (keras.layers.GaussianDropout(0.1), False),
        (keras.Sequential([keras.layers.Dense(3)]), False),
    ],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_a_network_has_one_mode_where_no_layer_can_have_two(layer: Any, has_one_mode: bool) -> None:
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(1)])
    model.compile(loss="mse")

    setup = setup_from(notes_of_model(model))

    assert setup.has_one_mode is has_one_mode


def test_a_callback_begins_anew_with_every_fit() -> None:
    _, callback = _fitted([keras.layers.Dense(1)], "mse", keras.optimizers.SGD(1e30), _X[:, 0])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(1e-2))

    model.fit(_X, _X[:, 0], validation_split=0.25, epochs=3, verbose=0, callbacks=[callback])

    assert "nan_loss" not in {finding.code.value for finding in callback.findings}


def test_a_run_folder_gets_its_diagnosis(tmp_path: Path) -> None:
    records = [
        {
            "epoch": epoch,
            "train_loss": float(np.exp(-0.3 * epoch)),
            "train_accuracy": 1 - float(np.exp(-0.4 * epoch)),
            "dev_loss": 0.5 + 0.02 * (epoch - 6) ** 2,
            "dev_accuracy": 0.7 + 0.0013 * min(epoch, 6),
            "seconds": 1.0,
        }
        for epoch in range(1, 16)
    ]
    (tmp_path / "history.json").write_text(json.dumps(records))

    lines = diagnose_run(tmp_path)

    document = json.loads((tmp_path / "diagnosis.json").read_text("utf-8"))
    assert document["findings"][0]["code"] == "overfitting"
    assert document["findings"][0]["details"]["turn_epoch"] == 6
    assert "<svg" in (tmp_path / "diagnosis.html").read_text("utf-8")
    assert lines[0].startswith("diagnosis: Overfitting: ")
    assert any(
        line.startswith("  warning: Overfitting: Validation loss is least at epoch 6") for line in lines
    )
