"""Logs as people paste them, of every generation."""

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.inputs.console_log import read_console_log
from lifesign.evaluation.diagnosis.inputs.epoch_rows import canonical_metric

KERAS_1 = """Train on 60000 samples, validate on 10000 samples
Epoch 1/2
60000/60000 [==============================] - 7s - loss: 0.25 - acc: 0.90 - val_loss: 0.10 - val_acc: 0.95
Epoch 2/2
60000/60000 [==============================] - 7s - loss: 0.12 - acc: 0.94 - val_loss: 0.08 - val_acc: 0.96"""
KERAS_2_STEPS = KERAS_1.replace("- 7s", "- 7s 9ms/step").replace("60000/60000", "1875/1875").split("\n", 1)[1]
KERAS_3 = """Epoch 1/2
\x1b[1m1875/1875\x1b[0m \x1b[32m━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m6s\x1b[0m 3ms/step \
- accuracy: 0.90 - loss: 0.25 - val_accuracy: 0.95 - val_loss: 0.10
Epoch 2/2
\x1b[1m1875/1875\x1b[0m 5s 3ms/step - accuracy: 0.94 - loss: 0.12 - val_accuracy: 0.96 - val_loss: 0.08"""
VERBOSE_2 = """Epoch 1/2
 - 7s - loss: 0.25 - acc: 0.90 - val_loss: 0.10 - val_acc: 0.95
Epoch 2/2
 - 7s - loss: 0.12 - acc: 0.94 - val_loss: 0.08 - val_acc: 0.96"""
CARRIAGE_RETURNS = (
    "Epoch 1/2\n  32/1875 [....] - ETA: 2:10 - loss: 2.30 - acc: 0.10\r1000/1875 [==>.] - ETA: 3s - loss: "
    "0.50 - acc: 0.8\r"
    "1875/1875 [====] - 7s 4ms/step - loss: 0.25 - acc: 0.90 - val_loss: 0.10 - val_acc: 0.95\n"
    "Epoch 00001: val_loss improved from inf to 0.10, saving model to best.h5\nEpoch 2/2\n"
    "1875/1875 [====] - 7s 4ms/step - loss: 0.12 - acc: 0.94 - val_loss: 0.08 - val_acc: 0.96\n"
    "Epoch 00002: ReduceLROnPlateau reducing learning rate to 0.0001.\nEpoch 00002: early stopping"
)
OWN_LOOP = """epoch [1]: training loss: 0.25 - acc: 0.90 - val_loss: 0.10 - val_acc: 0.95
epoch [2]: training loss: 0.12 - acc: 0.94 - val_loss: 0.08 - val_acc: 0.96"""
TWO_LINES = """Epoch 1
Train loss: 0.25, Train accuracy: 90.00%
Validation loss: 0.10, Validation accuracy: 95.00%
Epoch 2
Train loss: 0.12, Train accuracy: 94.00%
Validation loss: 0.08, Validation accuracy: 96.00%"""
ODD_SPELLING = """60000/60000 [====] - 32s - loss: 0.25 - acc.: 0.90 - val. loss: 0.10 - val. acc.: 0.95
60000/60000 [====] - 32s - loss: 0.12 - acc.: 0.94 - val. loss: 0.08 - val. acc.: 0.96"""


@pytest.mark.parametrize(
    "log",
    [KERAS_1, KERAS_2_STEPS, KERAS_3, VERBOSE_2, CARRIAGE_RETURNS, OWN_LOOP, TWO_LINES, ODD_SPELLING],
    ids=[
        "keras 1",
        "keras 2 steps",
        "keras 3 ansi",
        "verbose 2",
        "carriage returns",
        "own loop",
        "two lines",
        "odd",
    ],
)
def test_the_same_epochs_are_read_from_every_generation(log: str) -> None:
    curves = read_console_log(log)

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == {
        "loss": [0.25, 0.12],
        "accuracy": [0.90, 0.94],
        "val_loss": [0.10, 0.08],
        "val_accuracy": [0.95, 0.96],
    }
    assert curves.run_starts == (0,)


@pytest.mark.parametrize(
    ("log", "train", "validation", "steps"),
    [
        (KERAS_1, 60000, 10000, 60000),
        (KERAS_2_STEPS, None, None, 1875),
        (ODD_SPELLING, 60000, None, 60000),
        ("Epoch 1/1\n3056/3056 [==] - 2s 523us/step - loss: 1.5 - acc: 0.9", 3056, None, 3056),
    ],
    ids=["stated", "steps", "keras 1 without unit", "microseconds are per sample"],
)
def test_sizes_are_told_from_steps(log: str, train: int | None, validation: int | None, steps: int) -> None:
    curves = read_console_log(log)

    assert curves is not None
    assert (curves.train_samples, curves.validation_samples, curves.steps) == (train, validation, steps)


def test_two_joined_runs_are_one_sequence_with_a_second_start() -> None:
    curves = read_console_log(KERAS_1 + "\n" + KERAS_1.split("\n", 1)[1])

    assert curves is not None
    assert len(curves) == 4
    assert curves.run_starts == (0, 2)


def test_a_gap_in_the_epochs_is_kept() -> None:
    curves = read_console_log(
        "Epoch 12/100\n4s - loss: 0.1 - acc: 0.9\nEpoch 95/100\n3s - loss: 0.01 - acc: 1.0"
    )

    assert curves is not None
    assert curves.epochs == (12, 95)


def test_an_unfinished_epoch_is_left_out() -> None:
    curves = read_console_log(KERAS_2_STEPS + "\nEpoch 3/9\n 12/1875 [>...] - ETA: 9s - loss: 9.9 - acc: 0.1")

    assert curves is not None
    assert len(curves) == 2


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf"])
def test_a_loss_that_is_no_number_is_told_from_one_not_given(word: str) -> None:
    curves = read_console_log(
        f"Epoch 1/2\n - 1s - loss: 0.6 - acc: 0.6\nEpoch 2/2\n - 1s - loss: {word} - acc: 0.4 - val_loss: 1.0"
    )

    assert curves is not None
    assert curves.first_broken == ("loss", 1)
    assert np.isnan(curves.series["val_loss"][0])
    assert "val_loss" not in curves.broken


@pytest.mark.parametrize(
    "text", ["", "hello", "Epoch 1/3", "val_loss improved from inf to 0.3", "def loss(x): return x"]
)
def test_what_is_no_log_gives_none(text: str) -> None:
    assert read_console_log(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acc", "accuracy"),
        ("val_categorical_accuracy", "val_accuracy"),
        ("Validation Loss", "val_loss"),
        ("train_loss", "loss"),
        ("val. acc.", "val_accuracy"),
        ("mse", "mean_squared_error"),
        ("val_auc_1", "val_auc"),
        ("iou_score", "iou_score"),
        ("Average loss", "loss"),
        ("eval_loss", "val_loss"),
        ("epoch_length", "epoch_length"),
        ("Loss/val", "val_loss"),
        ("train_losses", "loss"),
        ("accuracy_test", "val_accuracy"),
        ("val_class", "val_class"),
    ],
)
def test_metrics_have_one_name(name: str, expected: str) -> None:
    assert canonical_metric(name) == expected


def test_the_bar_of_an_evaluation_inside_an_epoch_is_no_epoch() -> None:
    log = """Epoch 1/2
10/10 [====] - 22s 2s/step - loss: 7.6561 - acc: 0.5000
111/111 [====] - 297s 3s/step - loss: 0.7466 - acc: 0.7941 - val_loss: 7.6561 - val_acc: 0.5000
Epoch 2/2
10/10 [====] - 0s 28ms/step - loss: 7.6561 - acc: 0.5000
111/111 [====] - 12s 105ms/step - loss: 0.3910 - acc: 0.8778 - val_loss: 7.6561 - val_acc: 0.5000"""
    curves = read_console_log(log)
    assert curves is not None
    assert curves.epochs == (1, 2)
    np.testing.assert_array_equal(curves.series["loss"], [0.7466, 0.3910])
    np.testing.assert_array_equal(curves.series["val_loss"], [7.6561, 7.6561])


@pytest.mark.parametrize(
    ("log", "val_accuracy"),
    [
        (
            "Train Loss: 0.0013, Train Acc: 99.9%\nFinal Val Loss: 0.4, Val Acc: 92.0%\nTest Acc: 72.0%",
            0.92,
        ),
        ("Epoch 1\nTrain Loss: 0.5, Train Acc: 80%\nTest Loss: 0.6, Test Acc: 75%", 0.75),
    ],
    ids=["beside validation", "in its place"],
)
def test_a_test_is_the_validation_only_where_there_is_no_other(log: str, val_accuracy: float) -> None:
    curves = read_console_log(log)
    assert curves is not None
    assert curves.val_accuracy is not None
    assert curves.val_accuracy.tolist() == [val_accuracy]


@pytest.mark.parametrize(
    ("printed", "share", "decimals"),
    [("87.50", 0.875, 4), ("0.8750", 0.875, 4), ("1.0", 1.0, 1), ("640.5", 640.5, 1)],
    ids=["per cent without the sign", "a share", "all right", "no accuracy at all"],
)
def test_a_share_is_at_most_one(printed: str, share: float, decimals: int) -> None:
    curves = read_console_log(f"Epoch 1/9\n - 1s - loss: 0.5 - acc: {printed}")

    assert curves is not None
    assert curves.accuracy == pytest.approx([share])
    assert curves.decimals == decimals
