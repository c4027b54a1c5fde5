"""Parts of a few rows: told by accuracies, steps, splits and notes, and what a few rows cannot tell."""

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.statistics import are_shares_of


def _log(steps, *rows):
    """A log of rows of loss, accuracy, validation loss and validation accuracy."""
    return {
        "console_log": "\n".join(
            f"Epoch {n}/90\n{steps}/{steps} [=====] - 2s 83ms/step - loss: {loss} - accuracy: {right:.4f} "
            f"- val_loss: {held} - val_accuracy: {share:.4f}"
            for n, (loss, right, held, share) in enumerate(rows, 1)
        )
    }


def _alarms(inputs):
    found = diagnose(evidence_of_inputs(inputs, identifier="small"))
    return {one.code.value: one for one in found if one.is_alarm}


NINETY = [(0.64 - n / 100, k / 90, 0.70, 11 / 18) for n, k in enumerate((61, 62, 63, 60, 64, 65))]
TURNS = ((1.3, 0.06, 1.5, 0.0), (1.2, 0.4, 1.4, 0.0), (0.1, 1.0, 0.4, 11 / 12), (0.1, 1.0, 0.3, 11 / 12))
WINE = (0.0, 1.0, 0.0, 1.0)
TESTED = {"evaluations": [{"split": "test", "n": 18, "metrics": {"accuracy": 1.0}}]}


@pytest.mark.parametrize(
    ("inputs", "n"),
    [
        (_log(3, *NINETY), 18),
        (_log(4, *TURNS) | {"notes": ["validation_split=0.1 of 120 rows"]}, 12),
        (_log(4, *TURNS), 12),
        (_log(1, *[(2.8 - n / 50, k / 15, 2.8, 0.0) for n, k in enumerate((1, 3, 5, 4))]), 15),
        (
            _log(1, *[(2.8 - n / 50, k / 15, 2.8, 0.0) for n, k in enumerate((1, 3, 5, 4))])
            | {"notes": ["validation_split=0.1"]},
            2,
        ),
        (_log(200, WINE) | TESTED, 18),
        (_log(200, WINE) | {"confusion_matrix": [[6, 0], [1, 6]]}, 13),
        (_log(8, WINE) | {"notes": ["on cropped faces 2 of 13 test images are wrong"]}, 13),
        (
            {
                "confusion_matrix": [[20, 0], [0, 16]],
                "evaluations": [
                    {"split": "test", "method": f"K={k}", "n": 36, "metrics": {"accuracy": share}}
                    for k, share in ((1, 0.9722), (7, 1.0))
                ],
            },
            36,
        ),
    ],
    ids=[
        "one share beside ninety rows",
        "a split in the notes that fits",
        "four steps",
        "none right beside fifteen rows",
        "a split of fifteen rows",
        "a test",
        "a matrix beside a log",
        "a test in words",
        "two settings, one all right",
    ],
)
def test_a_few_rows_are_told(inputs, n):
    found = _alarms(inputs)["validation_too_small"]
    assert found.details["n"] == n
    assert str(n) in found.evidence


@pytest.mark.parametrize(
    "inputs",
    [
        # Of many training rows the validation part may be any multiple.
        _log(300, *NINETY),
        # No number of rows up to one batch gives these training accuracies: the batch is larger.
        _log(1, *[(0.6, share, 0.7, 1.0) for share in (0.8137, 0.8241, 0.8296)]),
        # A single epoch: the share fits every multiple as well.
        _log(3, (0.6, 0.7, 0.7, 0.5)),
        # 120 rows: known to better than ten points.
        _log(34, *[(1.2 - n / 30, 0.6, 1.2 - n / 30, k / 120) for n, k in enumerate((67, 68, 69, 71, 73))]),
        # The validation that the log shows is large enough, whatever the test.
        _log(40, *[(0.6, 0.7, 0.7, k / 150) for k in (101, 103, 107, 106)]) | TESTED,
    ],
    ids=["many rows", "large batch", "one epoch", "120 rows", "small test"],
)
def test_rows_that_may_be_many_are_not_called_few(inputs):
    assert "validation_too_small" not in _alarms(inputs)


@pytest.mark.parametrize(
    ("inputs", "is_found"),
    [
        (_log(9, *[(1.2, 0.33, 2.1, 0.0)] * 4) | {"class_counts": {"validation": {"total": 32}}}, True),
        (_log(9, *[(1.2, 0.9, 2.1, 0.0)] * 4) | {"class_counts": {"validation": {"total": 3}}}, False),
        # The training is as often wrong in the epochs without one right.
        (_log(4, *TURNS), False),
        (_log(1, *[(2.0, k / 20, 19 - n, k % 2 / 5) for n, k in enumerate((2, 4, 2, 3, 14))]), False),
    ],
    ids=["none of 32", "none of 3", "training no better", "none or one of 5"],
)
def test_none_right_of_a_few_is_no_proof_of_other_classes(inputs, is_found):
    found = _alarms(inputs | {"n_classes": 4})
    assert ("unshuffled_validation_split" in found) == is_found


@pytest.mark.parametrize(
    ("n", "is_found"), [(2755, True), (11, False)], ids=["of 2,755", "of 11: likely enough"]
)
def test_validation_surer_than_any_training_is_of_one_class(n, is_found):
    rows = [(0.08 - k / 100, 0.97 + k / 500, "0.0000e+00", 1.0) for k in range(5)]
    found = _alarms(_log(600, *rows) | {"n_classes": 2, "class_counts": {"validation": {"total": n}}})
    assert ("unshuffled_validation_split" in found) == is_found
    assert "suspected_leakage" not in found


@pytest.mark.parametrize(
    ("row", "notes", "is_found"),
    [
        ((0.4, 0.88, 15.8, 0.072), "validation_split=0.2", True),
        ((0.4, 0.88, 15.8, 0.072), "validation_split=0.2, BatchNormalization", False),
        ((0.4, 0.88, 2.5, 0.072), "validation_split=0.2", False),
    ],
    ids=["lost at once", "a network of two modes", "unsure answers"],
)
def test_a_tail_that_is_lost_from_the_first_epoch_on_is_another_population(row, notes, is_found):
    found = _alarms(_log(900, *[row] * 4) | {"n_classes": 15, "notes": [notes]})
    assert ("unshuffled_validation_split" in found) == is_found


@pytest.mark.parametrize(
    ("shares", "n", "expected"),
    [([0.9167, 0.0], 12, True), ([0.9167, 0.0], 15, False), ([1.0, 0.0], 1, True)],
    ids=["twelve", "not fifteen", "all or none"],
)
def test_shares_are_counts_of_a_number(shares, n, expected):
    assert are_shares_of(np.array(shares), n, decimals=4) == expected


GAP = [(0.3, 0.97, 2.4 + n % 2, k / 29) for n, k in enumerate((21, 21, 23, 22))]
FALLS = {"loss": [8.9, 2.9, 1.5, 0.9], "val_loss": [2.9, 1.4, 0.9, 0.6]}
RISES = {"loss": [8.9, 2.9, 1.5, 0.9], "val_loss": [2.9, 1.4, 1.5, 1.6]}
TEN = {"class_counts": {"validation": {"total": 10}}}


@pytest.mark.parametrize(
    ("inputs", "is_alarm"),
    [
        (_log(6, *GAP), False),
        (_log(6, *[(0.3, 0.83, 0.7, share) for _, _, _, share in GAP]), True),
        ({"history": FALLS} | TEN, False),
        ({"history": RISES} | TEN, True),
    ],
    ids=["a gap beyond chance", "a gap within chance", "a loss that keeps falling", "a loss that turns"],
)
def test_the_size_is_no_excuse_for_what_is_beyond_chance(inputs, is_alarm):
    assert ("validation_too_small" in _alarms(inputs)) == is_alarm


def _tested(*shown):
    names = ("split", "method", "n", "accuracy")
    return {
        "evaluations": [
            {**dict(zip(names[:3], one, strict=False)), "metrics": {"accuracy": one[3]}} for one in shown
        ]
    }


@pytest.mark.parametrize(
    ("inputs", "is_found"),
    [
        (_tested(("test", "", 400, 0.98), ("test", "five new documents", 110, 0.52)), True),
        (_tested(("test", "model A", 400, 0.98), ("test", "model B", 110, 0.52)), False),
        (_tested(("validation", "", 20000, 0.9998), ("test", "", 21900, 0.9831)), True),
        (_tested(("validation", "", 20000, 0.91), ("test", "", 21900, 0.893)), False),
    ],
    ids=["new data", "other models", "errors many times as many", "errors about as many"],
)
def test_samples_of_the_same_that_disagree(inputs, is_found):
    assert ("validation_test_mismatch" in _alarms(inputs)) == is_found


@pytest.mark.parametrize(
    ("shares", "is_found"), [((1.0, 1.0), True), ((0.93, 0.94), False)], ids=["all right", "as training"]
)
def test_a_tail_of_unshuffled_rows_that_is_all_right_is_of_one_class(shares, is_found):
    rows = [(0.4, 0.92, 0.14, share) for share in shares]
    inputs = _log(60, *rows) | {
        "notes": ["train = data[:train_size], test = data[train_size:], no shuffling before"]
    }
    assert ("unshuffled_validation_split" in _alarms(inputs)) == is_found


@pytest.mark.parametrize(
    ("matrix", "code"),
    [
        ([[10, 1], [0, 0]], "missing_class_in_evaluation"),
        ([[7, 1], [1, 2]], "validation_too_small"),
    ],
    ids=["eleven of one class", "both classes"],
)
def test_a_class_without_a_sample_stands_before_the_size(matrix, code):
    found = diagnose(evidence_of_inputs({"confusion_matrix": matrix}, identifier="small"))
    assert found[0].code.value == code


@pytest.mark.parametrize(("n", "is_loud"), [(16, True), (32, False)])
def test_a_loss_that_has_turned_tells_more_than_shares_of_a_few(n, is_loud):
    right = [round(share * n) / n for share in (0.6, 0.63, 0.55, 0.57, 0.56)]
    history = {
        "loss": [0.54, 0.46, 0.31, 0.25, 0.21],
        "val_loss": [0.75, 0.80, 1.17, 1.36, 1.48],
        "accuracy": [0.72, 0.77, 0.84, 0.845, 0.85],
        "val_accuracy": right,
    }
    inputs = {"history": history, "class_counts": {"validation": {"total": n}}}
    findings = diagnose(evidence_of_inputs(inputs))
    alarms = [one.code.value for one in findings if one.is_alarm]
    assert "overfitting" in alarms
    assert ("validation_too_small" in alarms) == is_loud
