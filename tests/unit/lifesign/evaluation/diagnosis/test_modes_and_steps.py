"""Evaluation in another mode, and steps too large or too small: what tells them from other faults."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

NAMED = ["ResNet50 with BatchNormalization"]


def _history(loss, right, held=None, shares=None, **more):
    given = {"loss": loss, "accuracy": right, "val_loss": held, "val_accuracy": shares}
    return {"history": {name: values for name, values in given.items() if values is not None}} | more


def _late(inputs, first):
    epochs = list(range(first, first + len(inputs["history"]["loss"])))
    return inputs | {"history": inputs["history"] | {"epoch": epochs}}


def _found(inputs):
    return {one.code.value: one for one in diagnose(evidence_of_inputs(inputs, identifier="mode"))}


LOSS, RIGHT = [0.71, 0.66, 0.67, 0.66], [0.7331, 0.7548, 0.7505, 0.7514]
HELD, SHARES = [26.8, 20.1, 11.6, 5.7], [0.3297, 0.3243, 0.3297, 0.4305]
WILD = [163.7, 3.0, 4098.2, 5.4]
CONSTANT = [0.2453, 0.2472, 0.2441, 0.2415]
LEARNS = [0.3716, 0.5327, 0.5626, 0.5889]
APART = _history(
    [0.4, 0.2, 0.1, 0.05], [0.927, 0.94, 0.96, 0.97], [3.1, 3.2, 3.1, 3.0], [0.449, 0.451, 0.45, 0.45]
)
SCORES = {"auc": [0.87, 0.91, 0.93], "val_auc": [0.5, 0.4716, 0.5]}
CATCHES_UP = _history(
    [1.6, 1.2, 1.0, 0.8, 0.7, 0.6, 0.5],
    [0.45, 0.6, 0.7, 0.75, 0.8, 0.83, 0.85],
    [12.1, 9.2, 1.3, 0.9, 0.8, 0.7, 0.7],
    [0.2, 0.2, 0.6, 0.7, 0.75, 0.78, 0.8],
    n_classes=5,
    notes=NAMED,
)
AREAS = _history([0.54, 0.39, 0.33], [0.73, 0.79, 0.83], [9.1, 7.3, 4.1], [0.37, 0.37, 0.63], n_classes=2)
AREAS["history"] |= SCORES
AGAIN = _history([1.3, 0.15, 0.01], [0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("inputs", "is_found"),
    [
        (_history(LOSS, RIGHT, HELD, SHARES, notes=NAMED, n_classes=5), True),
        (_history(LOSS, RIGHT, HELD[::-1], SHARES, notes=NAMED, n_classes=5), False),
        (_history([4.0, 8.0, 9.0, 2.0], RIGHT, HELD, SHARES, notes=NAMED, n_classes=5), False),
        (_history(LOSS, RIGHT, HELD, SHARES, n_classes=5), False),
        (_history(LOSS, RIGHT, WILD, [0.1, 0.102, 0.1, 0.1]), True),
        (
            _history(
                LOSS, RIGHT, WILD, [0.125, 0.25, 0.125, 0.1875], class_counts={"validation": {"total": 16}}
            ),
            False,
        ),
        (_history(LOSS, LEARNS, [4.8, 4.6, 4.5, 4.5], CONSTANT, notes=NAMED, n_classes=5), True),
        (_history(LOSS, LEARNS, [4.8, 4.6, 4.5, 4.5], LEARNS, notes=NAMED, n_classes=5), False),
        (CATCHES_UP, False),
        (APART, True),
        (_late(APART, 12), False),
        (_late(APART | {"notes": NAMED}, 12), True),
        (AREAS, True),
        (AREAS | {"history": AREAS["history"] | {"val_auc": [0.61, 0.6, 0.62]}}, False),
        (AGAIN | {"notes": [*NAMED, "predict on the same three images gives wrong classes"]}, True),
        (AGAIN | {"notes": [*NAMED, "predict on three other images gives wrong classes"]}, False),
    ],
    ids=[
        "a loss that comes back",
        "a loss that grows",
        "training is thrown about",
        "halved, and no such layer",
        "a tenfold fall",
        "a tenfold fall of 16 samples",
        "the largest class",
        "validation learns",
        "caught up after two epochs",
        "a gap at once",
        "a late part of a log",
        "late, but named",
        "one score for all",
        "scores that rank",
        "the same data answered wrongly",
        "other data answered wrongly",
    ],
)
def test_evaluation_in_another_mode(inputs, is_found):
    assert ("train_inference_mode_mismatch" in _found(inputs)) == is_found


JUMPS = [0.30, 0.24, 0.33, 0.22, 0.31, 0.23, 0.34, 0.25]
HINGE = _history([18137.8, 794.1, 238.1], [0.13, 0.23, 0.31], [3492.3, 357.7, 177.6], [0.17, 0.31, 0.41])
FORGETS = _history([0.905, 0.891, 1.552, 1.542, 1.848], [0.683, 0.686, 0.488, 0.490, 0.340], n_classes=10)
KEEPS = _history([0.905, 0.891, 1.552, 1.542, 1.848], [0.683, 0.686, 0.668, 0.670, 0.640], n_classes=10)
THROWN = _history([0.39, 0.88, 0.77, 0.58], [0.871, 0.735, 0.761, 0.822])
CAUGHT = _history([0.39, 0.88, 0.40, 0.35], [0.871, 0.735, 0.868, 0.881])
STUCK = _history([0.92, 1.13, 1.4, 0.75, 0.73], [0.52, 0.48, 0.51, 0.47, 0.49], n_classes=2)
SLOW = [6.07, 5.80, 5.60, 5.42, 5.27, 5.13]


@pytest.mark.parametrize(
    ("inputs", "code", "is_found"),
    [
        (_history(JUMPS, [0.88] * 8), "learning_rate_too_high", True),
        (_late(_history(JUMPS, [0.88] * 8), 108), "learning_rate_too_high", False),
        (HINGE, "learning_rate_too_high", True),
        (
            HINGE | {"notes": ["1-Lipschitz network, hinge-Kantorovich-Rubinstein loss"]},
            "learning_rate_too_high",
            False,
        ),
        (FORGETS, "loss_divergence", True),
        (KEEPS, "loss_divergence", False),
        (STUCK | {"notes": ["Adam, lr 0.01"]}, "learning_rate_too_high", True),
        (
            STUCK | {"notes": ["Adam, lr 0.01 lowered to 1e-3 without effect"]},
            "learning_rate_too_high",
            False,
        ),
        (THROWN, "loss_divergence", True),
        (CAUGHT, "loss_divergence", False),
        (_history(SLOW, [0.2] * 6), "learning_rate_too_low", False),
        (_history([2.3 - n / 200 for n in range(6)], [0.12] * 6), "learning_rate_too_low", True),
    ],
    ids=[
        "jumps",
        "jumps late in a training",
        "a cross-entropy of thousands",
        "another loss of thousands",
        "half of what was right is lost",
        "the accuracy stays",
        "a high rate",
        "a lower rate changed nothing",
        "lost in one epoch",
        "lost in one epoch and back",
        "half in sixteen epochs",
        "half in hundreds",
    ],
)
def test_steps_too_large_or_too_small(inputs, code, is_found):
    assert (code in _found(inputs)) == is_found
