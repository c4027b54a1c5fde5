"""What is noise: sampling error of shares, roughness and trend of short series."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "are_shares_of",
    "denominator",
    "differ",
    "end_level",
    "fewest_rows",
    "longest_rise",
    "noise",
    "sampling_error",
    "share_is_below",
    "trend",
]

_Floats = NDArray[np.float64]
_NO_ROUND_NUMBER = 20


def sampling_error(share: float, n: int) -> float:
    """Return the standard error of a share of ``n`` cases, never 0: at 0 or 1 as if one half case were
    off.
    """
    if n <= 0:
        return math.inf
    kept = min(max(share, 0.5 / n), 1 - 0.5 / n)
    return math.sqrt(kept * (1 - kept) / n)


def differ(first: float, n_first: int, second: float, n_second: int) -> float:
    """Return the z value of the difference of two independent shares (pooled variance)."""
    pooled = (first * n_first + second * n_second) / (n_first + n_second)
    floor = 0.5 / min(n_first, n_second)
    pooled = min(max(pooled, floor), 1 - floor)
    return (first - second) / math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))


def share_is_below(hits: float, n: int, share: float) -> float:
    """Return the probability of at most ``hits`` of ``n`` where each is one with probability ``share``."""
    return float(special.bdtr(math.floor(hits + 1e-9), n, share))


def noise(values: _Floats) -> float:
    """Return the standard deviation of what is not smooth: from second differences, so a bend does not count.

    The differences of white noise have variance 6 σ²; the median makes single jumps harmless. 0 for fewer
    than four values.
    """
    kept = values[np.isfinite(values)]
    if len(kept) < 4:
        return 0.0
    second = np.diff(kept, 2)
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / math.sqrt(6))


def end_level(values: _Floats, epochs: int = 3) -> float:
    """Return the median of the last ``epochs`` values without those missing: where a curve ends.

    ``nan`` where all of them are missing.
    """
    return float(np.nanmedian(values[-epochs:]))


def trend(values: _Floats) -> float:
    """Return Kendall's tau of the values against their order: 1 rises always, −1 falls always, 0 neither."""
    kept = values[np.isfinite(values)]
    n = len(kept)
    if n < 2:
        return 0.0
    # Row by row: a table of all pairs takes 200 MB for 5,000 epochs.
    signs = sum(float(np.sign(kept[place + 1 :] - kept[place]).sum()) for place in range(n - 1))
    return signs / (n * (n - 1) / 2)


def longest_rise(values: _Floats) -> int:
    """Return the greatest number of steps in a row that go up."""
    best = run = 0
    for step in np.diff(values):
        run = run + 1 if step > 0 else 0
        best = max(best, run)
    return best


def are_shares_of(shares: _Floats, n: int, *, decimals: int) -> bool:
    """Return whether every share is ``k / n`` to its printed decimals."""
    half = 0.5 * 10.0**-decimals + 1e-9
    return bool(np.all(np.abs(np.round(shares * n) / n - shares) <= half))


def fewest_rows(share: float) -> int | None:
    """Return the least ``n`` of which a share of 9 digits or more is ``k / n``; the rows are a multiple.

    Single precision is enough: up to 900 a fit by chance is rarer than 5 %. ``None`` for a share of few
    digits, 0 or 1.
    """
    if not 0 < share < 1 or len(repr(share)) < 11:
        return None
    fits = (n for n in range(2, 900) if abs(round(share * n) / n - share) < 6e-8)
    return next(fits, None)


def denominator(shares: _Floats, *, decimals: int, largest: int = 250, fewest: int = 3) -> int | None:
    """Return the smallest ``n`` such that every share is ``k / n`` to its printed decimals.

    Only a number that could hardly be by chance: with ``d`` different shares not 0 or 1, an ``n`` fits all
    with a probability of about ``((n + 1) / 10^decimals)^d``, and all smaller ones are tried as well.
    Every multiple of an ``n`` fits too: that ``d`` numerators share a factor of 2 has the probability
    ``2^-d``, so that ``fewest`` are wanted, or two where the ``n`` is no round small number (20 or more).
    ``None`` where a fit by chance is likelier than 10 %, or nothing up to ``largest`` fits.
    """
    kept = np.unique(shares[np.isfinite(shares) & (shares > 0) & (shares < 1)])
    if not len(kept) or decimals < 3:
        return None
    half = 0.5 * 10.0**-decimals + 1e-9
    chance = 0.0
    for n in range(2, largest + 1):
        if are_shares_of(kept, n, decimals=decimals):
            told = len(kept) >= fewest or (len(kept) == 2 and n >= _NO_ROUND_NUMBER)
            return n if told and chance <= 0.1 else None
        chance += min(1.0, (n + 1) * 2 * half) ** len(kept)
    return None
