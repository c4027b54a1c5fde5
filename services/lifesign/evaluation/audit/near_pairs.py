"""Near pairs among many 64-bit hashes, without comparing all with all.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): two hashes within t bits agree wholly in at
least one of t + 1 bands, so only rows that share a band are compared: with 10^5 spread hashes and t = 4
some 10^6 comparisons in place of 5 · 10^9.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.fingerprints import hamming

__all__ = ["NearPairs", "near_pairs"]

_MAX_NEIGHBOURS = 2000


@dataclass(frozen=True)
class NearPairs:
    """Rows ``first < second``, int64 ``(m,)`` each, sorted, no pair twice.

    Rows equal in both hashes are paired with the first of them only. ``crowded`` counts rows that share
    a band with more than 2,000 others: they are compared with those nearest in order, not with all.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    crowded: int = 0


def near_pairs(one: NDArray[np.uint64], other: NDArray[np.uint64], *, threshold: int) -> NearPairs:
    """Return the pairs of rows within ``threshold`` bits in both hashes, uint64 ``(n,)`` each."""
    both = np.stack([one, other], axis=1)
    _, first_of, inverse = np.unique(both, axis=0, return_index=True, return_inverse=True)
    leaders = first_of[inverse.reshape(-1)].astype(np.int64)
    rows = np.arange(len(one), dtype=np.int64)
    equal = leaders != rows
    found = [np.stack([leaders[equal], rows[equal]], axis=1)]
    distinct = np.sort(first_of).astype(np.int64)
    crowded: set[int] = set()
    for shift, width in _bands(threshold + 1):
        band = (one[distinct] >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        pairs, more = _within_bands(distinct, band, one, other, threshold)
        found.append(pairs)
        crowded.update(more.tolist())
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    return NearPairs(pairs[:, 0], pairs[:, 1], len(crowded))


def _within_bands(
    rows: NDArray[np.int64],
    band: NDArray[np.uint64],
    one: NDArray[np.uint64],
    other: NDArray[np.uint64],
    threshold: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return near pairs ``(m, 2)`` among rows of the same band, and the rows of crowded bands."""
    # By the other hash within a band: where not all can be compared, likely ones are neighbours.
    order = np.lexsort((other[rows], band))
    rows, band = rows[order], band[order]
    left_hash, right_hash = one[rows], other[rows]
    found: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
    active = np.arange(len(rows) - 1, dtype=np.int64)
    for step in range(1, _MAX_NEIGHBOURS + 1):
        active = active[active + step < len(rows)]
        active = active[band[active] == band[active + step]]
        if not len(active):
            return np.concatenate(found), active
        near = (hamming(left_hash[active], left_hash[active + step]) <= threshold) & (
            hamming(right_hash[active], right_hash[active + step]) <= threshold
        )
        if near.any():
            found.append(np.stack([rows[active[near]], rows[active[near] + step]], axis=1))
    return np.concatenate(found), rows[active]


def _bands(count: int) -> list[tuple[int, int]]:
    """Return (shift, width) of ``count`` bands that cover the 64 bits."""
    cuts = [round(64 * place / count) for place in range(count + 1)]
    return [(low, high - low) for low, high in pairwise(cuts)]
