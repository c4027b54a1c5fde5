"""Tests between two sets of a few people each: what an estimated variance costs, and what needs none.

How alike the samples of one person are is itself estimated, from as many draws as there are people. With
few of them a normal or a Kolmogorov tail is much too short: it is t's, with one degree of freedom less than
people (Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference, Journal of Human Resources
50, 2015).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["degrees_of_freedom", "effective_people", "kolmogorov_distance", "kolmogorov_tail", "t_tail"]


def effective_people(sizes: NDArray[np.integer[Any]], *, alone: int = 0) -> float:
    """Return how many people of as many samples each these are worth, (Σm)² / Σm²; 0 without samples.

    ``sizes``, ``(people,)``, counts samples; ``alone`` further people have one each. It is what the degrees
    of freedom follow where people have different many samples (Carter, Schnepel and Steigerwald, Review of
    Economics and Statistics 99, 2017), and what samples are worth if all of one person are the same.
    """
    total = float(sizes.sum()) + alone
    return total**2 / (float((sizes.astype(np.float64) ** 2).sum()) + alone) if total else 0.0


def degrees_of_freedom(people: tuple[float, float]) -> float:
    """Return Satterthwaite's degrees of freedom of a difference; 0 where one side is a single person.

    The variances are taken as one over the people, not as estimated: that of few people is often estimated
    near zero, and would then hide how few they are.
    """
    if min(people) <= 1:
        return 0.0
    parts = [1 / count for count in people]
    return sum(parts) ** 2 / sum(part**2 / (count - 1) for part, count in zip(parts, people, strict=True))


def t_tail(z: float, degrees: float) -> float:
    """Return the two-sided p-value of Student's t; 1 with no degree of freedom."""
    return float(2 * special.stdtr(degrees, -abs(z))) if degrees > 0 else 1.0


def kolmogorov_tail(x: float, degrees: float) -> float:
    """Return the chance of a distance >= ``x`` standard ones, the standard estimated; at most 1.

    The first term of Kolmogorov's series, an upper bound, 2 exp(-2x²), as the mean over a scale that follows
    chi-square: 2 (1 + 4x² / degrees) ^ (-degrees / 2). It is to Kolmogorov's law what Student's t is to the
    normal one.
    """
    if degrees <= 0:
        return 1.0
    return min(1.0, 2 * math.exp(-degrees / 2 * math.log1p(4 * x**2 / degrees)))


def kolmogorov_distance(p_value: float, degrees: float) -> float:
    """Return the ``x`` of which ``kolmogorov_tail`` is ``p_value``, infinite with no degree of freedom."""
    if degrees <= 0:
        return math.inf
    power = 2 / degrees * math.log(2 / p_value)
    return math.sqrt(degrees / 4 * math.expm1(power)) if power < 700 else math.inf
