"""Paired comparison of two models on the same samples: is the new one wrong more often?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import subject_codes
from lifesign.evaluation.metrics.intervals import LEVEL, Interval, Rate, wilson

__all__ = [
    "Comparison",
    "NonInferiority",
    "PairedCounts",
    "compare_errors",
    "mcnemar_exact",
    "paired_difference",
]

_RESAMPLES = 2000
_CELLS = 500_000  # draws times subjects at once


class NonInferiority(StrEnum):
    """Whether the new model is at most a margin worse: known so, known not so, or open."""

    NON_INFERIOR = "non_inferior"
    INFERIOR = "inferior"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Samples by which of the two models was wrong; a mergeable state."""

    both_right: int = 0
    only_baseline_wrong: int = 0
    only_current_wrong: int = 0
    both_wrong: int = 0

    @classmethod
    def empty(cls) -> Self:
        """Return the counts without samples: the identity of ``merge``."""
        return cls()

    @classmethod
    def from_batch(cls, baseline_wrong: NDArray[np.bool_], current_wrong: NDArray[np.bool_]) -> Self:
        """Count two bool arrays ``(n,)`` over the same samples in the same order.

        Raises:
            InputError: different lengths.
        """
        one, two = np.asarray(baseline_wrong, dtype=np.bool_), np.asarray(current_wrong, dtype=np.bool_)
        if one.shape != two.shape or one.ndim != 1:
            raise InputError(f"expected two paired arrays (n,), got {one.shape} and {two.shape}")
        cells = np.bincount(2 * two + one, minlength=4)
        return cls(*(int(count) for count in cells))

    def merge(self, other: Self) -> Self:
        """Return the counts of both sample sets."""
        return type(self)(
            self.both_right + other.both_right,
            self.only_baseline_wrong + other.only_baseline_wrong,
            self.only_current_wrong + other.only_current_wrong,
            self.both_wrong + other.both_wrong,
        )

    def to_dict(self) -> dict[str, int]:
        """Return the state as JSON values."""
        return {
            "both_right": self.both_right,
            "only_baseline_wrong": self.only_baseline_wrong,
            "only_current_wrong": self.only_current_wrong,
            "both_wrong": self.both_wrong,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        return cls(**state)

    @property
    def total(self) -> int:
        """Number of samples."""
        return self.both_right + self.only_baseline_wrong + self.only_current_wrong + self.both_wrong

    @property
    def baseline(self) -> Rate:
        """Error rate of the baseline."""
        return Rate(self.only_baseline_wrong + self.both_wrong, self.total)

    @property
    def current(self) -> Rate:
        """Error rate of the current model."""
        return Rate(self.only_current_wrong + self.both_wrong, self.total)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The change of an error rate, current - baseline; negative is better, ``nan`` without samples."""

    counts: PairedCounts
    delta: float
    interval: Interval
    p_value: float
    method: str

    @property
    def baseline(self) -> Rate:
        """Error rate of the baseline."""
        return self.counts.baseline

    @property
    def current(self) -> Rate:
        """Error rate of the current model."""
        return self.counts.current

    def non_inferiority(self, margin: float) -> NonInferiority:
        """Judge by the limits of the change, not by its estimate, against ``margin`` >= 0."""
        if self.interval.upper <= margin:
            return NonInferiority.NON_INFERIOR
        return NonInferiority.INFERIOR if self.interval.lower > margin else NonInferiority.UNDECIDED


def mcnemar_exact(b: int, c: int) -> float:
    """Return the two-sided exact p-value of discordant counts b and c: Binomial(b + c, 1/2).

    McNemar (1947); 1 without discordant samples.
    """
    fewer = min(b, c)
    # Binomial(n, 1/2) is symmetric: both tails are as large. P(X <= k) = I(1/2; n - k, k + 1).
    return 1.0 if b == c else min(1.0, 2 * float(special.betainc(b + c - fewer, fewer + 1, 0.5)))


def compare_errors(
    baseline_wrong: NDArray[np.bool_],
    current_wrong: NDArray[np.bool_],
    subjects: Sequence[str | None] | NDArray[Any] | None = None,
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> Comparison:
    """Compare two models' errors of one kind, bool ``(n,)`` each, on the same samples.

    Without subjects: exact McNemar and Newcombe's paired interval. With ``subjects``, ``(n,)``: a
    sign-flip test over subjects and a bootstrap that draws subjects, both seeded, the interval never
    narrower than Newcombe's.
    """
    counts = PairedCounts.from_batch(baseline_wrong, current_wrong)
    if counts.total == 0:
        nothing = Interval(math.nan, math.nan, level, "newcombe_paired")
        return Comparison(counts, math.nan, nothing, math.nan, "mcnemar_exact")
    delta = (counts.only_current_wrong - counts.only_baseline_wrong) / counts.total
    paired = paired_difference(counts, level=level)
    if subjects is None:
        p_value = mcnemar_exact(counts.only_baseline_wrong, counts.only_current_wrong)
        return Comparison(counts, delta, paired, p_value, "mcnemar_exact")
    if len(subjects) != counts.total:
        raise InputError(f"expected {counts.total} subjects, got {len(subjects)}")
    codes = subject_codes(subjects)
    change = np.asarray(current_wrong, np.int8) - np.asarray(baseline_wrong, np.int8)
    sums = np.bincount(codes, weights=change.astype(np.float64)).astype(np.float64)
    sizes = np.bincount(codes).astype(np.float64)
    rng = np.random.default_rng(seed)
    lower, upper = _bootstrap(sums, sizes, level, rng)
    limits = Interval(min(lower, paired.lower), max(upper, paired.upper), level, "subject_bootstrap")
    return Comparison(counts, delta, limits, _sign_flip(sums, rng), "subject_sign_flip")


def paired_difference(counts: PairedCounts, *, level: float = LEVEL) -> Interval:
    """Return limits of current - baseline error rate of paired samples, in [-1, 1].

    Newcombe's hybrid of two Wilson intervals with their correlation (Statistics in Medicine 17, 1998,
    pp. 2635–2650, method 10).
    """
    one, two = counts.current, counts.baseline
    limits_one, limits_two = (wilson(rate.errors, rate.total, level=level) for rate in (one, two))
    phi = _correlation(counts)
    low_one, high_one = one.value - limits_one.lower, limits_one.upper - one.value
    low_two, high_two = two.value - limits_two.lower, limits_two.upper - two.value
    below = math.sqrt(max(0.0, low_one**2 - 2 * phi * low_one * high_two + high_two**2))
    above = math.sqrt(max(0.0, high_one**2 - 2 * phi * high_one * low_two + low_two**2))
    delta = one.value - two.value
    return Interval(delta - below, delta + above, level, "newcombe_paired")


def _correlation(counts: PairedCounts) -> float:
    agree = counts.both_wrong * counts.both_right
    differ = counts.only_baseline_wrong * counts.only_current_wrong
    one, two, total = counts.baseline.errors, counts.current.errors, counts.total
    spread = math.sqrt(one * (total - one) * two * (total - two))
    if spread == 0:
        return 0.0
    excess = agree - differ
    return (max(excess - total / 2, 0.0) if excess > 0 else excess) / spread


def _bootstrap(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], level: float, rng: np.random.Generator
) -> tuple[float, float]:
    people = len(sums)
    draws, even = [], np.full(people, 1 / people)
    for count in _chunks(people):
        weights = rng.multinomial(people, even, size=count).astype(np.float64)
        draws.append((weights @ sums) / (weights @ sizes))
    lower, upper = np.quantile(np.concatenate(draws), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def _sign_flip(sums: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Return how often random signs of the subjects' changes give a sum as far from 0."""
    changed = sums[sums != 0]
    if not changed.size:
        return 1.0
    observed, extreme = abs(changed.sum()), 1
    for count in _chunks(changed.size):
        signs = 2 * rng.integers(0, 2, size=(count, changed.size)) - 1
        extreme += int((np.abs(signs.astype(np.float64) @ changed) >= observed).sum())
    return extreme / (_RESAMPLES + 1)


def _chunks(people: int) -> Iterator[int]:
    """Yield how many of the draws are made at once; their numbers are those of one go."""
    rows = max(1, _CELLS // people)
    for done in range(0, _RESAMPLES, rows):
        yield min(rows, _RESAMPLES - done)
