"""Confusion matrices as people read them: shares, the most confused pairs, an order that shows clusters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.report.document import CoarseDocument, ConfusionDocument, PadDocument, RateRow

__all__ = [
    "ConfusedPair",
    "Matrix",
    "MatrixCell",
    "MatrixRow",
    "class_matrix",
    "coarse_matrix",
    "confused_block",
    "confused_pairs",
    "confusion_order",
    "favourite_mistakes",
    "recall_rates",
    "species_matrix",
]

_OPTIMAL_UP_TO = 300  # classes; the best order of leaves takes cubic time


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """``share`` is the part of the row that was decided so, ``None`` for an empty row."""

    count: int
    share: float | None
    is_right: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    cells: tuple[MatrixCell, ...]
    no_response: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows are what samples are, ``columns`` what was decided."""

    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Samples of one class that were taken for another; ``share`` is of the true class."""

    true: str
    predicted: str
    count: int
    share: float


def class_matrix(confusion: ConfusionDocument) -> Matrix:
    """Return the whole matrix in the order of the model's classes."""
    return _whole(confusion.class_names, confusion.counts, confusion.no_response)


def coarse_matrix(coarse: CoarseDocument) -> Matrix:
    """Return the matrix of superclasses."""
    return _whole(coarse.class_names, coarse.counts, coarse.no_response)


def species_matrix(pad: PadDocument) -> Matrix:
    """Return presentations by species (and bona fide ones) against the decision."""
    wrong = pad.bpcer.errors
    rows = [_row("bona fide", [wrong, pad.bpcer.total - wrong], 1, pad.bpnrr.errors)]
    rows += [
        _row(one.species, [one.apcer.total - one.apcer.errors, one.apcer.errors], 0, one.no_response)
        for one in pad.species
    ]
    return Matrix(("rejected as attack", "accepted as bona fide"), tuple(rows))


def confused_block(confusion: ConfusionDocument, order: Sequence[int], *, size: int = 8) -> Matrix | None:
    """Return the ``size`` classes that are confused most among each other, the rest in a last column.

    Grown from the most confused pair by the class with the most confusions with those already in;
    ``None`` without any confusion. Rows and columns come in ``order``.
    """
    counts = np.asarray(confusion.counts, dtype=np.int64)
    mutual = counts + counts.T
    np.fill_diagonal(mutual, 0)
    if not mutual.any():
        return None
    inside = sorted(int(place) for place in np.unravel_index(int(mutual.argmax()), mutual.shape))
    while len(inside) < min(size, len(counts)):
        pull = mutual[inside].sum(axis=0)
        pull[inside] = -1
        if pull.max() <= 0:
            break
        inside.append(int(pull.argmax()))
    inside = [index for index in order if index in inside]
    rows = []
    for place, index in enumerate(inside):
        cells = counts[index, inside].tolist()
        rest = int(counts[index].sum()) - sum(cells)
        rows.append(_row(confusion.class_names[index], [*cells, rest], place, confusion.no_response[index]))
    return Matrix((*(confusion.class_names[index] for index in inside), "any other"), tuple(rows))


def confused_pairs(confusion: ConfusionDocument, limit: int) -> tuple[ConfusedPair, ...]:
    """Return the most frequent confusions, the largest first."""
    names, counts = confusion.class_names, np.asarray(confusion.counts, dtype=np.int64)
    support = counts.sum(axis=1)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = ((int(place) // len(names), int(place) % len(names)) for place in order)
    return tuple(
        ConfusedPair(names[i], names[j], int(wrong[i, j]), float(wrong[i, j] / support[i]))
        for i, j in pairs
        if wrong[i, j]
    )


def favourite_mistakes(confusion: ConfusionDocument) -> dict[str, str]:
    """Return for every class what it was most often taken for, with the count; empty where never."""
    result = {}
    for index, row in enumerate(confusion.counts):
        others = [(count, -place) for place, count in enumerate(row) if place != index]
        count, place = max(others, default=(0, 0))
        result[confusion.class_names[index]] = f"{confusion.class_names[-place]} ({count:,})" if count else ""
    return result


def recall_rates(confusion: ConfusionDocument | CoarseDocument) -> dict[str, RateRow]:
    """Return for every class how many of its answered samples were right, with the exact interval."""
    rates = {}
    for index, name in enumerate(confusion.class_names):
        right, support = confusion.counts[index][index], sum(confusion.counts[index])
        rate = Rate(right, support)
        limits = rate.interval()
        rates[name] = RateRow(
            errors=right,
            total=support,
            value=rate.value if support else None,
            lower=limits.lower if support else 0.0,
            upper=limits.upper if support else 1.0,
            text=f"recall {rate.text()}",
        )
    return rates


def confusion_order(confusion: ConfusionDocument) -> list[int]:
    """Return the class indices such that classes that are confused lie side by side.

    Average-linkage clustering of 1 − the mean of both row shares, leaves in the order with the smallest sum
    of distances between neighbours (Bar-Joseph et al., 2001); the confused pair with the most samples wins
    nothing by being first in the model.
    """
    shares = _shares(confusion)
    size = len(shares)
    if size < 3:
        return list(range(size))
    # Not for two classes, which are the most usual: these take 13 MB to load.
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    mutual = (shares + shares.T) / 2
    distance = 1 - mutual
    np.fill_diagonal(distance, 0)
    tree = hierarchy.linkage(
        squareform(distance, checks=False), "average", optimal_ordering=size <= _OPTIMAL_UP_TO
    )
    return [int(leaf) for leaf in hierarchy.leaves_list(tree)]


def _shares(confusion: ConfusionDocument) -> NDArray[np.float64]:
    counts = np.asarray(confusion.counts, dtype=np.float64)
    support = counts.sum(axis=1, keepdims=True)
    return counts / np.where(support > 0, support, 1)


def _whole(
    names: tuple[str, ...], counts: tuple[tuple[int, ...], ...], no_response: tuple[int, ...]
) -> Matrix:
    rows = (_row(names[index], list(row), index, no_response[index]) for index, row in enumerate(counts))
    return Matrix(names, tuple(rows))


def _row(name: str, counts: list[int], right: int, no_response: int) -> MatrixRow:
    support = sum(counts)
    cells = (
        MatrixCell(count, count / support if support else None, place == right)
        for place, count in enumerate(counts)
    )
    return MatrixRow(name, tuple(cells), no_response)
