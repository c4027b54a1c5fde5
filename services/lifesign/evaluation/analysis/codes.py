"""Columns of names as integers, their crosses, and measurements put into named bins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CodeArray", "Codes", "binned", "cell_numbers", "crossed", "recoded", "smallest_integers"]

CodeArray = NDArray[np.signedinteger[Any]]
"""Codes ``(n,)`` in the smallest integers that hold them: widen them before they are multiplied."""


@dataclass(frozen=True)
class Codes:
    """A column of names as integers ``(n,)``: ``names[index]`` is the name, −1 stands for none."""

    names: tuple[str, ...]
    index: CodeArray


def smallest_integers(count: int) -> type[np.signedinteger[Any]]:
    """Return the smallest signed integers that hold codes below ``count``, and −1."""
    kinds: tuple[type[np.signedinteger[Any]], ...] = (np.int8, np.int16, np.int32)
    return next((kind for kind in kinds if count - 1 <= np.iinfo(kind).max), np.int64)


def cell_numbers(rows: CodeArray, columns: CodeArray, width: int) -> NDArray[np.int64]:
    """Return ``rows`` · ``width`` + ``columns``, int64 ``(n,)``: a number per pair of codes >= 0."""
    cells = rows.astype(np.int64)
    cells *= width
    cells += columns
    return cells


def crossed(one: Codes, other: Codes) -> Codes:
    """Return the pairs of two columns that occur, such as ``phone_a × dim``; −1 where either has none."""
    both = (one.index >= 0) & (other.index >= 0)
    width = max(1, len(other.names))
    used, dense = np.unique(cell_numbers(one.index[both], other.index[both], width), return_inverse=True)
    index = np.full(len(both), -1, dtype=smallest_integers(len(used)))
    index[both] = dense.ravel()
    names = [f"{one.names[code // width]} × {other.names[code % width]}" for code in used.tolist()]
    return Codes(tuple(names), index)


def binned(values: NDArray[np.float64], edges: Sequence[float], names: Sequence[str]) -> Codes:
    """Put values ``(n,)`` into bins [edge, next edge) with one name more than edges; ``nan`` becomes −1.

    Bins keep their order and number, so that a slice is the same one in every run.
    """
    index = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    return recoded(names, np.where(np.isfinite(values), index, -1))


def recoded(names: Sequence[str | None], index: CodeArray) -> Codes:
    """Return codes of the distinct names in use, sorted; ``None`` and the index −1 become −1."""
    used = {names[code] for code in np.unique(index).tolist() if code >= 0}
    kept = tuple(sorted(name for name in used if name is not None))
    position = {name: code for code, name in enumerate(kept)}
    target = np.array([-1 if name is None else position.get(name, -1) for name in (*names, None)])
    return Codes(kept, target.astype(smallest_integers(len(kept)))[index])
