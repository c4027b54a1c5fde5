"""Intervals for error rates: exact, score and difference intervals of counted errors.

Error rates of a good model are near 0, where the textbook (Wald) and percentile-bootstrap intervals
cover 63–87 % in place of 95 %; so rates here carry Clopper–Pearson limits.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

from scipy import special

from lifesign.errors import InputError

__all__ = [
    "Interval",
    "Rate",
    "clopper_pearson",
    "effective_rate",
    "is_resolved",
    "lower_bound",
    "newcombe_difference",
    "samples_without_error",
    "upper_bound",
    "wilson",
]

LEVEL = 0.95
_RULE_OF_30 = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided limits of one number at confidence ``level``; both ``nan`` without data."""

    lower: float
    upper: float
    level: float = LEVEL
    method: str = "clopper_pearson"

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def half_width(self) -> float:
        """Half the distance between the limits."""
        return (self.upper - self.lower) / 2

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values (``nan`` as ``None``)."""
        lower, upper = (None if math.isnan(limit) else limit for limit in (self.lower, self.upper))
        return {"lower": lower, "upper": upper, "level": self.level, "method": self.method}


@dataclass(frozen=True, slots=True)
class Rate:
    """``errors`` among ``total`` cases; adding two rates pools their cases."""

    errors: int
    total: int

    def __post_init__(self) -> None:
        _check(self.errors, self.total)

    def __add__(self, other: Self) -> "Rate":
        return Rate(self.errors + other.errors, self.total + other.total)

    @property
    def value(self) -> float:
        """Errors over total, in [0, 1]; ``nan`` when total is 0."""
        return self.errors / self.total if self.total else math.nan

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the Clopper–Pearson interval."""
        return clopper_pearson(self.errors, self.total, level=level)

    def text(self, level: float = LEVEL) -> str:
        """Return the rate for people, such as ``3/150 = 2.0 % (0.4–5.7 %)``.

        Without errors the one-sided limit is told, ``0/150 (≤ 2.0 %)``: zero errors never prove zero.
        """
        counts = f"{self.errors}/{self.total}"
        if self.total == 0:
            return f"{counts} (no samples)"
        if self.errors == 0:
            return f"{counts} (≤ {_percent(upper_bound(0, self.total, level=level))} %)"
        if self.errors == self.total:
            return f"{counts} (≥ {_percent(lower_bound(self.errors, self.total, level=level))} %)"
        limits = self.interval(level)
        return f"{counts} = {_percent(self.value)} % ({_percent(limits.lower)}–{_percent(limits.upper)} %)"

    def to_dict(self) -> dict[str, Any]:
        """Return counts, value (``None`` without samples) and 95 % limits as JSON values."""
        limits = self.interval().to_dict()
        value = None if self.total == 0 else self.value
        return {"errors": self.errors, "total": self.total, "value": value, **limits}


def clopper_pearson(errors: int, total: int, *, level: float = LEVEL) -> Interval:
    """Return the exact binomial interval: quantiles (1 ∓ level)/2 of Beta(k, n-k+1) and Beta(k+1, n-k).

    It covers at least ``level`` for every n and every true rate (Clopper and Pearson, 1934).
    """
    _check(errors, total, level)
    if total == 0:
        return Interval(math.nan, math.nan, level, "clopper_pearson")
    tail = (1 - level) / 2
    lower = float(special.betaincinv(errors, total - errors + 1, tail)) if errors else 0.0
    upper = float(special.betaincinv(errors + 1, total - errors, 1 - tail)) if errors < total else 1.0
    return Interval(lower, upper, level, "clopper_pearson")


def upper_bound(errors: int, total: int, *, level: float = LEVEL) -> float:
    """Return the one-sided exact upper limit; 1 - (1 - level)^(1/n) without errors, about 3/n."""
    _check(errors, total, level)
    if total == 0:
        return math.nan
    return float(special.betaincinv(errors + 1, total - errors, level)) if errors < total else 1.0


def lower_bound(errors: int, total: int, *, level: float = LEVEL) -> float:
    """Return the one-sided exact lower limit of an error rate."""
    return 1 - upper_bound(total - errors, total, level=level)


def samples_without_error(limit: float, *, level: float = LEVEL) -> int:
    """Return how many samples without an error it takes to prove a rate of at most ``limit``, about 3/limit.

    The rule of 3, exactly: the smallest n with 1 - (1 - level)^(1/n) <= limit.
    """
    if not 0 < limit < 1:
        raise InputError(f"expected a limit between 0 and 1, got {limit}")
    count = math.ceil(math.log(1 - level) / math.log1p(-limit))
    # Rounding must not ask for one more than upper_bound does.
    return count - 1 if count > 1 and upper_bound(0, count - 1, level=level) <= limit else count


def is_resolved(rate: Rate, *, tolerance: float = 0.01, level: float = LEVEL) -> bool:
    """Tell whether the size of a rate is known, not only that it is small.

    Doddington's rule of 30: 30 errors give ± 30 % with 90 % confidence. Fewer do where the exact interval is
    within ``tolerance`` of its middle anyway.
    """
    return rate.errors >= _RULE_OF_30 or rate.interval(level).half_width <= tolerance


def wilson(errors: int, total: int, *, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval (1927): narrower than the exact one, right on average only."""
    _check(errors, total, level)
    lower, upper = _wilson_limits(float(errors), float(total), level)
    return Interval(lower, upper, level, "wilson")


def newcombe_difference(
    errors_a: float, total_a: float, errors_b: float, total_b: float, *, level: float = LEVEL
) -> Interval:
    """Return limits of rate a - rate b of two independent samples, in [-1, 1].

    Newcombe's hybrid of two Wilson intervals (R. G. Newcombe, Statistics in Medicine 17, 1998, method
    10). Counts may be fractions: effective counts of correlated samples.
    """
    if min(total_a, total_b) <= 0:
        return Interval(math.nan, math.nan, level, "newcombe")
    rate_a, rate_b = errors_a / total_a, errors_b / total_b
    lower_a, upper_a = _wilson_limits(errors_a, total_a, level)
    lower_b, upper_b = _wilson_limits(errors_b, total_b, level)
    difference = rate_a - rate_b
    return Interval(
        difference - math.hypot(rate_a - lower_a, upper_b - rate_b),
        difference + math.hypot(upper_a - rate_a, rate_b - lower_b),
        level,
        "newcombe",
    )


def effective_rate(rate: Rate, design_effect: float) -> tuple[float, float]:
    """Return (errors, total) divided by the design effect (≥ 1) of correlated samples."""
    factor = max(1.0, design_effect)
    return rate.errors / factor, rate.total / factor


def _wilson_limits(errors: float, total: float, level: float) -> tuple[float, float]:
    if total == 0:
        return math.nan, math.nan
    z = float(special.ndtri((1 + level) / 2))
    rate = errors / total
    centre = (rate + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(rate * (1 - rate) / total + z**2 / (4 * total**2))
    # Rounding must not push a limit past a rate of exactly 0 or 1.
    lower = 0.0 if errors == 0 else max(0.0, centre - half)
    return lower, 1.0 if errors == total else min(1.0, centre + half)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}" if rate == 0 or rate >= 0.001 else f"{100 * rate:.2g}"


def _check(errors: int, total: int, level: float = LEVEL) -> None:
    if not 0 <= errors <= total:
        raise InputError(f"expected 0 <= errors <= total, got errors {errors} of {total}")
    if not 0 < level < 1:
        raise InputError(f"expected a confidence level between 0 and 1, got {level}")
