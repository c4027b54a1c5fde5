"""Scores of whole probability vectors, a mergeable state: top-k hits, log loss, squared error."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate

__all__ = ["LARGEST_CLIPPED_LOSS", "ProbabilityScores"]

_UNIT = 2**32  # sums are whole numbers of 2^-32, so that they merge exactly
_CHUNK = 1 << 14
_LARGEST_LOSS = 2.0**16  # 2^14 losses of at most 2^48 units fit into int64
_LOWEST = float(np.finfo(np.float32).tiny)  # float32 zeros are not infinite proof

LARGEST_CLIPPED_LOSS = -math.log(_LOWEST)
"""The log loss of a true class with score 0, 87.3 nats: what a score below 1.2e-38 counts."""


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityScores:
    """Sums over samples with scores of k classes: int64 ``ranks``, ``(k,)``, and losses in 2^-32.

    ``ranks[r]`` counts the samples with r classes scored above the true one. Of equal scores the class that
    comes first is the better one, as in the decision by the largest score. ``clipped`` counts the samples
    whose log loss would be larger than ``LARGEST_CLIPPED_LOSS``, which is what they count.
    """

    ranks: NDArray[np.int64]
    log_losses: int
    squared_errors: int
    clipped: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProbabilityScores) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, classes: int) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        return cls(np.zeros(classes, dtype=np.int64), 0, 0)

    @classmethod
    def from_batch(
        cls,
        true: NDArray[np.integer[Any]],
        scores: NDArray[np.floating[Any]],
        *,
        logits: NDArray[np.floating[Any]] | None = None,
    ) -> Self:
        """Count scores ``(n, k)`` in [0, 1] of samples with true class index ``true``, ``(n,)``.

        With ``logits``, ``(n, k)``, the log loss is that of the logits, which do not saturate; without, a
        score below 1.2e-38 counts as that.

        Raises:
            InputError: shapes that do not fit, an index that is no class, scores outside [0, 1].
        """
        true, scores = np.asarray(true), np.asarray(scores)
        if scores.ndim != 2 or true.shape != scores.shape[:1]:
            raise InputError(
                f"expected scores (n, k) and n true classes, got {scores.shape} and {true.shape}"
            )
        if logits is not None and logits.shape != scores.shape:
            raise InputError(f"expected logits of shape {scores.shape}, got {logits.shape}")
        size = scores.shape[1]
        if true.size and not 0 <= int(true.min()) <= int(true.max()) < size:
            raise InputError(f"expected true classes in 0…{size - 1}, got {true.min()}…{true.max()}")
        if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
            raise InputError(f"expected scores in [0, 1], got {scores.min():g} to {scores.max():g}")
        ranks, log_losses, squared_errors, clipped = np.zeros(size, dtype=np.int64), 0, 0, 0
        for start in range(0, len(true), _CHUNK):
            part, labels = scores[start : start + _CHUNK], true[start : start + _CHUNK]
            own = np.take_along_axis(part, labels[:, np.newaxis], axis=1)
            ranks += np.bincount(_ranks(part, own, labels), minlength=size)
            if logits is None:
                log_losses += _whole(-np.log(np.maximum(own[:, 0].astype(np.float64), _LOWEST)))
                clipped += int(np.count_nonzero(own < _LOWEST))
            else:
                log_losses += _whole(_log_losses(logits[start : start + _CHUNK], labels))
            # Row by row along memory, so that a sample's sum does not depend on its neighbours.
            squares = np.square(part, dtype=np.float64).sum(axis=1)
            squared_errors += _whole(squares + 1 - 2 * own[:, 0].astype(np.float64))
        return cls(ranks, log_losses, squared_errors, clipped)

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets.

        Raises:
            InputError: the numbers of classes differ.
        """
        if self.ranks.shape != other.ranks.shape:
            raise InputError(f"cannot merge scores of {len(self.ranks)} and {len(other.ranks)} classes")
        return type(self)(
            self.ranks + other.ranks,
            self.log_losses + other.log_losses,
            self.squared_errors + other.squared_errors,
            self.clipped + other.clipped,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "ranks": self.ranks.tolist(),
            "log_losses": self.log_losses,
            "squared_errors": self.squared_errors,
            "clipped": self.clipped,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        ranks = np.asarray(state["ranks"], dtype=np.int64)
        # States of earlier releases did not count the clipped ones.
        clipped = int(state.get("clipped", 0))
        return cls(ranks, int(state["log_losses"]), int(state["squared_errors"]), clipped)

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.ranks.sum())

    def top(self, k: int) -> Rate:
        """Return the samples whose true class is *not* among the ``k`` best scored: 1 - top-k accuracy.

        Raises:
            InputError: ``k`` is below 1 or above the number of classes.
        """
        if not 1 <= k <= len(self.ranks):
            raise InputError(f"expected k in 1…{len(self.ranks)}, got {k}")
        return Rate(int(self.ranks[k:].sum()), self.total)

    def log_loss(self) -> float:
        """Return the mean of -log(score of the true class), in nats, at least 0; 0 is best."""
        return self.log_losses / _UNIT / self.total if self.total else math.nan

    def brier(self) -> float:
        """Return Brier's mean of Σ_k (score_k - [k is true])², in [0, 2]; 0 is best.

        The mean squared error over samples *and* classes is this over k.
        """
        return self.squared_errors / _UNIT / self.total if self.total else math.nan


def _ranks(
    part: NDArray[np.floating[Any]], own: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    above = np.count_nonzero(part > own, axis=1)
    tied = np.flatnonzero(np.count_nonzero(part == own, axis=1) > 1)
    if tied.size:
        first = np.arange(part.shape[1]) < labels[tied, np.newaxis]
        above[tied] += np.count_nonzero((part[tied] == own[tied]) & first, axis=1)
    return np.asarray(above, dtype=np.int64)


def _log_losses(logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    values = np.asarray(logits, dtype=np.float64)
    largest = values.max(axis=1)
    own = np.take_along_axis(values, labels[:, np.newaxis], axis=1)[:, 0]
    losses: NDArray[np.float64] = np.log(np.exp(values - largest[:, np.newaxis]).sum(axis=1)) + largest - own
    return losses


def _whole(losses: NDArray[np.float64]) -> int:
    return int(np.rint(np.clip(losses, 0.0, _LARGEST_LOSS) * _UNIT).astype(np.int64).sum())
