"""Limits of an area under the ROC curve when subjects give several samples: the jackknife over subjects."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import LEVEL, Interval
from lifesign.evaluation.metrics.subject_jackknife import jackknife_interval

__all__ = ["SubjectWins", "area_by_subject"]

_BLOCK = 65_536
_Floats = NDArray[np.float64]


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
        subject: NDArray[np.signedinteger[Any]],
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
        people = int(subject.max(initial=-1)) + 1
        values = np.unique(scores)
        place = np.searchsorted(values, scores).astype(np.int32)
        pos, neg = (np.bincount(place[side], minlength=len(values)) for side in (positive, ~positive))
        beaten = np.cumsum(neg) - neg / 2
        missed = pos.sum() - np.cumsum(pos) + pos / 2
        return cls(
            np.bincount(subject[positive], minlength=people),
            np.bincount(subject[~positive], minlength=people),
            _sums(beaten[place[positive]], subject[positive], people),
            _sums(missed[place[~positive]], subject[~positive], people),
            _own_wins(place, positive, subject, people, width=len(values)),
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
    place: NDArray[np.int32],
    positive: NDArray[np.bool_],
    subject: NDArray[np.signedinteger[Any]],
    people: int,
    *,
    width: int,
) -> _Floats:
    # Sorted by subject, score and truth in one number, then a few subjects at a time.
    key = subject.astype(np.int64)
    key *= width
    key += place
    key *= 2
    key += positive
    key.sort()
    ends = np.cumsum(np.bincount(subject, minlength=people))
    own, low, start = np.zeros(people), 0, 0
    while low < people:
        high = max(low + 1, int(np.searchsorted(ends, start + _BLOCK, side="right")))
        stop = int(ends[high - 1])
        own[low:high] = _wins_within(key[start:stop], low, high, width=width)
        low, start = high, stop
    return own


def _wins_within(key: NDArray[np.int64], low: int, high: int, *, width: int) -> _Floats:
    """Return the pairs that subjects ``low`` to ``high`` win against themselves, of their sorted samples."""
    is_positive, cell = (key & 1).astype(np.bool_), key >> 1
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    pos, neg = (np.add.reduceat(side, starts, dtype=np.int64) for side in (is_positive, ~is_positive))
    owner = cell[starts] // max(1, width) - low
    before = np.cumsum(neg) - neg
    # Cells are sorted by subject: what came before the subject's first cell is others'.
    first = np.searchsorted(owner, owner)
    beaten = before - before[first] + neg / 2
    return _sums(pos * beaten, owner, high - low)


def _sums(values: _Floats, subject: NDArray[np.signedinteger[Any]], people: int) -> _Floats:
    return np.bincount(subject, weights=values, minlength=people).astype(np.float64)
