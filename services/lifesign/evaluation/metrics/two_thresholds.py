"""Decisions with a middle: reject below one threshold, accept from another, and send the rest to a person."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.score_bins import BINS, bin_index, bin_thresholds, decidable_cuts
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram

__all__ = ["ThreeWayCounts", "three_way_counts"]


@dataclass(frozen=True, slots=True)
class ThreeWayCounts:
    """Samples of one group below the lower threshold, between the two, and from the upper one on."""

    rejected: int
    uncertain: int
    accepted: int

    @property
    def total(self) -> int:
        """Number of samples."""
        return self.rejected + self.uncertain + self.accepted

    @property
    def accepted_rate(self) -> Rate:
        """Accepted without being asked: of attacks the rate that matters."""
        return Rate(self.accepted, self.total)

    @property
    def rejected_rate(self) -> Rate:
        """Rejected without being asked: of bona fide the rate that matters."""
        return Rate(self.rejected, self.total)

    @property
    def uncertain_rate(self) -> Rate:
        """Left to somebody else: what the policy costs."""
        return Rate(self.uncertain, self.total)


def three_way_counts(
    hist: ScoreHistogram, *, reject_below: float, accept_from: float
) -> Mapping[str, ThreeWayCounts]:
    """Return the counts of every group of a histogram: reject, uncertain, accept.

    Raises:
        InputError: the thresholds are in the wrong order, or one of them would split a bin.
    """
    if not reject_below <= accept_from:
        raise InputError(f"expected reject_below <= accept_from, got {reject_below!r} and {accept_from!r}")
    low, high = _cut(reject_below), _cut(accept_from)
    return {name: _counts(row, low, high) for name, row in zip(hist.groups, hist.counts, strict=True)}


def _counts(row: NDArray[np.int64], low: int, high: int) -> ThreeWayCounts:
    return ThreeWayCounts(int(row[:low].sum()), int(row[low:high].sum()), int(row[high:].sum()))


def _cut(threshold: float) -> int:
    if threshold > 1:
        return BINS
    cut = int(bin_index(np.array([threshold]))[0])
    if bin_thresholds()[cut] != threshold or not decidable_cuts()[cut]:
        raise InputError(
            f"expected a threshold on a bin edge such as {bin_thresholds()[cut]!r}, got {threshold!r}"
        )
    return cut
