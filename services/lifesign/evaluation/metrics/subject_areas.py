"""Limits of an area under the ROC curve when subjects give several samples: the jackknife over subjects."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.block_counts import blocks, counts_by_code
from lifesign.evaluation.metrics.intervals import LEVEL, Interval
from lifesign.evaluation.metrics.subject_jackknife import jackknife_interval

__all__ = ["SubjectWins", "area_by_subject"]

_BLOCK = 65_536
_Floats = NDArray[np.float64]
_Codes = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, eq=False)
class SubjectWins:
    """Pairs of a positive and a negative that are ordered rightly, ties halved, by whose samples they are.

    ``positives`` and ``negatives`` count each subject's samples, ``(subjects,)``. ``first`` are the wins of a
    subject's positives against all negatives, ``second`` of all positives against its negatives, ``own`` of
    its positives against its negatives.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    first: _Floats
    second: _Floats
    own: _Floats

    @classmethod
    def from_samples(
        cls,
        scores: NDArray[np.floating[Any]],
        positive: NDArray[np.bool_],
        subject: _Codes,
    ) -> Self:
        """Count samples ``(n,)`` by codes of subjects 0, 1, …, in O(n log n).

        Raises:
            InputError: different lengths, or a score that is not a number.
        """
        if not scores.shape == positive.shape == subject.shape or scores.ndim != 1:
            raise InputError(
                f"expected scores, labels and subjects of one shape (n,), got {scores.shape}, "
                f"{positive.shape} and {subject.shape}"
            )
        if np.isnan(scores).any():
            raise InputError("expected a score for every sample, got values that are not a number")
        values = np.unique(scores)
        place = np.empty(len(scores), dtype=np.int32)
        for part in blocks(len(scores), 0):
            place[part] = np.searchsorted(values, scores[part])
        return cls.from_places(place, positive, subject, width=len(values))

    @classmethod
    def from_places(cls, place: _Codes, positive: NDArray[np.bool_], subject: _Codes, *, width: int) -> Self:
        """Count samples ``(n,)`` by the places of their scores in ascending order, in [0, ``width``)."""
        people, negative = int(subject.max(initial=-1)) + 1, ~positive
        pos, neg = (counts_by_code(place, side, width=width) for side in (positive, negative))
        return cls(
            counts_by_code(subject, positive, width=people),
            counts_by_code(subject, negative, width=people),
            _sums(np.cumsum(neg) - neg / 2, place, positive, subject, people),
            _sums(pos.sum() - np.cumsum(pos) + pos / 2, place, negative, subject, people),
            _own_wins(place, positive, subject, people, width=width),
        )

    @property
    def area(self) -> float:
        """The area under the ROC curve, in [0, 1]; ``nan`` without positives or negatives."""
        pairs = int(self.positives.sum()) * int(self.negatives.sum())
        return float(self.first.sum()) / pairs if pairs else math.nan

    def without_each(self) -> _Floats:
        """Return the area without each subject in turn, ``(subjects,)``; ``nan`` where no pair is left."""
        positives = self.positives.sum() - self.positives
        negatives = self.negatives.sum() - self.negatives
        wins = self.first.sum() - self.first - self.second + self.own
        pairs = (positives * negatives).astype(np.float64)
        areas = np.full(len(wins), math.nan)
        np.divide(wins, pairs, out=areas, where=pairs > 0)
        return areas


def area_by_subject(wins: SubjectWins, *, level: float = LEVEL) -> Interval:
    """Return limits of the area that treat subjects, not samples, as independent: their jackknife."""
    return jackknife_interval(wins.area, wins.without_each(), level=level)


def _own_wins(
    place: _Codes, positive: NDArray[np.bool_], subject: _Codes, people: int, *, width: int
) -> _Floats:
    # Sorted by subject, score and truth in one number, then a few subjects at a time.
    is_small = 2 * people * width <= np.iinfo(np.int32).max
    key: _Codes = subject.astype(np.int32 if is_small else np.int64)
    key *= width
    key += place
    key *= 2
    key += positive
    key.sort()
    ends = np.cumsum(counts_by_code(subject, np.ones(len(subject), dtype=np.bool_), width=people))
    own, low, start = np.zeros(people), 0, 0
    while low < people:
        high = max(low + 1, int(np.searchsorted(ends, start + _BLOCK, side="right")))
        stop = int(ends[high - 1])
        own[low:high] = _wins_within(key[start:stop], low, high, width=width)
        low, start = high, stop
    return own


def _wins_within(key: _Codes, low: int, high: int, *, width: int) -> _Floats:
    """Return the pairs that subjects ``low`` to ``high`` win against themselves, of their sorted samples."""
    is_positive, cell = (key & 1).astype(np.bool_), key >> 1
    is_start = np.ones(len(cell), dtype=np.bool_)
    np.not_equal(cell[1:], cell[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start)
    pos, neg = (np.add.reduceat(side, starts, dtype=np.int64) for side in (is_positive, ~is_positive))
    owner = cell[starts] // max(1, width) - low
    before = np.cumsum(neg) - neg
    # Cells are sorted by subject: what came before the subject's first cell is others'.
    first = np.searchsorted(owner, owner)
    beaten = before - before[first] + neg / 2
    return np.bincount(owner, weights=pos * beaten, minlength=high - low).astype(np.float64)


def _sums(values: _Floats, place: _Codes, inside: NDArray[np.bool_], subject: _Codes, people: int) -> _Floats:
    """Sum each subject's values, told by their places, over the samples where ``inside`` holds."""
    sums = np.zeros(people)
    # Halves of whole numbers: the order of the sums does not matter.
    for part in blocks(len(place), people):
        rows = inside[part]
        sums += np.bincount(subject[part][rows], weights=values[place[part][rows]], minlength=people)
    return sums
