"""Bias of predictions towards classes: shares answered against shares true, and collapse onto one class."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.metrics.comparison import PairedCounts, mcnemar_exact, paired_difference
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.intervals import Interval, newcombe_difference
from lifesign.evaluation.metrics.multiplicity import holm

__all__ = ["ClassBias", "PredictionBias", "flow_design_effects", "prediction_bias"]

_COLLAPSE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class ClassBias:
    """One class's share among truths and predictions; ``difference`` is predicted - true, in [-1, 1].

    ``favour`` is how much more often other classes' samples are answered as this class than its own are
    missed, beyond what errors alike for every class would give; in [-1, 2]. It is what a difference
    means: with errors alike for all, a rare class is answered too often for want of samples alone.
    """

    class_name: str
    true_share: float
    predicted_share: float
    difference: float
    favour: float
    interval: Interval
    p_value: float
    adjusted_p: float
    material: bool


@dataclass(frozen=True, slots=True)
class PredictionBias:
    """Whether predictions favour classes: per class, over all, and the class all collapses into."""

    classes: tuple[ClassBias, ...]
    p_value: float
    material: bool
    collapse: str | None

    @property
    def most_favoured(self) -> ClassBias | None:
        """The material class with the largest excess of predictions, ``None`` without one."""
        favoured = [item for item in self.classes if item.material and item.difference > 0]
        return max(favoured, key=lambda item: item.difference, default=None)


def prediction_bias(
    matrix: ConfusionMatrix,
    *,
    alpha: float = 0.01,
    margin: float = 0.05,
    min_size: int = 20,
    design_effects: NDArray[np.float64] | None = None,
) -> PredictionBias:
    """Compare the shares of predicted and of true classes on the same samples.

    Per class, exact McNemar of false positives against false negatives, Holm over the classes; over all,
    Stuart–Maxwell's test of marginal homogeneity (McNemar with two classes). Material: adjusted
    p <= ``alpha``, |difference| > ``margin``, and ``favour`` of the same sign beyond ``margin`` and beyond
    chance. ``collapse`` names the class that takes at least 95 % of all predictions and 90 % of those of
    other classes, when there are ``min_size`` of those. ``design_effects``, ``(classes,)``, divide the
    counts when subjects repeat, see ``flow_design_effects``.
    """
    size = len(matrix.class_names)
    effects = np.ones(size) if design_effects is None else np.maximum(design_effects, 1.0)
    rows = [_class_counts(matrix, index) for index in range(size)]
    p_values = np.array(
        [
            mcnemar_exact(round(row.only_baseline_wrong / effect), round(row.only_current_wrong / effect))
            for row, effect in zip(rows, effects.tolist(), strict=True)
        ]
    )
    # With two classes both rows are the same test.
    adjusted = p_values if size == 2 else holm(p_values)
    classes = []
    for index, (row, p_value, adjusted_p) in enumerate(zip(rows, p_values, adjusted, strict=True)):
        difference = row.current.value - row.baseline.value
        favour, low, high = _favour(row, matrix, float(effects[index]), alpha / (1 if size == 2 else size))
        beyond = min(difference, favour) > margin and low > 0
        below = max(difference, favour) < -margin and high < 0
        classes.append(
            ClassBias(
                matrix.class_names[index],
                row.baseline.value,
                row.current.value,
                difference,
                favour,
                paired_difference(row) if row.total else Interval(math.nan, math.nan, 0.95, "none"),
                float(p_value),
                float(adjusted_p),
                bool(adjusted_p <= alpha and (beyond or below)),
            )
        )
    overall = float(p_values[0]) if size == 2 else _stuart_maxwell(matrix)
    material = any(item.material for item in classes)
    return PredictionBias(tuple(classes), overall, material, _collapse(matrix, min_size))


def _favour(
    row: PairedCounts, matrix: ConfusionMatrix, effect: float, alpha: float
) -> tuple[float, float, float]:
    """Return f - m + e (K - 2)/(K - 1) and its limits at 1 - ``alpha``.

    f is the share of other classes' samples answered as this class, m that of its own missed, e the error
    rate over all. Errors of the same rate e in every class, spread evenly over the K - 1 wrong answers,
    have f = e / (K - 1) and m = e, so 0 is no favour whatever the classes' sizes.
    """
    others, own = row.both_right + row.only_current_wrong, row.both_wrong + row.only_baseline_wrong
    if not others or not own:
        return math.nan, math.nan, math.nan
    size = len(matrix.class_names)
    alike = (1 - float(np.trace(matrix.counts)) / matrix.total) * (size - 2) / max(1, size - 1)
    limits = newcombe_difference(
        row.only_current_wrong / effect,
        others / effect,
        row.only_baseline_wrong / effect,
        own / effect,
        level=1 - alpha,
    )
    favour = row.only_current_wrong / others - row.only_baseline_wrong / own + alike
    return favour, limits.lower + alike, limits.upper + alike


def flow_design_effects(
    true: NDArray[np.signedinteger[Any]],
    predicted: NDArray[np.signedinteger[Any]],
    subjects: NDArray[np.signedinteger[Any]],
    *,
    classes: int,
) -> NDArray[np.float64]:
    """Return per class how much more a subject's errors agree than chance, float64 ``(classes,)``, >= 1.

    ``true`` and ``predicted`` are class codes ``(n,)``, ``subjects`` codes with -1 for an unknown one. With
    d the samples of one subject wrongly answered as the class less those of the class missed, it is
    Σ d² over the number of both: dividing McNemar's counts by it gives the clustered McNemar test
    (Durkalski et al., Statistics in Medicine 22, 2003).
    """
    wrong = true != predicted
    count = int(wrong.sum())
    people = subjects[wrong].astype(np.int64)
    unknown = people < 0
    people[unknown] = people.max(initial=-1) + 1 + np.arange(np.count_nonzero(unknown))
    flow = np.concatenate([predicted[wrong], true[wrong]]).astype(np.int64)
    sign = np.concatenate([np.ones(count), -np.ones(count)])
    width = int(people.max(initial=0)) + 1
    units, place = np.unique(flow * width + np.concatenate([people, people]), return_inverse=True)
    squares = np.bincount(place, weights=sign, minlength=len(units)) ** 2
    clustered = np.bincount(units // width, weights=squares, minlength=classes)
    alone = np.bincount(flow, minlength=classes)
    return np.maximum(np.divide(clustered, alone, out=np.ones(classes), where=alone > 0), 1.0)


def _class_counts(matrix: ConfusionMatrix, index: int) -> PairedCounts:
    """Truth as "baseline" and prediction as "current" saying that a sample is of the class."""
    own, support = int(matrix.counts[index, index]), int(matrix.support[index])
    predicted = int(matrix.predicted[index])
    neither = matrix.total - support - predicted + own
    return PairedCounts(neither, support - own, predicted - own, own)


def _stuart_maxwell(matrix: ConfusionMatrix) -> float:
    """Return the p-value of equal margins: d' S^-1 d with d = predicted - true, chi-square, k - 1 df."""
    seen = (matrix.support + matrix.predicted) > 0
    counts = matrix.counts[np.ix_(seen, seen)].astype(np.float64)
    size = len(counts)
    if size < 2:
        return 1.0
    difference = counts.sum(axis=0) - counts.sum(axis=1)
    spread = -(counts + counts.T)
    np.fill_diagonal(spread, counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diagonal(counts))
    # The pseudo-inverse also serves margins that never mix; its rank is the degrees of freedom.
    rank = int(np.linalg.matrix_rank(spread))
    statistic = float(difference @ np.linalg.pinv(spread) @ difference)
    return float(special.chdtrc(rank, statistic)) if rank else 1.0


def _collapse(matrix: ConfusionMatrix, min_size: int) -> str | None:
    if matrix.total == 0:
        return None
    index = int(np.argmax(matrix.predicted))
    others = matrix.total - int(matrix.support[index])
    taken = int(matrix.predicted[index] - matrix.counts[index, index])
    collapsed = int(matrix.predicted[index]) >= _COLLAPSE_SHARE * matrix.total and taken >= 0.9 * others
    return matrix.class_names[index] if collapsed and others >= min_size else None
