"""Bins for scores: the float32 bit pattern of min(p, 1 - p), fine where scores crowd.

Networks push scores towards 0 and 1, where equal-width bins of p lose 1–2 points of AUC. The bit pattern
of a positive float is monotone in its value and advances by equal *ratios*, so its upper bits are
equal-width bins of the log odds in the tails, for the price of a shift. Each octave of q = min(p, 1 - p)
has 64 bins, from 2^-64 to 2^-1, on both sides of 1/2: ``BINS`` = 8,064 in all, ascending in p.

A bin holds the scores from its lower edge up to, not including, the next edge, on both sides of 1/2, so
``score >= edge`` decides every sample exactly as it was counted. Float32 cannot tell scores closer than
2^-24 to 1 apart; with log odds given, such samples are spread over the finer bins *between* two
neighbouring float32 scores, which restores their rank and leaves every decision on the score as it is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError

__all__ = ["BINS", "bin_index", "bin_thresholds", "decidable_cuts", "log_odds", "ranked_scores"]

_SHIFT = 17  # drops 17 of 23 mantissa bits: 2^6 bins per octave
_OCTAVES = 63
_HALF = _OCTAVES << (23 - _SHIFT)
BINS = 2 * _HALF
"""Number of bins of a score."""

_LOWEST = np.float32(2.0**-64)
_FIRST = int(_LOWEST.view(np.int32)) >> _SHIFT
_REFINABLE = np.float32(2.0**-18)  # above this the bins are wider than the gaps of float32 near 1
_ROUNDS_TO_ONE = np.float32(2.0**-25)  # the largest 1 - p that float32 rounds to a score of 1
_BIN_OF_ONE = BINS - (((int(_ROUNDS_TO_ONE.view(np.int32)) + (1 << _SHIFT) - 1) >> _SHIFT) - _FIRST)
_BITS_OF_ONE = int(np.float32(1).view(np.uint32))
_CHUNK = 1 << 14  # what an allocator hands out again without asking for new pages

_Indices = NDArray[np.int32]


def bin_index(
    scores: NDArray[np.floating[Any]], *, log_odds: NDArray[np.floating[Any]] | None = None
) -> NDArray[np.int32]:
    """Return the bin of each score, int32 ``(n,)`` in [0, ``BINS``), monotone in the score.

    Scores are probabilities ``(n,)``, read as float32; ``log_odds``, ``(n,)``, ranks the samples whose
    float32 score is saturated near 1.

    Raises:
        InputError: a score that is not a number in [0, 1], or another shape of ``log_odds``.
    """
    values = np.ascontiguousarray(scores, dtype=np.float32)
    if values.ndim != 1 or (log_odds is not None and log_odds.shape != values.shape):
        raise InputError(
            f"expected scores (n,) and log odds of the same shape, got {values.shape}"
            + ("" if log_odds is None else f" and {log_odds.shape}")
        )
    # As unsigned integers only 0 to 1 lie below the bits of 1; -0 and what is wrong (nan, too) lie above.
    if values.size and values.view(np.uint32).max() > _BITS_OF_ONE:
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError("expected scores in [0, 1], got " + _range_text(values))
        values = np.abs(values)
    result = np.empty(values.shape, dtype=np.int32)
    for start in range(0, len(values), _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part] = _bin(values[part])
        if log_odds is not None:
            _refine(result[part], values[part], log_odds[part])
    return result


def ranked_scores(
    scores: NDArray[np.floating[Any]], *, log_odds: NDArray[np.floating[Any]] | None = None
) -> NDArray[np.float64]:
    """Return what ranks samples within a bin, float64 ``(n,)``: the score, saturated ones their log odds."""
    ranked: NDArray[np.float64] = np.add(scores, 0.0, dtype=np.float64)  # -0 is 0
    if log_odds is not None:
        saturated = _is_refinable(np.asarray(scores, dtype=np.float32))
        ranked[saturated] = log_odds[saturated]
    return ranked


def log_odds(logits: NDArray[np.floating[Any]], class_index: int) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of one class, float64 ``(n,)``, from logits ``(n, k)``.

    It is the logit of the class minus the log-sum-exp of the others.
    """
    others = np.delete(np.asarray(logits, dtype=np.float64), class_index, axis=1)
    largest = others.max(axis=1)
    rest = largest + np.log(np.exp(others - largest[:, np.newaxis]).sum(axis=1))
    margin: NDArray[np.float64] = logits[:, class_index] - rest
    return margin


def bin_thresholds() -> NDArray[np.float64]:
    """Return the threshold of each bin, float64 ``(BINS,)`` in [0, 1], ascending.

    It is the smallest float32 score at or above the bin's lower edge; the first is 0.
    """
    bits = np.arange(_FIRST, _FIRST + _HALF, dtype=np.int32) << _SHIFT
    low = bits.view(np.float32).astype(np.float64)
    edges = np.concatenate([low, 1 - (np.append(low[1:], 0.5))[::-1]])
    edges[0] = 0.0
    rounded = edges.astype(np.float32)
    # Rounding may have gone down; the threshold must not let a score below the edge pass.
    short = rounded.astype(np.float64) < edges
    rounded[short] = np.nextafter(rounded[short], np.float32(2))
    return rounded.astype(np.float64)


def decidable_cuts() -> NDArray[np.bool_]:
    """Tell which bins' thresholds split float32 scores exactly where the bins do, bool ``(BINS,)``.

    All but the bins inside a gap between two neighbouring float32 scores near 1.
    """
    thresholds = bin_thresholds()
    decidable: NDArray[np.bool_] = bin_index(thresholds) == np.arange(BINS)
    return decidable


def _bin(values: NDArray[np.float32]) -> _Indices:
    upper = values >= np.float32(0.5)
    # 1 - p is exact in float32 for p >= 1/2 (Sterbenz), and the smaller of the two there.
    distance = np.minimum(values, np.float32(1) - values)
    index = _place(distance, upper)
    return np.minimum(index, _BIN_OF_ONE, out=index)


def _place(distance: NDArray[np.float32], upper: NDArray[np.bool_]) -> _Indices:
    bits = np.maximum(distance, _LOWEST).view(np.int32)
    # -1 on the upper side, else 0: all that follows is one pass of integers, without a branch. Shifting the
    # negated bits rounds them up, which makes the lower edge in p the inclusive one on both sides.
    side = np.negative(upper.view(np.int8), dtype=np.int32)
    bits ^= side
    bits -= side
    bits >>= _SHIFT
    side &= BINS + 2 * _FIRST
    bits += side
    bits -= _FIRST
    return np.minimum(bits, BINS - 1, out=bits)


def _refine(index: _Indices, values: NDArray[np.float32], margins: NDArray[np.floating[Any]]) -> None:
    rows = np.flatnonzero(_is_refinable(values))
    if rows.size == 0:
        return
    exponent = np.clip(np.nan_to_num(margins[rows].astype(np.float64), nan=0.0), 0.0, 60.0)
    distance = (1 / (1 + np.exp(exponent))).astype(np.float32)
    finer = _place(distance, np.ones(rows.size, dtype=np.bool_))
    following = np.nextafter(values[rows], np.float32(2))
    last = np.where(values[rows] >= 1, BINS - 1, _bin(np.minimum(following, np.float32(1))) - 1)
    index[rows] = np.clip(finer, index[rows], np.maximum(last, index[rows]))


def _is_refinable(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(np.float32(1) - values < _REFINABLE, dtype=np.bool_)


def _range_text(values: NDArray[np.float32]) -> str:
    if np.isnan(values).any():
        return f"{int(np.isnan(values).sum())} values that are not a number"
    return f"values from {values.min():g} to {values.max():g}"
