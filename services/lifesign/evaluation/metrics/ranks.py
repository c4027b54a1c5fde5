"""Ranks with ties halved, and the rank-sum test of two samples: scipy.stats without its import.

scipy.stats takes 60 MB and a second to load; both are a few lines. tests/reference compares them with it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["RankSum", "midranks", "rank_sum_test"]


@dataclass(frozen=True, slots=True)
class RankSum:
    """The Mann–Whitney statistic U of a sample against another.

    ``area`` is U / (pairs), in [0, 1]: how often a value of the sample is the larger, ties halved.
    ``p_value`` is two-sided, in [0, 1]. Both are ``nan`` where a sample is empty.
    """

    area: float
    p_value: float


def midranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks from 1, float64 ``(n,)``, of values that are no ``nan``; equal ones share their mean."""
    order = np.argsort(values, kind="stable")
    edges = _tie_edges(values[order])
    ranks = np.empty(len(order), np.float64)
    ranks[order] = np.repeat((edges[:-1] + edges[1:] + 1) / 2, np.diff(edges))
    return ranks


def rank_sum_test(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> RankSum:
    """Test whether values ``(n,)`` tend to be larger or smaller than others ``(m,)``; none may be ``nan``.

    Mann and Whitney (Annals of Mathematical Statistics 18, 1947) by the normal approximation, corrected for
    ties and for continuity: good from about 10 values each.
    """
    n, m = len(one), len(other)
    pairs, total = n * m, n + m
    if not pairs:
        return RankSum(math.nan, math.nan)
    larger = _wins(one, np.sort(other))
    ties = _ties(np.sort(np.concatenate([one, other]))).astype(np.float64)
    variance = pairs / 12 * ((total + 1) - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return RankSum(larger / pairs, 1.0)
    z = (max(larger, pairs - larger) - pairs / 2 - 0.5) / math.sqrt(variance)
    return RankSum(larger / pairs, min(1.0, 2 * float(special.ndtr(-z))))


def _wins(one: NDArray[np.floating[Any]], ordered: NDArray[np.floating[Any]]) -> float:
    """Return U: the pairs in which the first is the larger, ties halved."""
    below = int(np.searchsorted(ordered, one, side="left").sum())
    return (below + int(np.searchsorted(ordered, one, side="right").sum())) / 2


def _ties(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Return the lengths of runs of equal values, those of one value left out."""
    # With a million values that all differ the ends of runs are as large as the values: look at ties alone.
    same = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1])
    return edges[1::2] - edges[::2] + 1


def _tie_edges(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Return where runs of equal values start, and the end, of sorted values."""
    if not len(ordered):
        return np.zeros(1, np.int64)
    return np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(ordered)]])
