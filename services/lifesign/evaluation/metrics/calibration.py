"""Calibration: does a score of 0.8 come true in 80 % of cases?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError

__all__ = ["CALIBRATION_BINS", "ReliabilityBin", "ReliabilityCounts"]

CALIBRATION_BINS = 15
"""Number of equal-width bins of the score, as in Guo et al., On Calibration of Modern Networks (2017)."""

_UNIT = 2**32  # sums are whole numbers of 2^-32, so that they merge exactly
_CHUNK = 1 << 16  # 2^16 addends under 2^32 are exact in float64


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Samples with a score in [lower, upper): their mean score and the share that came true."""

    lower: float
    upper: float
    count: int
    mean_score: float
    true_share: float


@dataclass(frozen=True, eq=False)
class ReliabilityCounts:
    """Per score bin, int64 ``(15,)``: samples, those that came true, and the sum of scores in 2^-32.

    ``squared_error`` is the sum of (score - outcome)² in 2^-32.
    """

    counts: NDArray[np.int64]
    positives: NDArray[np.int64]
    score_sums: NDArray[np.int64]
    squared_error: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReliabilityCounts) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, bins: int = CALIBRATION_BINS) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        zeros = np.zeros(bins, dtype=np.int64)
        return cls(zeros, zeros, zeros, 0)

    @classmethod
    def from_batch(
        cls,
        scores: NDArray[np.floating[Any]],
        outcomes: NDArray[np.bool_],
        *,
        bins: int = CALIBRATION_BINS,
    ) -> Self:
        """Count scores ``(n,)`` in [0, 1] with what came true, bool ``(n,)``.

        For two classes the score of the positive class and whether it was one; for more the largest
        score and whether that class was right.

        Raises:
            InputError: different lengths, or a score outside [0, 1].
        """
        values, truths = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=np.bool_)
        if values.shape != truths.shape or values.ndim != 1:
            raise InputError(f"expected scores and outcomes (n,), got {values.shape} and {truths.shape}")
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise InputError(f"expected scores in [0, 1], got {values.min():g} to {values.max():g}")
        counts, positives, sums = (np.zeros(bins, dtype=np.int64) for _ in range(3))
        squared_error = 0
        for start in range(0, len(values), _CHUNK):
            value, truth = values[start : start + _CHUNK], truths[start : start + _CHUNK]
            index = np.minimum((value * bins).astype(np.int64), bins - 1)
            counts += np.bincount(index, minlength=bins)
            positives += np.bincount(index[truth], minlength=bins)
            sums += np.bincount(index, weights=np.rint(value * _UNIT), minlength=bins).astype(np.int64)
            squared_error += int(np.rint((value - truth) ** 2 * _UNIT).sum())
        return cls(counts, positives, sums, squared_error)

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets.

        Raises:
            InputError: the numbers of bins differ.
        """
        if self.counts.shape != other.counts.shape:
            raise InputError(
                f"cannot merge reliability counts of {self.counts.shape} and {other.counts.shape} bins"
            )
        return type(self)(
            self.counts + other.counts,
            self.positives + other.positives,
            self.score_sums + other.score_sums,
            self.squared_error + other.squared_error,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "counts": self.counts.tolist(),
            "positives": self.positives.tolist(),
            "score_sums": self.score_sums.tolist(),
            "squared_error": self.squared_error,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        names = ("counts", "positives", "score_sums")
        counts, positives, sums = (np.asarray(state[name], dtype=np.int64) for name in names)
        return cls(counts, positives, sums, int(state["squared_error"]))

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    def ece(self) -> float:
        """Return the expected calibration error Σ n_b/n |true share - mean score|, in [0, 1]; 0 is best."""
        return float(self._gaps().sum()) / self.total if self.total else math.nan

    def mce(self) -> float:
        """Return the largest |true share - mean score| of a bin in use, in [0, 1]; 0 is best."""
        used = self.counts > 0
        return float((self._gaps()[used] / self.counts[used]).max()) if self.total else math.nan

    def brier(self) -> float:
        """Return the mean of (score - outcome)², in [0, 1]; 0 is best."""
        return self.squared_error / _UNIT / self.total if self.total else math.nan

    def bins(self) -> tuple[ReliabilityBin, ...]:
        """Return the rows of the reliability diagram; shares of an empty bin are ``nan``."""
        size = len(self.counts)
        rows = []
        for index in range(size):
            count = int(self.counts[index])
            mean = int(self.score_sums[index]) / _UNIT / count if count else math.nan
            share = int(self.positives[index]) / count if count else math.nan
            rows.append(ReliabilityBin(index / size, (index + 1) / size, count, mean, share))
        return tuple(rows)

    def _gaps(self) -> NDArray[np.float64]:
        gaps: NDArray[np.float64] = np.abs(self.positives - self.score_sums / _UNIT)
        return gaps
