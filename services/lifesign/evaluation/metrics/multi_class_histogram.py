"""One-vs-rest score histograms of a classifier with any number of classes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.auc import Auc, auc_of_counts
from lifesign.evaluation.metrics.precision_recall import AveragePrecision, average_precision
from lifesign.evaluation.metrics.score_bins import BINS, bin_index, ranked_scores
from lifesign.evaluation.metrics.tied_scores import TiedScores

__all__ = ["MultiClassHistogram"]

_TILE = 1 << 12, 16  # rows and columns that stay in the cache of a core


@dataclass(frozen=True, eq=False)
class MultiClassHistogram:
    """Scores of each class for samples of other classes (0) and its own (1), int64 ``(k, 2, BINS)``.

    ``tied``, ``(k, BINS)``, tells the bins whose samples have one and the same score of the class.
    """

    class_names: tuple[str, ...]
    counts: NDArray[np.int64]
    tied: TiedScores

    def __post_init__(self) -> None:
        expected = (len(self.class_names), 2, BINS)
        if self.counts.shape != expected:
            raise InputError(f"expected counts of shape {expected}, got {self.counts.shape}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultiClassHistogram):
            return NotImplemented
        same_counts = self.class_names == other.class_names and np.array_equal(self.counts, other.counts)
        return same_counts and self.tied == other.tied

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, class_names: Sequence[str]) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        size = len(class_names)
        return cls(
            tuple(class_names), np.zeros((size, 2, BINS), dtype=np.int64), TiedScores.empty(size, BINS)
        )

    @classmethod
    def from_batch(
        cls,
        class_names: Sequence[str],
        true: NDArray[np.integer[Any]],
        scores: NDArray[np.floating[Any]],
    ) -> Self:
        """Count scores ``(n, k)`` in [0, 1] of samples with true class index ``true``, ``(n,)``.

        Raises:
            InputError: shapes that do not fit, an index that is no class, scores outside [0, 1].
        """
        size, true = len(class_names), np.asarray(true, dtype=np.intp)
        if scores.ndim != 2 or scores.shape != (len(true), size):
            raise InputError(f"expected scores of shape {(len(true), size)}, got {scores.shape}")
        if true.size and not 0 <= int(true.min()) <= int(true.max()) < size:
            raise InputError(f"expected true classes in 0…{size - 1}, got {true.min()}…{true.max()}")
        result = cls.empty(class_names)
        ends = np.cumsum(np.bincount(true, minlength=size))
        own_rows = np.split(np.argsort(true, kind="stable"), ends[:-1])
        for index, (column, rows) in enumerate(zip(_columns(scores), own_rows, strict=True)):
            # As wide as an address: numpy would convert narrower ones at each use.
            bins = bin_index(column).astype(np.intp)
            own = np.bincount(bins[rows], minlength=BINS)
            result.counts[index] = np.bincount(bins, minlength=BINS) - own, own
            result.tied.scores[index] = TiedScores.from_batch(bins, ranked_scores(column), size=BINS).scores
        return result

    @property
    def is_constant(self) -> bool:
        """Whether every sample got the same scores, to the width of a bin (about 1 % of the score)."""
        return bool((np.count_nonzero(self.counts.sum(axis=1), axis=1) == 1).all())

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets.

        Raises:
            InputError: the class names differ.
        """
        if self.class_names != other.class_names:
            raise InputError(
                f"cannot merge histograms of {len(self.class_names)} classes {self.class_names} "
                f"and {len(other.class_names)} classes {other.class_names}"
            )
        return type(self)(self.class_names, self.counts + other.counts, self.tied.merge(other.tied))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values: the cells in use and their counts, and tied scores."""
        used = np.flatnonzero(self.counts)
        return {
            "bins": BINS,
            "class_names": list(self.class_names),
            "cells": used.tolist(),
            "counts": self.counts.ravel()[used].tolist(),
            "tied": self.tied.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote.

        Raises:
            InputError: the state was written with another number of bins.
        """
        if state["bins"] != BINS:
            raise InputError(f"expected a score histogram of {BINS} bins, got {state['bins']}")
        result = cls.empty(state["class_names"])
        result.counts.reshape(-1)[np.asarray(state["cells"], dtype=np.int64)] = state["counts"]
        # States of earlier releases do not know what was tied.
        tied = TiedScores.from_dict(state.get("tied", {}), used=result.counts.sum(axis=1) > 0)
        return cls(result.class_names, result.counts, tied)

    def auc_per_class(self) -> dict[str, Auc]:
        """Return the one-vs-rest AUC of every class."""
        return {
            name: auc_of_counts(own, other, is_tied=tied)
            for name, (other, own), tied in zip(self.class_names, self.counts, self.tied.is_tied, strict=True)
        }

    def average_precision_per_class(self) -> dict[str, AveragePrecision]:
        """Return the one-vs-rest average precision of every class."""
        return {
            name: average_precision(own, other, is_tied=tied)
            for name, (other, own), tied in zip(self.class_names, self.counts, self.tied.is_tied, strict=True)
        }

    def macro_certificate(self) -> float:
        """Return the largest possible error of ``macro_auc`` from binning: the mean of the certificates."""
        bounds = [one.certificate for one in self.auc_per_class().values() if not math.isnan(one.value)]
        return sum(bounds) / len(bounds) if bounds else math.nan

    def macro_auc(self) -> float:
        """Return the plain mean of the defined AUCs per class; ``nan`` when none is."""
        values = [item.value for item in self.auc_per_class().values() if not math.isnan(item.value)]
        return sum(values) / len(values) if values else math.nan

    def micro_auc(self) -> Auc:
        """Return the AUC of all (sample, class) pairs pooled; its pairs are not independent."""
        other, own = self.counts.sum(axis=0)
        return auc_of_counts(own, other, is_tied=self.tied.pooled().is_tied)


def _columns(scores: NDArray[np.floating[Any]]) -> Iterator[NDArray[np.floating[Any]]]:
    """Yield each column of ``(n, k)`` as one stretch of memory; by tiles that takes a quarter of the time."""
    (count, size), (rows, columns) = scores.shape, _TILE
    for left in range(0, size, columns):
        tile = np.empty((min(columns, size - left), count), scores.dtype)
        for top in range(0, count, rows):
            tile[:, top : top + rows] = scores[top : top + rows, left : left + columns].T
        yield from tile
