"""What proves that validation knows training: notes, figures without an error, and what proves nothing."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.statistics import fewest_rows


def _history(loss, right, held, shares, **more):
    return {"history": {"loss": loss, "accuracy": right, "val_loss": held, "val_accuracy": shares}} | more


def _test(accuracy, n, split="test"):
    return {"split": split, "n": n, "metrics": {"accuracy": accuracy}}


def _noted(*notes):
    return {"evaluations": [_test(0.9, 500)], "notes": list(notes)}


NEXT = [0.5627, 0.5597, 0.5651, 0.5606, 0.5488, 0.5449, 0.5473]
PERFECT = (
    [0.3, 0.1, 0.05, 0.04],
    [0.9013, 0.9742, 0.9816, 0.9838],
    [0.01, 0.01, 0.009, 0.009],
    [1.0, 1.0, 0.9996, 1.0],
)
FOLDS = [{"split": "validation", "metrics": {"accuracy": share}} for share in (331 / 333, 1.0, 332 / 333)]


@pytest.mark.parametrize(
    "inputs",
    [
        _noted("naive Bayes fitted on all 5572 messages and scored on the same messages"),
        _noted("random split of 3000 rows, which are 600 subjects measured five times each"),
        _noted("windows of 40 points; windows shuffled, then a quarter taken for validation"),
        _noted("64 of the 262 good test images lie byte for byte in the training folder too"),
        _noted("xsm, ysm = SMOTE output", "fit(xsm, ysm, validation_split=0.2)"),
        _history(NEXT[:-1], [0.7, 0.7, 0.8, 0.8, 0.7, 0.8], NEXT[1:], [0.7, 0.8, 0.8, 0.7, 0.8, 0.8]),
        _history(*PERFECT),
        {"evaluations": [_test(1.0, 1200)]},
        {"evaluations": [*FOLDS, _test(0.12, 2220)]},
    ],
    ids=[
        "the rows fitted",
        "rows of a subject",
        "windows",
        "files of both",
        "oversampled before the split",
        "the loss of the next epoch",
        "from the first epoch on",
        "no error",
        "folds of 333 rows",
    ],
)
def test_overlap_is_suspected(inputs):
    codes = [one.code.value for one in diagnose(evidence_of_inputs(inputs, identifier="leak"))]
    assert "suspected_leakage" in codes


@pytest.mark.parametrize(
    "inputs",
    [
        _noted("fitted on 5572 messages and scored on 500 others"),
        _noted("0 of the 262 good test images lie in the training folder"),
        _noted("no SMOTE and no weights", "fit(x, y, validation_split=0.2)"),
        # A late part of a log: how it began is not shown.
        _history(*PERFECT) | {"history": {**_history(*PERFECT)["history"], "epoch": [79, 80, 81, 82]}},
        # All right of a few.
        _history(*PERFECT, class_counts={"validation": {"total": 12}}),
        # Epochs without an accuracy.
        {"history": {"loss": [2.3, 2.2, 2.1, 1.9], "val_loss": [2.3, 2.2, 2.1, 2.0]}},
        # 55 errors are no miracle where the sets are large.
        {"evaluations": [_test(0.999815, 297679)]},
        # Equal because nothing moves.
        _history([0.6931] * 6, [0.5] * 6, [0.6931] * 6, [0.5] * 6, n_classes=2),
    ],
    ids=[
        "other rows",
        "no file of both",
        "not oversampled",
        "late",
        "few",
        "losses alone",
        "55 errors",
        "still",
    ],
)
def test_good_figures_alone_are_no_overlap(inputs):
    codes = [one.code.value for one in diagnose(evidence_of_inputs(inputs, identifier="clean"))]
    assert "suspected_leakage" not in codes


@pytest.mark.parametrize(
    ("share", "n"),
    [(331 / 333, 333), (0.11538461595773697, 26), (0.9444444444444444, 18), (0.993, None), (1.0, None)],
    ids=["full", "single precision", "seventeen of 18", "three digits", "all"],
)
def test_a_share_of_many_digits_tells_rows(share, n):
    assert fewest_rows(share) == n


def test_oversampled_rows_split_off_the_end_are_of_the_rare_class():
    inputs = _noted("oversampled to equal classes", "fit(x, y, validation_split=0.2)")
    found = {one.code.value: one for one in diagnose(evidence_of_inputs(inputs, identifier="tail"))}
    assert "0.2" in found["unshuffled_validation_split"].evidence
