"""Evaluations: confusion matrices, reports and scores."""

import numpy as np
from numpy.typing import NDArray

from lifesign.testing.constructed_cases.curves import Inputs, Random

__all__ = [
    "accuracy_paradox",
    "chance_level",
    "class_imbalance",
    "decision_threshold",
    "generator_order_mismatch",
    "healthy_matrix",
    "inconsistent_inputs",
    "label_encoding_mismatch",
    "missing_class_in_evaluation",
    "prediction_collapse",
    "weak_class",
]


def _matrix(random: Random, classes: int, *, right: float, per_class: int = 400) -> NDArray[np.int64]:
    rows = []
    for index in range(classes):
        shares = np.full(classes, (1 - right) / (classes - 1))
        shares[index] = right
        rows.append(random.multinomial(int(per_class * random.uniform(0.8, 1.25)), shares))
    return np.array(rows, np.int64)


def healthy_matrix(random: Random) -> Inputs:
    """Every class is found about as often."""
    classes = int(random.choice([2, 3, 5, 10]))
    return {"confusion_matrix": _matrix(random, classes, right=random.uniform(0.8, 0.97)).tolist()}


def chance_level(random: Random) -> Inputs:
    """Answers that ignore the input."""
    classes = int(random.choice([2, 3, 5, 10]))
    shares = np.full(classes, 1 / classes)
    return {"confusion_matrix": [random.multinomial(400, shares).tolist() for _ in range(classes)]}


def prediction_collapse(random: Random) -> Inputs:
    """One column holds everything."""
    classes = int(random.choice([2, 3, 5, 10]))
    matrix = np.zeros((classes, classes), np.int64)
    matrix[:, int(random.integers(classes))] = random.integers(50, 400, classes)
    return {"confusion_matrix": matrix.tolist()}


def class_imbalance(random: Random) -> Inputs:
    """A minority of a few percent in the training data."""
    large = int(random.integers(2000, 20000))
    return {"class_counts": {"train": {"common": large, "rare": int(large / random.uniform(8, 60))}}}


def accuracy_paradox(random: Random) -> Inputs:
    """A few of the rare class are found, hardly more than a constant answer gets right."""
    large, small = int(random.integers(3000, 9000)), int(random.integers(80, 300))
    found = int(small * random.uniform(0.04, 0.14))
    false = int(found * random.uniform(0.6, 1.0))
    return {"confusion_matrix": [[large - false, false], [small - found, found]]}


def weak_class(random: Random) -> Inputs:
    """One class is taken for its neighbour half of the time."""
    classes = int(random.choice([3, 5, 10]))
    matrix = _matrix(random, classes, right=random.uniform(0.88, 0.96))
    weak = int(random.integers(classes))
    moved = int(matrix[weak, weak] * random.uniform(0.35, 0.6))
    matrix[weak, weak] -= moved
    matrix[weak, (weak + 1) % classes] += moved
    return {"confusion_matrix": matrix.tolist()}


def missing_class_in_evaluation(random: Random) -> Inputs:
    """A row of zeros."""
    classes = int(random.choice([4, 6, 10]))
    matrix = _matrix(random, classes, right=0.92)
    matrix[int(random.integers(classes))] = 0
    return {"confusion_matrix": matrix.tolist()}


def generator_order_mismatch(random: Random) -> Inputs:
    """A good model whose labels and answers are paired at random."""
    classes = int(random.choice([2, 3, 5, 10]))
    good = _matrix(random, classes, right=random.uniform(0.85, 0.97))
    labels = np.repeat(np.arange(classes), good.sum(axis=1))
    answers = random.permutation(np.repeat(np.arange(classes), good.sum(axis=0)))
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, answers), 1)
    accuracy = round(float(np.trace(good) / good.sum()), 4)
    return {
        "confusion_matrix": matrix.tolist(),
        "evaluations": [
            {"split": "test", "method": "model.evaluate_generator", "metrics": {"accuracy": accuracy}}
        ],
        "notes": ["predict_generator(test_generator), labels from test_generator.classes"],
    }


def label_encoding_mismatch(random: Random) -> Inputs:
    """The same classes under other indices."""
    classes = int(random.choice([3, 5, 10]))
    matrix = _matrix(random, classes, right=random.uniform(0.85, 0.97))
    order = np.roll(np.arange(classes), 1) if random.random() < 0.5 else _derangement(random, classes)
    return {"confusion_matrix": matrix[:, order].tolist()}


def _derangement(random: Random, size: int) -> NDArray[np.int64]:
    while True:
        order = random.permutation(size)
        if np.all(order != np.arange(size)):
            return np.asarray(order, np.int64)


def decision_threshold(random: Random) -> Inputs:
    """One error rate is many times the other."""
    first, second = random.integers(400, 2000, 2).tolist()
    missed = int(second * random.uniform(0.25, 0.6))
    false = int(first * random.uniform(0.002, 0.03))
    return {"confusion_matrix": [[first - false, false], [missed, second - missed]]}


def inconsistent_inputs(random: Random) -> Inputs:
    """A report of other predictions than the matrix."""
    matrix = _matrix(random, 3, right=0.9, per_class=200)
    support = matrix.sum(axis=1)
    rows = "\n".join(
        f"{index:>12}       {0.7:.2f}      {random.uniform(0.5, 0.7):.2f}      0.65       {support[index]}"
        for index in range(3)
    )
    return {
        "confusion_matrix": matrix.tolist(),
        "classification_report": "              precision    recall  f1-score   support\n\n" + rows + "\n",
    }
