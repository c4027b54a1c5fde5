"""Limits of a share when subjects give several samples each: the delete-one jackknife over subjects."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.metrics.intervals import LEVEL, Interval

__all__ = ["jackknife_interval"]

_METHOD = "subject_jackknife"


def jackknife_interval(
    value: float, without_each: NDArray[np.floating[Any]], *, level: float = LEVEL
) -> Interval:
    """Return limits of a number in [0, 1] from what it is without each subject in turn, ``(subjects,)``.

    On the logit scale with Student's t. Few subjects decide how far the number moves, and the fewer the less
    is known of that: the degrees of freedom are S / max(1, b/3) - 1, with b the kurtosis of the moves (3 if
    they are normal), and the variance is raised by (S + 3) / (S - 1), as design effects are. A number of 0 or
    1, where nothing moves, one that is unknown without somebody, and one subject alone say nothing: [0, 1].
    """
    rest, people = np.asarray(without_each, dtype=np.float64), len(without_each)
    if math.isnan(value):
        return Interval(math.nan, math.nan, level, _METHOD)
    if not 0 < value < 1 or people < 2 or np.isnan(rest).any():
        return Interval(0.0, 1.0, level, _METHOD)
    finite = bool(((rest > 0) & (rest < 1)).all())
    # Where it is 0 or 1 without one subject, its logit is infinite: go along the tangent.
    moves = special.logit(rest) if finite else (rest - value) / (value * (1 - value))
    squares = (moves - moves.mean()) ** 2
    if squares.max() == 0:
        return Interval(0.0, 1.0, level, _METHOD)
    spread = math.sqrt(float(squares.sum()) * (people + 3) / people)
    kurtosis = float((squares**2).mean() / squares.mean() ** 2)
    freedom = max(2.0, people / max(1.0, kurtosis / 3) - 1) if people > 2 else 1.0
    reach = float(special.stdtrit(freedom, (1 + level) / 2)) * spread
    centre = float(special.logit(value))
    return Interval(
        float(special.expit(centre - reach)), float(special.expit(centre + reach)), level, _METHOD
    )
