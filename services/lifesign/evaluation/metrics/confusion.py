"""The confusion matrix, a mergeable state, and the metrics of classification read off it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate

__all__ = ["ConfusionMatrix"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Counts of true class (rows) against predicted class (columns), int64 ``(k, k)``.

    All rates are in [0, 1], higher is better, and ``nan`` where the denominator is 0.
    """

    class_names: tuple[str, ...]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        size = len(self.class_names)
        if self.counts.shape != (size, size):
            raise InputError(f"expected counts of shape {(size, size)}, got {self.counts.shape}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        return self.class_names == other.class_names and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, class_names: Sequence[str]) -> Self:
        """Return the matrix without samples: the identity of ``merge``."""
        size = len(class_names)
        return cls(tuple(class_names), np.zeros((size, size), dtype=np.int64))

    @classmethod
    def from_batch(
        cls, class_names: Sequence[str], true: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]
    ) -> Self:
        """Count class indices, both integers ``(n,)`` in [0, k).

        Raises:
            InputError: different lengths, or an index that is no class.
        """
        size = len(class_names)
        true, predicted = np.asarray(true), np.asarray(predicted)
        if true.shape != predicted.shape or true.ndim != 1:
            raise InputError(f"expected two index arrays (n,), got {true.shape} and {predicted.shape}")
        for name, indices in (("true", true), ("predicted", predicted)):
            if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < size:
                raise InputError(
                    f"expected {name} classes in 0…{size - 1}, got {indices.min()}…{indices.max()}"
                )
        cells = true.astype(np.int64) * size + predicted
        return cls(tuple(class_names), np.bincount(cells, minlength=size * size).reshape(size, size))

    def coarse(self, superclasses: Mapping[str, str]) -> Self:
        """Return the matrix of superclasses, sorted by name: a confusion within one is no error.

        A sample is decided as the superclass of its predicted class.

        Raises:
            InputError: a class without a superclass.
        """
        missing = [name for name in self.class_names if name not in superclasses]
        if missing:
            raise InputError(f"expected a superclass for every class, got none for {', '.join(missing[:5])}")
        names = tuple(sorted({superclasses[name] for name in self.class_names}))
        place = np.array([names.index(superclasses[name]) for name in self.class_names])
        counts = np.zeros((len(names), len(names)), dtype=np.int64)
        np.add.at(counts, (place[:, np.newaxis], place[np.newaxis, :]), self.counts)
        return type(self)(names, counts)

    def merge(self, other: Self) -> Self:
        """Return the matrix of both sample sets.

        Raises:
            InputError: the class names differ.
        """
        if self.class_names != other.class_names:
            raise InputError(
                f"cannot merge confusion matrices of {len(self.class_names)} classes {self.class_names} "
                f"and {len(other.class_names)} classes {other.class_names}"
            )
        return type(self)(self.class_names, self.counts + other.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"class_names": list(self.class_names), "counts": self.counts.tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        size = len(state["class_names"])
        counts = np.asarray(state["counts"], dtype=np.int64).reshape(size, size)
        return cls(tuple(state["class_names"]), counts)

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    @property
    def support(self) -> NDArray[np.int64]:
        """Samples per true class, ``(k,)``."""
        return self._sum(axis=1)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Samples per predicted class, ``(k,)``."""
        return self._sum(axis=0)

    @property
    def correct(self) -> NDArray[np.int64]:
        """Correct samples per class, ``(k,)``."""
        return np.diagonal(self.counts).copy()

    @property
    def errors(self) -> Rate:
        """Wrong samples among all: 1 - accuracy as counts."""
        return Rate(self.total - int(self.correct.sum()), self.total)

    @property
    def accuracy(self) -> float:
        """Correct over all."""
        return _ratio(int(self.correct.sum()), self.total)

    @property
    def precision(self) -> _Floats:
        """Correct over predicted per class, ``(k,)``."""
        return _divide(self.correct, self.predicted)

    @property
    def recall(self) -> _Floats:
        """Correct over support per class, ``(k,)``."""
        return _divide(self.correct, self.support)

    @property
    def f1(self) -> _Floats:
        """2·correct / (support + predicted) per class, ``(k,)``: harmonic mean of precision and recall."""
        return _divide(2 * self.correct, self.support + self.predicted)

    @property
    def specificity(self) -> _Floats:
        """Samples of other classes not predicted as this one, over samples of other classes, ``(k,)``."""
        others = self.total - self.support
        return _divide(others - (self.predicted - self.correct), others)

    @property
    def micro(self) -> float:
        """Precision, recall and F1 over all decisions pooled: with one class per sample, the accuracy."""
        return self.accuracy

    @property
    def micro_specificity(self) -> float:
        """Specificity over the decisions of all classes pooled: 1 - errors / (samples · (k - 1))."""
        return 1 - _ratio(self.errors.errors, self.total * (len(self.class_names) - 1))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have samples."""
        return _mean(self.recall)

    def macro(self, per_class: _Floats) -> float:
        """Return the plain mean of a per-class metric over the classes where it is defined."""
        return _mean(per_class)

    def weighted(self, per_class: _Floats) -> float:
        """Return the mean of a per-class metric weighted by support, where it is defined."""
        weights = np.where(np.isnan(per_class), 0, self.support)
        return _ratio(float(np.nan_to_num(per_class) @ weights), float(weights.sum()))

    @property
    def kappa(self) -> float:
        """Cohen's kappa, (p_o - p_e) / (1 - p_e), in [-1, 1]; 0 is agreement by chance."""
        if self.total == 0:
            return math.nan
        expected = float(self.support @ self.predicted.astype(np.float64)) / self.total**2
        return _ratio(self.accuracy - expected, 1 - expected)

    @property
    def mcc(self) -> float:
        """Matthews' correlation for k classes (Gorodkin, 2004), in [-1, 1]; 0 is chance.

        (c·s - Σ p_k t_k) / sqrt((s² - Σ p_k²)(s² - Σ t_k²)); ``nan`` when one class is all there is.
        """
        true, predicted = self.support.astype(np.float64), self.predicted.astype(np.float64)
        total = float(self.total)
        covariance = float(self.correct.sum()) * total - float(true @ predicted)
        spread = (total**2 - float(predicted @ predicted)) * (total**2 - float(true @ true))
        return _ratio(covariance, math.sqrt(max(spread, 0.0)))

    def _sum(self, *, axis: int) -> NDArray[np.int64]:
        sums: NDArray[np.int64] = self.counts.sum(axis=axis)
        return sums


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def _divide(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> _Floats:
    empty = denominator == 0
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))


def _mean(values: _Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
