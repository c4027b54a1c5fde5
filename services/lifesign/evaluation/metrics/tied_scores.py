"""Bins all of whose samples have one and the same score: there ties are exact, and binning loses nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["TiedScores"]

_UNUSED, _MIXED = np.nan, np.inf


@dataclass(frozen=True, eq=False)
class TiedScores:
    """The one score of every bin, float64 of any shape: ``nan`` without samples, ``inf`` with several scores.

    Hard labels, a few levels and scores of two to four digits make such bins; a bin of other scores may hide
    an order.
    """

    scores: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TiedScores):
            return NotImplemented
        return np.array_equal(self.scores, other.scores, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, *shape: int) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        return cls(np.full(shape, _UNUSED))

    @classmethod
    def unknown(cls, *shape: int) -> Self:
        """Return the state that knows of no bin whether its scores are one."""
        return cls(np.full(shape, _MIXED))

    @classmethod
    def from_batch(
        cls, bins: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]], *, size: int
    ) -> Self:
        """Take samples ``(n,)`` by bin and finite score; a score of ``nan`` is equal to none."""
        found = np.full(size, _UNUSED)
        places = bins.astype(np.intp, copy=False)
        found[places] = scores
        # Of a bin's samples one was kept: those that differ from it tell that it is not the only score.
        found[places[found.take(places) != scores]] = _MIXED
        return cls(found)

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets."""
        return type(self)(_joined(self.scores, other.scores))

    def pooled(self) -> Self:
        """Return the state of all rows of bins together, ``(rows, bins)`` to ``(bins,)``."""
        result = np.full(self.scores.shape[1], _UNUSED)
        for row in self.scores:
            result = _joined(result, row)
        return type(self)(result)

    @property
    def is_tied(self) -> NDArray[np.bool_]:
        """Whether all samples of a bin have one score; false without samples."""
        return np.isfinite(self.scores)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values: the bins of one score, numbered row by row, and those scores."""
        places = np.flatnonzero(self.is_tied)
        return {"bins": places.tolist(), "scores": self.scores.ravel()[places].tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], *, used: NDArray[np.bool_]) -> Self:
        """Return the state that ``to_dict`` wrote, given which bins have samples; ``{}`` knows of none."""
        scores = np.where(used, _MIXED, _UNUSED)
        scores.reshape(-1)[np.asarray(state.get("bins", ()), dtype=np.intp)] = state.get("scores", ())
        return cls(scores)


def _joined(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    same = np.isnan(other) | (one == other)
    return np.where(np.isnan(one), other, np.where(same, one, _MIXED))
