"""DeLong's covariance of areas under ROC curves: one model, two models on the same samples, with subjects.

DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) by midranks (Sun and Xu, IEEE Signal Processing
Letters 21, 2014), so in O(n log n) and without binning; with subjects the components are summed per subject
before they are squared (Obuchowski, Biometrics 53, 1997).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import subject_codes
from lifesign.evaluation.metrics.intervals import LEVEL, Interval, lower_bound
from lifesign.evaluation.metrics.ranks import midranks

__all__ = ["AreaComparison", "compare_areas"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AreaComparison:
    """The change of an AUC, current - baseline, on the same samples; positive is better.

    Areas are in [0, 1], the change and its ``interval`` in [-1, 1]; all are ``nan`` without positives or
    negatives. ``p_value`` is two-sided.
    """

    baseline: float
    current: float
    delta: float
    interval: Interval
    p_value: float
    positives: int
    negatives: int
    method: str


def compare_areas(
    baseline: NDArray[np.floating[Any]],
    current: NDArray[np.floating[Any]],
    positive: NDArray[np.bool_],
    subjects: Sequence[str | None] | NDArray[Any] | None = None,
    *,
    level: float = LEVEL,
) -> AreaComparison:
    """Compare two models' scores, ``(n,)`` each, of the same samples, by which ones are ``positive``.

    Only ranks matter, so that log odds serve as well as probabilities. The interval is normal, with
    ``subjects`` Student's t with subjects - 1 degrees of freedom. Where the two rank every pair alike the
    standard error is 0 and proves nothing: then it is what no reordered sample among the fewer class allows.

    Raises:
        InputError: different lengths, or a score that is not a number.
    """
    one, two = (np.asarray(scores, dtype=np.float64) for scores in (baseline, current))
    truth = np.asarray(positive, dtype=np.bool_)
    if not one.shape == two.shape == truth.shape or one.ndim != 1:
        raise InputError(
            f"expected scores and labels of one shape (n,), got {one.shape}, {two.shape} and {truth.shape}"
        )
    if np.isnan(one).any() or np.isnan(two).any():
        raise InputError("expected a score of both models for every sample, got values that are not a number")
    if subjects is not None and len(subjects) != len(truth):
        raise InputError(f"expected {len(truth)} subjects, got {len(subjects)}")
    method = "delong" if subjects is None else "delong_subjects"
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        nothing = Interval(math.nan, math.nan, level, method)
        return AreaComparison(math.nan, math.nan, math.nan, nothing, math.nan, positives, negatives, method)
    components = [_components(scores, truth) for scores in (one, two)]
    areas = [float(values[truth].mean()) for values in components]
    delta = areas[1] - areas[0]
    change = components[1] - components[0]
    if subjects is None:
        error, freedom = _standard_error(change, truth), math.inf
    else:
        codes = subject_codes(subjects)
        error, freedom = _clustered_error(change, truth, codes), float(codes.max())
    limits, p_value = _judged(delta, error, freedom, min(positives, negatives), level)
    interval = Interval(max(-1.0, limits[0]), min(1.0, limits[1]), level, method)
    return AreaComparison(areas[0], areas[1], delta, interval, p_value, positives, negatives, method)


def _components(scores: _Floats, truth: NDArray[np.bool_]) -> _Floats:
    """Return for each sample the share of the other class on the right side of it, ties halved, ``(n,)``."""
    everyone = midranks(scores)
    result = np.empty(len(scores))
    negatives = len(scores) - int(truth.sum())
    result[truth] = (everyone[truth] - midranks(scores[truth])) / negatives
    result[~truth] = 1 - (everyone[~truth] - midranks(scores[~truth])) / (len(scores) - negatives)
    return result


def _standard_error(values: _Floats, truth: NDArray[np.bool_]) -> float:
    parts = [values[truth], values[~truth]]
    return math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts if len(part) > 1))


def _clustered_error(
    values: _Floats, truth: NDArray[np.bool_], codes: NDArray[np.signedinteger[Any]]
) -> float:
    people = int(codes.max()) + 1
    if people < 2:
        return math.inf
    sums = np.zeros(people)
    for inside in (truth, ~truth):
        part = values[inside]
        shares = (part - part.mean()) / len(part)
        # A subject's positives and negatives are added before squaring: their covariance comes with it.
        sums += np.bincount(codes[inside], weights=shares, minlength=people)
    return math.sqrt(float(sums @ sums) * people / (people - 1))


def _judged(
    delta: float, error: float, freedom: float, fewer: int, level: float
) -> tuple[tuple[float, float], float]:
    if math.isinf(error):
        return (-1.0, 1.0), 1.0
    if error == 0:
        room = 1 - lower_bound(fewer, fewer, level=level)
        return (delta - room, delta + room), 1.0 if delta == 0 else 0.0
    tail = (1 + level) / 2
    reach = float(special.ndtri(tail) if math.isinf(freedom) else special.stdtrit(freedom, tail)) * error
    z = abs(delta) / error
    below = float(special.ndtr(-z) if math.isinf(freedom) else special.stdtr(freedom, -z))
    return (delta - reach, delta + reach), 2 * below
