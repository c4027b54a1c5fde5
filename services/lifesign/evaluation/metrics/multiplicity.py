"""Corrections for asking many questions at once."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["benjamini_hochberg", "holm"]

_Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: _Floats) -> _Floats:
    """Return q-values ``(n,)``: rejecting q <= a keeps the false discovery rate at a.

    Benjamini and Hochberg (1995). A ``nan`` (no test was possible) stays ``nan`` and is not counted.
    """
    order = _order(p_values)
    ranks = np.arange(1, len(order) + 1)
    adjusted = np.asarray(p_values)[order] * len(order) / ranks
    return _scatter(np.minimum.accumulate(adjusted[::-1])[::-1], order, len(p_values))


def holm(p_values: _Floats) -> _Floats:
    """Return adjusted p-values ``(n,)``: rejecting those <= a errs in at most a share a of reports.

    Holm (1979); ``nan`` stays ``nan`` and is not counted.
    """
    order = _order(p_values)
    remaining = len(order) - np.arange(len(order))
    return _scatter(np.maximum.accumulate(np.asarray(p_values)[order] * remaining), order, len(p_values))


def _order(p_values: _Floats) -> NDArray[np.intp]:
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    return order[: int((~np.isnan(values)).sum())]


def _scatter(adjusted: _Floats, order: NDArray[np.intp], size: int) -> _Floats:
    result = np.full(size, np.nan)
    result[order] = np.minimum(adjusted, 1.0)
    return result
