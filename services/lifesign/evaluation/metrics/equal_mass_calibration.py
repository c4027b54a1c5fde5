"""Calibration in bins of equal mass: a mergeable state as fine as the score bins, joined when it is read.

Equal-width bins hold nearly all scores of a confident model in the last one; equal-mass bins look where the
scores are (Nixon et al., Measuring Calibration in Deep Learning, 2019).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.calibration import CALIBRATION_BINS, ReliabilityBin
from lifesign.evaluation.metrics.score_bins import BINS, bin_index, bin_thresholds

__all__ = ["FineReliability"]

_UNIT = 2**32  # sums are whole numbers of 2^-32, so that they merge exactly
_CHUNK = 1 << 16  # 2^16 addends under 2^32 are exact in float64


@dataclass(frozen=True, eq=False)
class FineReliability:
    """Per score bin, int64 ``(BINS,)``: samples, those that came true, and the sum of scores in 2^-32."""

    counts: NDArray[np.int64]
    positives: NDArray[np.int64]
    score_sums: NDArray[np.int64]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FineReliability) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        zeros = np.zeros(BINS, dtype=np.int64)
        return cls(zeros, zeros, zeros)

    @classmethod
    def from_batch(cls, scores: NDArray[np.floating[Any]], outcomes: NDArray[np.bool_]) -> Self:
        """Count scores ``(n,)`` in [0, 1] with what came true, bool ``(n,)``, as ``ReliabilityCounts`` does.

        Raises:
            InputError: different lengths, or a score outside [0, 1].
        """
        values, truths = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=np.bool_)
        if values.shape != truths.shape or values.ndim != 1:
            raise InputError(f"expected scores and outcomes (n,), got {values.shape} and {truths.shape}")
        counts, positives, sums = (np.zeros(BINS, dtype=np.int64) for _ in range(3))
        for start in range(0, len(values), _CHUNK):
            value, truth = values[start : start + _CHUNK], truths[start : start + _CHUNK]
            index = bin_index(value)
            counts += np.bincount(index, minlength=BINS)
            positives += np.bincount(index[truth], minlength=BINS)
            sums += np.bincount(index, weights=np.rint(value * _UNIT), minlength=BINS).astype(np.int64)
        return cls(counts, positives, sums)

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets."""
        return type(self)(
            self.counts + other.counts, self.positives + other.positives, self.score_sums + other.score_sums
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values: the bins in use and their sums."""
        used = np.flatnonzero(self.counts)
        return {
            "bins": used.tolist(),
            "counts": self.counts[used].tolist(),
            "positives": self.positives[used].tolist(),
            "score_sums": self.score_sums[used].tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        arrays = []
        for name in ("counts", "positives", "score_sums"):
            values = np.zeros(BINS, dtype=np.int64)
            values[np.asarray(state["bins"], dtype=np.int64)] = state[name]
            arrays.append(values)
        return cls(*arrays)

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    def equal_mass(self, bins: int = CALIBRATION_BINS) -> tuple[ReliabilityBin, ...]:
        """Return at most ``bins`` rows of about equally many samples; equal scores stay together."""
        used = np.flatnonzero(self.counts)
        if not used.size:
            return ()
        middle = np.cumsum(self.counts[used]) - self.counts[used] / 2
        place = np.minimum((middle * bins / self.total).astype(np.int64), bins - 1)
        edges = bin_thresholds()
        rows = []
        for code in np.unique(place):
            inside = used[place == code]
            count, following = int(self.counts[inside].sum()), int(inside[-1]) + 1
            rows.append(
                ReliabilityBin(
                    float(edges[inside[0]]),
                    float(edges[following]) if following < BINS else 1.0,
                    count,
                    int(self.score_sums[inside].sum()) / _UNIT / count,
                    int(self.positives[inside].sum()) / count,
                )
            )
        return tuple(rows)

    def adaptive_ece(self, bins: int = CALIBRATION_BINS) -> float:
        """Return Σ n_b/n |true share - mean score| over bins of equal mass, in [0, 1]; 0 is best."""
        rows = self.equal_mass(bins)
        gaps = sum(row.count * abs(row.true_share - row.mean_score) for row in rows)
        return gaps / self.total if rows else math.nan
