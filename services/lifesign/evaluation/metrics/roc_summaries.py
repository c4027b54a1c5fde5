"""Numbers read off a ROC curve beyond its area: the equal error rate of its hull, its area on the left."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.score_histogram import RocCurve

__all__ = ["hull_eer", "mean_curve", "partial_auc", "roc_hull"]

_Floats = NDArray[np.float64]


def roc_hull(curve: RocCurve) -> tuple[_Floats, _Floats]:
    """Return the corners of the upper convex hull, false and true positive rates, float64 ``(m,)`` each.

    What a decision that draws lots between two thresholds can reach (Provost and Fawcett, 2001).
    """
    corners: list[tuple[float, float]] = []
    for x, y in zip(curve.false_positive_rate.tolist(), curve.true_positive_rate.tolist(), strict=True):
        while len(corners) > 1 and _is_below(corners[-2], corners[-1], (x, y)):
            corners.pop()
        corners.append((x, y))
    false_rate, true_rate = np.array(corners, dtype=np.float64).reshape(-1, 2).T
    return false_rate, true_rate


def hull_eer(curve: RocCurve) -> float:
    """Return the equal error rate of the convex hull, in [0, 1/2]; lower is better (bob's ``eer_rocch``).

    Where the hull crosses false positive rate = 1 - true positive rate. It never exceeds the one of steps, is
    steadier with few samples, and is no threshold that exists. ``nan`` without positives or negatives.
    """
    false_rate, true_rate = roc_hull(curve)
    if np.isnan(false_rate).any() or np.isnan(true_rate).any():
        return math.nan
    excess = false_rate + true_rate - 1
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(false_rate[0])
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    return float(false_rate[before] + share * (false_rate[after] - false_rate[before]))


def partial_auc(curve: RocCurve, *, max_rate: float) -> float:
    """Return the area left of false positive rate ``max_rate``, rescaled so that chance is 0.5 and 1 is best.

    (1 + (area - chance area) / (largest area - chance area)) / 2 (McClish, Medical Decision Making 9, 1989);
    ``nan`` without positives or negatives.

    Raises:
        InputError: ``max_rate`` is not in (0, 1].
    """
    if not 0 < max_rate <= 1:
        raise InputError(f"expected a largest false positive rate in (0, 1], got {max_rate}")
    x, y = curve.false_positive_rate, curve.true_positive_rate
    if np.isnan(x).any() or np.isnan(y).any():
        return math.nan
    inside = int(np.searchsorted(x, max_rate, side="right"))
    x = np.append(x[:inside], max_rate)
    y = np.append(y[:inside], np.interp(max_rate, curve.false_positive_rate, curve.true_positive_rate))
    area, chance = float(np.trapezoid(y, x)), max_rate**2 / 2
    return (1 + (area - chance) / (max_rate - chance)) / 2


def mean_curve(curves: Sequence[RocCurve]) -> RocCurve:
    """Return the mean true positive rate of curves at every false positive rate: the macro-average.

    Each curve is taken as straight between its points, steps stay steps, so the area under the mean is the
    mean of the areas. Undefined curves are left out; without any the result is empty. Thresholds are ``nan``:
    a point of the mean belongs to another threshold in every curve.
    """
    defined = [
        (curve.false_positive_rate, curve.true_positive_rate)
        for curve in curves
        if np.isfinite(curve.false_positive_rate).all() and np.isfinite(curve.true_positive_rate).all()
    ]
    if not defined:
        return RocCurve(np.zeros(0), np.zeros(0), np.zeros(0))
    grid = np.unique(np.concatenate([x for x, _ in defined]))
    foot, top = np.zeros(len(grid)), np.zeros(len(grid))
    for x, y in defined:
        # Of several points with one x the last counts, so backwards it is the first.
        foot += np.interp(-grid, -x[::-1], y[::-1])
        top += np.interp(grid, x, y)
    rates = np.stack([foot, top], axis=1).reshape(-1) / len(defined)
    return RocCurve(np.full(2 * len(grid), np.nan), np.repeat(grid, 2), rates)


def _is_below(one: tuple[float, float], middle: tuple[float, float], other: tuple[float, float]) -> bool:
    rise = (middle[0] - one[0]) * (other[1] - one[1]) - (middle[1] - one[1]) * (other[0] - one[0])
    return rise >= 0
