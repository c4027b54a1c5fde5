"""Everything a diagnosis looks at, from whatever files it came."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.setup import Setup

__all__ = ["ClassCounts", "Evaluation", "Evidence", "Predictions", "PrintedReport", "spoken_class"]

_Floats = NDArray[np.float64]
_MOST_CLASSES = 2_000  # more labels than that are numbers to predict, not classes


@dataclass(frozen=True)
class ClassCounts:
    """Samples of one split: by class, or only in total."""

    by_class: Mapping[str, int] = field(default_factory=dict)
    total: int | None = None

    @property
    def size(self) -> int | None:
        """The number of samples, ``None`` if unknown."""
        return sum(self.by_class.values()) if self.by_class else self.total


@dataclass(frozen=True)
class Evaluation:
    """One line of figures: what an ``evaluate()`` printed, or an accuracy that somebody worked out."""

    split: str
    metrics: Mapping[str, float]
    method: str = ""
    n: int | None = None

    @property
    def accuracy(self) -> float | None:
        """The share right, whatever it was called."""
        known = _first(self.metrics, "accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy")
        if known is not None:
            return known
        # Of one head of several, if no other has one.
        heads = [name for name in self.metrics if name.lower().endswith(("_accuracy", "_acc"))]
        heads = [name for name in heads if not re.search(r"binary|balanced|top|mean|cos", name.lower())]
        return float(self.metrics[heads[0]]) if len(heads) == 1 else None

    @property
    def loss(self) -> float | None:
        """The loss."""
        return _first(self.metrics, "loss", "log_loss")

    @property
    def area(self) -> float | None:
        """The area under a curve (of ROC or of precision and recall), 0–1."""
        return next((float(value) for name, value in self.metrics.items() if "auc" in name.lower()), None)

    @property
    def is_of_training(self) -> bool:
        """Whether it is on training data."""
        return self.split.lower().startswith("train")

    @property
    def is_of_validation(self) -> bool:
        """Whether it is on the validation or development split."""
        return self.split.lower().startswith(("val", "dev"))

    @property
    def is_of_test(self) -> bool:
        """Whether it is on the split called test; sets by other names are not counted."""
        return self.split.lower().startswith("test")


def _first(metrics: Mapping[str, float], *names: str) -> float | None:
    return next((float(metrics[name]) for name in names if name in metrics), None)


@dataclass(frozen=True)
class PrintedReport:
    """The rows of a printed ``classification_report``; rates have ``decimals`` digits after the point."""

    names: tuple[str, ...]
    precision: _Floats
    recall: _Floats
    f1: _Floats
    support: NDArray[np.int64]
    accuracy: float | None = None
    decimals: int = 2
    averages: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def correct(self) -> float:
        """Samples predicted right, by the recalls."""
        return float((self.recall * self.support).sum())

    @property
    def n(self) -> int:
        """Samples."""
        return int(self.support.sum())


@dataclass(frozen=True)
class Predictions:
    """True and predicted classes and probabilities, any of which may be absent; ``(n,)`` or ``(n, K)``."""

    y_true: NDArray[np.object_] | None = None
    y_pred: NDArray[np.object_] | None = None
    y_prob: _Floats | None = None


@dataclass(frozen=True)
class Evidence:
    """What is known of a run. Every part may be missing; rules look at those that are there."""

    id: str = ""
    curves: Curves | None = None
    matrix: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    n_classes: int | None = None
    report: PrintedReport | None = None
    counts: Mapping[str, ClassCounts] = field(default_factory=dict)
    predictions: Predictions | None = None
    evaluations: tuple[Evaluation, ...] = ()
    setup: Setup = field(default_factory=Setup)
    messages: tuple[str, ...] = ()
    """Lines of a log in which a framework says what is wrong, see ``framework_messages``."""
    remarks: tuple[str, ...] = ()
    """What was left out of what was given, and why, a sentence each."""

    def with_curves(self, curves: Curves | None) -> "Evidence":
        """Return the same evidence with other curves."""
        return replace(self, curves=curves)

    @cached_property
    def classes(self) -> int | None:
        """The number of classes, stated or seen in any part; ``None`` if nothing tells."""
        if self.n_classes and self.n_classes >= 2:
            return self.n_classes
        seen = [len(self.class_names)]
        if self.matrix is not None:
            seen.append(len(self.matrix))
        if self.report is not None:
            seen.append(len(self.report.names))
        seen += [len(counts.by_class) for counts in self.counts.values()]
        if self.predictions is not None:
            named = [part for part in (self.predictions.y_true, self.predictions.y_pred) if part is not None]
            seen.append(len({value for part in named for value in part.tolist()}))
            probabilities = self.predictions.y_prob
            seen.append(0 if probabilities is None or probabilities.ndim == 1 else probabilities.shape[1])
        if max(seen) >= 2:
            return max(seen)
        return self.setup.classes

    @cached_property
    def validation_size(self) -> int | None:
        """Samples of the validation set, where something states it."""
        stated = self.counts.get("validation")
        if stated is not None and stated.size:
            return stated.size
        if self.curves is not None and self.curves.validation_samples:
            return self.curves.validation_samples
        whole, share = self.counts.get("all"), self.setup.validation_split
        if whole is not None and whole.size and share:
            return whole.size - int(whole.size * (1 - share))
        train = self.train_size
        if train and share:
            return round(train * share / (1 - share))
        return next((one.n for one in self.evaluations if one.n and one.split.startswith("val")), None)

    @cached_property
    def train_size(self) -> int | None:
        """Samples of the training set, where something states it."""
        stated = self.counts.get("train")
        if stated is not None and stated.size:
            return stated.size
        return None if self.curves is None else self.curves.train_samples

    @cached_property
    def evaluated_matrix(self) -> NDArray[np.int64] | None:
        """The confusion matrix given, or counted from the predictions."""
        if self.matrix is not None:
            return self.matrix
        given = self.predictions
        if given is None or given.y_true is None:
            return None
        answered = given.y_pred if given.y_pred is not None else self._answers(given)
        names = self._labels_counted
        if answered is None or not 0 < len(names) <= _MOST_CLASSES:
            return None
        index = {name: position for position, name in enumerate(names)}
        counted = np.zeros((len(names), len(names)), np.int64)
        pairs = zip(given.y_true.tolist(), answered.tolist(), strict=False)
        for true, predicted in pairs:
            counted[index[true], index[predicted]] += 1
        return counted

    @cached_property
    def matrix_accuracy(self) -> float | None:
        """The share on the diagonal of the matrix, given or counted; ``None`` without a sample."""
        matrix = self.evaluated_matrix
        return None if matrix is None or not matrix.sum() else float(np.trace(matrix) / matrix.sum())

    @cached_property
    def scored(self) -> tuple[Evaluation, ...]:
        """The evaluations that state an accuracy."""
        return tuple(one for one in self.evaluations if one.accuracy is not None)

    @cached_property
    def _labels_counted(self) -> list[object]:
        """The labels of the predictions, in the order of the matrix that is counted from them."""
        given = self.predictions
        if self.matrix is not None or given is None or given.y_true is None:
            return []
        answered = given.y_pred if given.y_pred is not None else self._answers(given)
        return sorted(
            {*given.y_true.tolist(), *([] if answered is None else answered.tolist())}, key=_natural
        )

    def _answers(self, given: Predictions) -> NDArray[np.object_] | None:
        """Return the classes that probabilities alone name: above one half of two, else the largest."""
        if given.y_prob is None or given.y_true is None or len(given.y_prob) != len(given.y_true):
            return None
        labels = sorted(set(given.y_true.tolist()), key=_natural)
        if given.y_prob.ndim == 1:
            if len(labels) != 2:
                return None
            return np.array([labels[int(score >= 0.5)] for score in given.y_prob], dtype=object)
        names = self.column_classes
        chosen = given.y_prob.argmax(axis=1)
        return None if names is None else np.array([names[one] for one in chosen], dtype=object)

    @cached_property
    def column_classes(self) -> list[object] | None:
        """The labels that the columns of the probabilities are of, ``None`` where that cannot be told."""
        given = self.predictions
        if given is None or given.y_prob is None or given.y_true is None or given.y_prob.ndim != 2:
            return None
        width = given.y_prob.shape[1]
        labels = sorted(set(given.y_true.tolist()), key=_natural)
        names: list[object] = list(range(width))
        if not set(labels) <= set(names):
            names = list(self.class_names) if len(self.class_names) == width else labels
        return names if len(names) == width else None

    def name_of(self, index: int) -> str:
        """Return the name of a class, or its number."""
        if index < len(self._labels_counted):
            label = self._labels_counted[index]
            if isinstance(label, int) and 0 <= label < len(self.class_names):
                return self.class_names[label]
            return str(label)
        if index < len(self.class_names):
            return self.class_names[index]
        if self.report is not None and index < len(self.report.names):
            return self.report.names[index]
        return str(index)

    def called(self, index: int) -> str:
        """Return the name of a class as a sentence has it: "class 2" where it is a number."""
        return spoken_class(self.name_of(index))


def spoken_class(name: str) -> str:
    """Return a class name as a sentence has it: "class 2" rather than "2"."""
    return f"class {name}" if name.replace(".", "", 1).isdigit() else name


def _natural(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, float(value), "")
    return (1, 0.0, str(value))
