"""Training against validation: gaps that are large by arithmetic, and gaps that are not."""

from typing import Any

import pytest

from lifesign.evaluation.diagnosis.course import course_of
from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.rules.overfitting import overfitting

_History = dict[str, list[Any]]


def _alarms(history: _History, **inputs: Any) -> list[str]:
    found = diagnose(evidence_of_inputs({"history": history, **inputs}))
    return [finding.code.value for finding in found if finding.is_alarm]


def _excerpt(right: list[float], trained: list[float], loss: float) -> _History:
    return {
        "epoch": [54, 55, 56, 57],
        "loss": [0.05, 0.04, 0.05, 0.03],
        "accuracy": trained,
        "val_loss": [loss, loss * 0.96, loss * 1.1, loss * 1.2],
        "val_accuracy": right,
    }


@pytest.mark.parametrize(
    ("history", "inputs"),
    [
        ({"loss": [4.68], "val_loss": [53.2]}, {}),
        ({"loss": [0.26, 0.24, 0.22, 0.21], "val_loss": [7.92, 7.98, 8.03, 8.09]}, {}),
        (
            {
                "mean_absolute_error": [0.4967],
                "loss": [0.5555],
                "val_mean_absolute_error": [1.034],
                "val_loss": [4.078],
            },
            {},
        ),
        (
            {
                "loss": [0.51, 0.44, 0.37],
                "auc": [0.72, 0.81, 0.87],
                "val_loss": [0.54, 0.50, 0.51],
                "val_auc": [0.757, 0.760, 0.740],
            },
            {},
        ),
        (
            {
                "loss": [15.25, 0.65, 0.53],
                "accuracy": [0.52, 0.63, 0.73],
                "val_loss": [0.692, 0.684, 0.709],
                "val_accuracy": [0.54, 0.55, 0.59],
            },
            {"n_classes": 2},
        ),
        (_excerpt([0.8892, 0.8973, 0.8919, 0.8838], [0.9858, 0.9783, 0.9919, 0.9939], 0.6), {}),
        (
            {
                "loss": [16.4, 15.4, 14.4],
                "accuracy": [1.0, 1.0, 1.0],
                "val_loss": [16.41, 15.43, 14.5],
                "val_accuracy": [0.8025, 0.8012, 0.8016],
            },
            {"n_classes": 10},
        ),
    ],
    ids=[
        "losses alone, one epoch",
        "losses alone, rising",
        "twice the absolute error",
        "area under the curve, turned",
        "turned in the last of three epochs",
        "out of the middle of a run",
        "both losses are penalty",
    ],
)
def test_a_large_gap_is_overfitting(history: _History, inputs: dict[str, Any]) -> None:
    assert _alarms(history, **inputs)[:1] == ["overfitting"]


@pytest.mark.parametrize(
    ("history", "inputs"),
    [
        ({"loss": [4.68], "val_loss": [9.1]}, {}),
        ({"loss": [0.2, 0.19, 0.18, 0.17], "val_loss": [1.0, 3.0, 0.2, 2.4]}, {}),
        (
            {
                "loss": [0.0073] * 3,
                "accuracy": [0.998] * 3,
                "mean_absolute_error": [0.004] * 3,
                "val_loss": [0.04, 0.039, 0.0386],
                "val_accuracy": [0.990] * 3,
                "val_mean_absolute_error": [0.012] * 3,
            },
            {},
        ),
        (
            {
                "loss": [0.51, 0.44, 0.37],
                "auc": [0.72, 0.81, 0.84],
                "val_loss": [0.54, 0.50, 0.51],
                "val_auc": [0.757, 0.790, 0.780],
            },
            {},
        ),
        (
            {
                "loss": [1.99, 1.59, 1.44, 1.2],
                "accuracy": [0.6, 0.7, 0.72, 0.75],
                "val_loss": [163.7, 3.0, 4098.2, 5.4],
                "val_accuracy": [0.3, 0.31, 0.3, 0.3],
            },
            {},
        ),
        (
            {
                "loss": [0.5, 0.3, 0.29],
                "accuracy": [0.7, 0.79, 0.80],
                "val_loss": [0.6, 0.55, 0.56],
                "val_accuracy": [0.66, 0.68, 0.68],
            },
            {},
        ),
        (_excerpt([0.976, 0.977, 0.977, 0.976], [0.999, 1.0, 1.0, 1.0], 0.7), {}),
        (_excerpt([0.952] * 4, [0.998, 1.0, 1.0, 1.0], 0.7) | {"epoch": [1, 2, 3, 4]}, {}),
        (
            {
                "loss": [0.030, 0.027, 0.025, 0.023, 0.021, 0.020, 0.018, 0.016],
                "accuracy": [0.990, 0.991, 0.992, 0.992, 0.993, 0.993, 0.994, 0.994],
                "val_loss": [0.0247, 0.0249, 0.0213, 0.0218, 0.0231, 0.0240, 0.0254, 0.0225],
                "val_accuracy": [0.992, 0.992, 0.992, 0.993, 0.992, 0.991, 0.992, 0.993],
            },
            {},
        ),
        (_excerpt([0.985, 0.986, 0.985, 0.985], [0.9858, 0.9783, 0.9919, 0.9939], 0.1), {}),
        (
            {
                "loss": [16.4, 15.4, 14.4],
                "accuracy": [0.99, 0.99, 0.99],
                "val_loss": [16.41, 15.43, 14.5],
                "val_accuracy": [0.97, 0.97, 0.98],
            },
            {"n_classes": 10},
        ),
    ],
    ids=[
        "less than twice the error",
        "a loss that swings",
        "errors of probabilities",
        "areas a few points apart",
        "a loss that jumps by more than itself",
        "training does not go on",
        "a few points at the end",
        "the whole run, without a turn",
        "levelled off at the same accuracy",
        "hardly an error more",
        "penalty, and accuracies alike",
    ],
)
def test_a_small_gap_is_not(history: _History, inputs: dict[str, Any]) -> None:
    evidence = evidence_of_inputs({"history": history, **inputs})

    assert not [one for one in overfitting(evidence, course_of(evidence)) if one.is_alarm]


@pytest.mark.parametrize(
    ("name", "trained", "held", "alarms"),
    [
        ("ROC AUC", 0.99, 0.75, ["overfitting"]),
        ("r2", 0.98, 0.31, ["overfitting"]),
        ("rmse", 1.2, 2.5, ["overfitting"]),
        ("mse", 1.2, 5.0, ["overfitting"]),
        ("auc", 0.86, 0.79, []),
        ("rmse", 1.2, 1.9, []),
        ("mse", 1.2, 3.0, []),
        ("parameters", 10.0, 90.0, []),
    ],
)
def test_evaluations_are_held_against_each_other(
    name: str, trained: float, held: float, alarms: list[str]
) -> None:
    evaluations = [{"split": "train", "metrics": {name: trained}}, {"split": "test", "metrics": {name: held}}]

    assert _alarms({}, evaluations=evaluations) == alarms


def test_a_forest_that_repeats_its_rows_is_no_alarm() -> None:
    evaluations = [{"split": "train", "metrics": {"auc": 1.0}}, {"split": "test", "metrics": {"auc": 0.83}}]

    assert _alarms({}, evaluations=evaluations, notes=["random forest of 100 trees"]) == []
    assert _alarms({}, evaluations=evaluations, notes=["logistic regression"]) == ["overfitting"]


def test_errors_of_numbers_do_without_a_loss() -> None:
    log = "mae: 0.3095 - mse: 0.1690 - val_mae: 0.8449 - val_mse: {}"

    assert _alarms({}, console_log=log.format(1.0404)) == ["overfitting"]
    assert _alarms({}, console_log=log.format(0.41)) == []


@pytest.mark.parametrize(
    ("tested", "expected"), [([0.98, 0.52], False), ([0.60, 0.52], True)], ids=["one as good", "none as good"]
)
def test_a_test_as_good_as_training_speaks_against_it(tested: list[float], expected: bool) -> None:
    evaluations = [{"split": "train", "n": 244, "metrics": {"accuracy": 1.0}}]
    evaluations += [{"split": "test", "n": 110, "metrics": {"accuracy": right}} for right in tested]

    assert ("overfitting" in _alarms({}, evaluations=evaluations)) is expected
