"""Limits of accuracy and macro recall of a classifier when subjects give several samples each."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import design_effect_of_counts
from lifesign.evaluation.metrics.intervals import LEVEL, Interval
from lifesign.evaluation.metrics.subject_jackknife import jackknife_interval

__all__ = ["SubjectAnswers"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SubjectAnswers:
    """Samples and right answers per subject and true class, int64 ``(cells,)`` each, where there are any.

    ``subject`` and ``label`` are codes; there are ``subjects`` and ``classes`` of them. A sample of an
    unknown subject is a subject of its own.
    """

    subject: NDArray[np.int64]
    label: NDArray[np.int64]
    size: NDArray[np.int64]
    right: NDArray[np.int64]
    subjects: int
    classes: int

    @classmethod
    def from_samples(
        cls,
        label: NDArray[np.integer[Any]],
        predicted: NDArray[np.integer[Any]],
        subject: NDArray[np.integer[Any]],
        *,
        classes: int,
    ) -> Self:
        """Count samples ``(n,)`` by codes of classes 0, 1, … and of subjects, −1 for an unknown one.

        Raises:
            InputError: different lengths.
        """
        if not label.shape == predicted.shape == subject.shape:
            raise InputError(
                f"expected one label, answer and subject per sample, got {label.shape}, "
                f"{predicted.shape} and {subject.shape}"
            )
        known = subject >= 0
        people, dense = np.unique(subject[known], return_inverse=True)
        person = np.empty(len(subject), dtype=np.int64)
        person[known] = dense
        person[~known] = len(people) + np.arange(int((~known).sum()))
        cells, place = np.unique(person * classes + label, return_inverse=True)
        return cls(
            subject=cells // classes,
            label=cells % classes,
            size=np.bincount(place, minlength=len(cells)),
            right=np.bincount(place[label == predicted], minlength=len(cells)),
            subjects=len(people) + int((~known).sum()),
            classes=classes,
        )

    @property
    def accuracy(self) -> float:
        """Share of right answers, in [0, 1]; ``nan`` without samples."""
        total = int(self.size.sum())
        return int(self.right.sum()) / total if total else math.nan

    @property
    def macro_recall(self) -> float:
        """Mean share of right answers over the classes that have samples; ``nan`` without samples."""
        right, size = self._per_class()
        return float((right[size > 0] / size[size > 0]).mean()) if size.any() else math.nan

    def accuracy_interval(self, *, level: float = LEVEL) -> Interval:
        """Return limits of the accuracy: the jackknife over subjects, joined with an exact interval.

        That one is Clopper and Pearson's of as many independent samples as these are worth (Korn and
        Graubard, Survey Methodology 24, 1998), as many as there are subjects where nothing tells how alike.
        """
        size, right = self._per_subject(self.size), self._per_subject(self.right)
        rest = _shares(right.sum() - right, size.sum() - size)
        limits = jackknife_interval(self.accuracy, rest, level=level)
        return _joined(self.accuracy, limits, self._worth(right, size, level))

    def macro_recall_interval(self, *, level: float = LEVEL) -> Interval:
        """Return limits of the macro recall: the jackknife over subjects.

        Where all is right, or nothing, the exact interval of as many samples as the class of the fewest
        subjects has.
        """
        right, size = self._per_class()
        before, used = _shares(right, size), int(np.count_nonzero(size))
        after = _shares(right[self.label] - self.right, size[self.label] - self.size)
        moves = (after - before[self.label]) / max(1, used)
        rest = self.macro_recall + np.bincount(self.subject, weights=moves, minlength=self.subjects)
        limits = jackknife_interval(self.macro_recall, rest, level=level)
        if 0 < self.macro_recall < 1:
            return limits
        people = np.bincount(self.label, minlength=self.classes)[size > 0]
        return _joined(self.macro_recall, limits, float(people.min(initial=self.subjects)))

    def _worth(self, right: _Floats, size: _Floats, level: float) -> float:
        total = float(size.sum())
        if right.sum() in (0, total):
            return float(self.subjects)
        effect = design_effect_of_counts(right.astype(np.int64)[:, np.newaxis], size.astype(np.int64))
        if self.subjects < 2:
            return 1.0
        tail = (1 + level) / 2
        spread = special.stdtrit(max(1.0, total - 1), tail) / special.stdtrit(self.subjects - 1, tail)
        return float(total / effect * spread**2)

    def _per_class(self) -> tuple[_Floats, _Floats]:
        right, size = (
            np.bincount(self.label, weights=counts, minlength=self.classes)
            for counts in (self.right, self.size)
        )
        return right.astype(np.float64), size.astype(np.float64)

    def _per_subject(self, counts: NDArray[np.int64]) -> _Floats:
        return np.bincount(self.subject, weights=counts, minlength=self.subjects).astype(np.float64)


def _shares(part: _Floats, whole: _Floats) -> _Floats:
    shares = np.full(len(whole), math.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _joined(value: float, limits: Interval, worth: float) -> Interval:
    """Return what the limits and the exact ones of so many samples span; where nothing varies only these."""
    if math.isnan(value):
        return limits
    lower, upper = _exact(value, worth, limits.level)
    if value in (0.0, 1.0):
        return replace(limits, lower=lower, upper=upper)
    return replace(limits, lower=min(limits.lower, lower), upper=max(limits.upper, upper))


def _exact(share: float, size: float, level: float) -> tuple[float, float]:
    """Return the Clopper–Pearson limits of a share of ``size`` samples, which may be a fraction."""
    count, tail = share * size, (1 - level) / 2
    lower = float(special.betaincinv(count, size - count + 1, tail)) if share > 0 else 0.0
    upper = float(special.betaincinv(count + 1, size - count, 1 - tail)) if share < 1 else 1.0
    return lower, upper
