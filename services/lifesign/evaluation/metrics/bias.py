"""Bias of predictions towards classes, and gaps of an error rate between groups of people.

An alert needs three things at once: a test that stays significant after correction, an interval that
excludes 0, and a gap above a margin. Too few samples give "insufficient", never "ok".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.metrics.comparison import PairedCounts, mcnemar_exact, paired_difference
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.intervals import Interval, Rate, effective_rate, newcombe_difference
from lifesign.evaluation.metrics.multiplicity import holm

__all__ = [
    "ClassBias",
    "GroupGap",
    "GroupGaps",
    "GroupVerdict",
    "PredictionBias",
    "fisher_exact",
    "group_gaps",
    "prediction_bias",
    "skin_tone_band",
]

_COLLAPSE_SHARE = 0.95
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class ClassBias:
    """One class's share among truths and predictions; ``difference`` is predicted - true, in [-1, 1]."""

    class_name: str
    true_share: float
    predicted_share: float
    difference: float
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
    matrix: ConfusionMatrix, *, alpha: float = 0.01, margin: float = 0.05, min_size: int = 20
) -> PredictionBias:
    """Compare the shares of predicted and of true classes on the same samples.

    Per class, exact McNemar of false positives against false negatives, Holm over the classes; over all,
    Stuart–Maxwell's test of marginal homogeneity (McNemar with two classes). Material: adjusted
    p <= ``alpha`` and |difference| > ``margin``. ``collapse`` names the class that takes at least 95 % of
    all predictions and 90 % of those of other classes, when there are ``min_size`` of those.
    """
    rows = [_class_counts(matrix, index) for index in range(len(matrix.class_names))]
    p_values = np.array([mcnemar_exact(row.only_baseline_wrong, row.only_current_wrong) for row in rows])
    # With two classes both rows are the same test.
    adjusted = p_values if len(rows) == 2 else holm(p_values)
    classes = []
    for name, row, p_value, adjusted_p in zip(matrix.class_names, rows, p_values, adjusted, strict=True):
        difference = row.current.value - row.baseline.value
        classes.append(
            ClassBias(
                name,
                row.baseline.value,
                row.current.value,
                difference,
                paired_difference(row) if row.total else Interval(math.nan, math.nan, 0.95, "none"),
                float(p_value),
                float(adjusted_p),
                bool(adjusted_p <= alpha and abs(difference) > margin),
            )
        )
    overall = float(p_values[0]) if len(rows) == 2 else _stuart_maxwell(matrix)
    material = any(item.material for item in classes)
    return PredictionBias(tuple(classes), overall, material, _collapse(matrix, min_size))


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


class GroupVerdict(StrEnum):
    """What can be said about a group."""

    OK = "ok"
    ALERT = "alert"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class GroupGap:
    """One group against the rest: ``difference`` is group - rest, positive is worse; in [-1, 1].

    ``rest`` leaves out other groups in alert, so that one bad group does not hide another.
    ``minimum_detectable`` is the gap that these numbers would find with 80 % probability.
    """

    group: str
    rate: Rate
    rest: Rate
    difference: float
    interval: Interval
    p_value: float
    q_value: float
    minimum_detectable: float
    verdict: GroupVerdict


@dataclass(frozen=True, slots=True)
class GroupGaps:
    """All groups, sorted by name, and the extremes of those with enough samples."""

    groups: tuple[GroupGap, ...]
    worst: str | None
    best: str | None
    max_gap: float

    @property
    def alerts(self) -> tuple[GroupGap, ...]:
        """The groups in alert, the largest gap first."""
        found = [item for item in self.groups if item.verdict is GroupVerdict.ALERT]
        return tuple(sorted(found, key=lambda item: -item.difference))


def group_gaps(
    rates: Mapping[str, Rate],
    *,
    alpha: float = 0.01,
    margin: float = 0.05,
    min_size: int = 20,
    required_gap: float = 0.2,
    design_effect: float = 1.0,
) -> GroupGaps:
    """Compare an error rate of each group with that of the rest.

    Alert: Fisher's exact test stays <= ``alpha`` after Holm over the groups, the lower limit of
    Newcombe's 95 % interval is above 0, and the gap is above ``margin``. Insufficient: under ``min_size``
    samples, or a gap of ``required_gap`` could well be missed. ``design_effect`` (>= 1, see
    ``clustering.rate_design_effect``) divides all counts when subjects repeat.
    """
    alerted: dict[str, GroupGap] = {}
    while True:
        measured = {name: _gap(name, rates, alerted, design_effect) for name in rates if name not in alerted}
        found = _judge(measured, alerted, len(rates), alpha, margin, min_size, required_gap)
        fresh = {name: gap for name, gap in found.items() if gap.verdict is GroupVerdict.ALERT}
        alerted |= fresh
        if not fresh or len(alerted) == len(rates):
            break
    groups = tuple(item for _, item in sorted({**found, **alerted}.items()))
    enough = {item.group: item.rate.value for item in groups if item.rate.total >= min_size}
    worst = max(sorted(enough), key=enough.__getitem__, default=None)
    best = min(sorted(enough), key=enough.__getitem__, default=None)
    max_gap = enough[worst] - enough[best] if worst is not None and best is not None else math.nan
    return GroupGaps(groups, worst, best, max_gap)


@dataclass(frozen=True, slots=True)
class _Measured:
    rate: Rate
    rest: Rate
    interval: Interval
    p_value: float
    sizes: tuple[float, float]


def _gap(
    name: str, rates: Mapping[str, Rate], alerted: Mapping[str, GroupGap], design_effect: float
) -> _Measured:
    rest = Rate(0, 0)
    for other, rate in rates.items():
        if other != name and other not in alerted:
            rest += rate
    errors_a, total_a = effective_rate(rates[name], design_effect)
    errors_b, total_b = effective_rate(rest, design_effect)
    interval = newcombe_difference(errors_a, total_a, errors_b, total_b)
    p_value = math.nan
    if rates[name].total and rest.total:
        whole_a, whole_b = (round(errors_a), round(total_a)), (round(errors_b), round(total_b))
        p_value = fisher_exact(*whole_a, *whole_b)
    return _Measured(rates[name], rest, interval, p_value, (total_a, total_b))


def fisher_exact(errors_a: int, total_a: int, errors_b: int, total_b: int) -> float:
    """Return Fisher's two-sided p-value of equal error rates: all tables no likelier than this one."""
    errors, total = errors_a + errors_b, total_a + total_b
    counts = np.arange(max(0, errors - total_b), min(errors, total_a) + 1)
    log_chance = (
        _log_choose(total_a, counts) + _log_choose(total_b, errors - counts) - _log_choose(total, errors)
    )
    chance = np.exp(log_chance)
    observed = chance[errors_a - counts[0]]
    # Equally likely tables differ by rounding only.
    return min(1.0, float(chance[chance <= observed * (1 + 1e-7)].sum()))


def _log_choose(total: int, chosen: NDArray[np.int64] | int) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = -special.betaln(1 + np.subtract(total, chosen), np.add(1, chosen))
    return logarithm - math.log(total + 1)


def _judge(
    measured: Mapping[str, _Measured],
    alerted: Mapping[str, GroupGap],
    tests: int,
    alpha: float,
    margin: float,
    min_size: int,
    required_gap: float,
) -> dict[str, GroupGap]:
    names = list(measured)
    # Groups in alert already have been tested too: they stay in the family.
    p_values = [measured[name].p_value for name in names] + [item.p_value for item in alerted.values()]
    adjusted = holm(np.array(p_values, dtype=np.float64))
    result = {}
    for name, q_value in zip(names, adjusted, strict=False):
        item = measured[name]
        difference = item.rate.value - item.rest.value
        detectable = _minimum_detectable(item, alpha / tests)
        enough = item.rate.total >= min_size and item.rest.total >= min_size
        verdict = GroupVerdict.OK if detectable <= required_gap else GroupVerdict.INSUFFICIENT
        if q_value <= alpha and item.interval.lower > 0 and difference > margin:
            verdict = GroupVerdict.ALERT
        result[name] = GroupGap(
            name,
            item.rate,
            item.rest,
            difference,
            item.interval,
            item.p_value,
            float(q_value),
            detectable,
            verdict if enough else GroupVerdict.INSUFFICIENT,
        )
    return result


def _minimum_detectable(item: _Measured, alpha: float) -> float:
    if min(item.sizes) == 0:
        return math.nan
    rate = (item.rest.errors + 0.5) / (item.rest.total + 1)
    spread = math.sqrt(rate * (1 - rate) * (1 / item.sizes[0] + 1 / item.sizes[1]))
    return float(special.ndtri(_POWER) - special.ndtri(alpha / 2)) * spread


def skin_tone_band(tone: str) -> str:
    """Return ``mst01-03``, ``mst04-06`` or ``mst07-10`` for a Monk Skin Tone such as ``mst07``.

    Ten groups of a few dozen samples find little; the light, medium and dark bands find more. Any other
    word is returned as it is.
    """
    digits = tone.lower().removeprefix("mst").strip(" _-")
    if not digits.isdigit() or not 1 <= int(digits) <= 10:
        return tone
    return "mst01-03" if int(digits) <= 3 else "mst04-06" if int(digits) <= 6 else "mst07-10"
