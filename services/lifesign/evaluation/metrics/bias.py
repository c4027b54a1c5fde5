"""Gaps of an error rate between groups of people.

An alert needs three things at once: tests that stay significant after correction, an interval for all
groups together that excludes 0, and a gap that matters. Too few samples give "insufficient", never "ok".
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.metrics.intervals import Interval, Rate, effective_rate, newcombe_difference
from lifesign.evaluation.metrics.multiplicity import holm

__all__ = [
    "GroupGap",
    "GroupGaps",
    "GroupVerdict",
    "Second",
    "fisher_exact",
    "group_gaps",
    "is_material",
    "skin_tone_band",
    "smoothed_ratio",
    "stratified_p_value",
]

_POWER = 0.8
_RELATIVE = 2.0
_RELATIVE_FLOOR = 0.02

Second = Callable[[str, Sequence[str]], float]
"""A second test of one group against others, by name: the p-value that it is not worse."""


class GroupVerdict(StrEnum):
    """What can be said about a group."""

    OK = "ok"
    ALERT = "alert"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class GroupGap:
    """One group against the rest: ``difference`` is group - rest, positive is worse; in [-1, 1].

    ``rest`` leaves out other groups in alert, so that one bad group does not hide another. ``interval``
    holds for all groups together at 95 % (Bonferroni). ``minimum_detectable`` is the gap that these
    numbers would find with 80 % probability.
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


def is_material(rate: float, rest: float, margin: float) -> bool:
    """Tell whether a gap matters: above ``margin``, or above 2 points where it is twice the rest's rate.

    A margin in points alone is blind in a good model, where a group at 4.5 % among others at 1 % is shut
    out far more often.
    """
    gap = rate - rest
    return gap > margin or (gap > min(margin, _RELATIVE_FLOOR) and rate >= _RELATIVE * rest)


def smoothed_ratio(rate: Rate, rest: Rate) -> float:
    """Return rate over rest with half an error added to both, (e + ½) / (n + 1): finite without errors."""
    return ((rate.errors + 0.5) / (rate.total + 1)) / ((rest.errors + 0.5) / (rest.total + 1))


def group_gaps(
    rates: Mapping[str, Rate],
    *,
    alpha: float = 0.01,
    margin: float = 0.05,
    min_size: int = 20,
    required_gap: float = 0.2,
    design_effects: Mapping[str, float] | None = None,
    second: Second | None = None,
) -> GroupGaps:
    """Compare an error rate of each group with that of the rest.

    Alert: Fisher's exact test stays <= ``alpha`` after Holm over the groups of ``min_size`` samples,
    Newcombe's interval for all groups is above 0, and the gap ``is_material``. Insufficient: under
    ``min_size`` samples, or a gap of ``required_gap`` could well be missed. ``design_effects`` (>= 1, see
    ``ErrorClusters``) divide the counts when subjects repeat. ``second``, asked only about groups that
    could alert, must agree: the larger p-value counts.
    """
    alerted: dict[str, GroupGap] = {}
    found: dict[str, GroupGap] = {}
    effects = design_effects or {}
    eligible = sum(rate.total >= min_size for rate in rates.values())
    # Two groups are one test, told twice.
    tests = 1 if len(rates) == 2 else max(1, eligible)
    while True:
        measured = {
            name: _gap(name, rates, alerted, effects, second, alpha=alpha, min_size=min_size, tests=tests)
            for name in rates
            if name not in alerted
        }
        found = _judge(measured, alerted, tests, alpha, margin, min_size, required_gap)
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
    name: str,
    rates: Mapping[str, Rate],
    alerted: Mapping[str, GroupGap],
    effects: Mapping[str, float],
    second: Second | None,
    *,
    alpha: float,
    min_size: int,
    tests: int,
) -> _Measured:
    everyone = [other for other in rates if other != name]
    # With all others in alert there is no rest but them.
    others = [other for other in everyone if other not in alerted] or everyone
    rate, rest = rates[name], sum((rates[other] for other in others), Rate(0, 0))
    own_errors, own_total = effective_rate(rate, effects.get(name, 1.0))
    rest_total = sum(effective_rate(rates[other], effects.get(other, 1.0))[1] for other in others)
    rest_errors = rest_total * rest.value if rest.total else 0.0
    interval = newcombe_difference(own_errors, own_total, rest_errors, rest_total, level=1 - 0.05 / tests)
    p_value = math.nan
    if rate.total and rest.total:
        p_value = fisher_exact(round(own_errors), round(own_total), round(rest_errors), round(rest_total))
        if second is not None and p_value <= alpha and rate.value > rest.value and rate.total >= min_size:
            p_value = max(p_value, second(name, others))
    return _Measured(rate, rest, interval, p_value, (own_total, rest_total))


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


def stratified_p_value(
    errors_a: NDArray[np.int64],
    total_a: NDArray[np.int64],
    errors_b: NDArray[np.int64],
    total_b: NDArray[np.int64],
    *,
    design_effect: float = 1.0,
) -> float:
    """Return the one-sided p-value that a is not worse than b within the strata, ``(strata,)`` each.

    Cochran–Mantel–Haenszel: errors of a less those expected in its own mix of strata, over their
    hypergeometric deviation, with continuity correction and the variance times ``design_effect``. A group
    that only has the harder strata is not worse. 1 where no stratum has both.
    """
    total, errors = total_a + total_b, errors_a + errors_b
    used = (total_a > 0) & (total_b > 0) & (total > 1)
    total, errors, own, other = total[used], errors[used], total_a[used], total_b[used]
    variance = float((own * other / total**2 * errors * (total - errors) / (total - 1)).sum()) * design_effect
    if not variance:
        return 1.0
    excess = float(errors_a[used].sum() - (errors * own / total).sum())
    return float(special.ndtr(-(excess - 0.5) / math.sqrt(variance)))


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
    enough = [min(item.rate.total, item.rest.total) >= min_size for item in measured.values()]
    # Groups in alert already have been tested too: they stay in the family.
    p_values = [
        item.p_value if large else math.nan for item, large in zip(measured.values(), enough, strict=True)
    ]
    p_values += [item.p_value for item in alerted.values()]
    adjusted = np.array(p_values) if tests == 1 else holm(np.array(p_values, dtype=np.float64))
    result = {}
    for name, q_value, large in zip(names, adjusted, enough, strict=False):
        item = measured[name]
        detectable = _minimum_detectable(item, alpha / tests)
        verdict = GroupVerdict.OK if detectable <= required_gap else GroupVerdict.INSUFFICIENT
        proven = q_value <= alpha and item.interval.lower > 0
        if proven and is_material(item.rate.value, item.rest.value, margin):
            verdict = GroupVerdict.ALERT
        result[name] = GroupGap(
            name,
            item.rate,
            item.rest,
            item.rate.value - item.rest.value,
            item.interval,
            item.p_value,
            float(q_value),
            detectable,
            verdict if large else GroupVerdict.INSUFFICIENT,
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
