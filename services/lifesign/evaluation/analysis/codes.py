"""Columns of names as integers, their crosses, and measurements put into named bins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Codes", "binned", "crossed", "recoded"]


@dataclass(frozen=True)
class Codes:
    """A column of names as integers: ``names[index]`` is the name, −1 stands for none; int64 ``(n,)``."""

    names: tuple[str, ...]
    index: NDArray[np.int64]


def crossed(one: Codes, other: Codes) -> Codes:
    """Return the pairs of two columns that occur, such as ``phone_a × dim``; −1 where either has none."""
    both = (one.index >= 0) & (other.index >= 0)
    width = max(1, len(other.names))
    pair = np.where(both, one.index * width + other.index, -1)
    used, dense = np.unique(pair[both], return_inverse=True)
    index = np.full(len(pair), -1, dtype=np.int64)
    index[both] = dense.ravel()
    names = [f"{one.names[code // width]} × {other.names[code % width]}" for code in used.tolist()]
    return Codes(tuple(names), index)


def binned(values: NDArray[np.float64], edges: Sequence[float], names: Sequence[str]) -> Codes:
    """Put values ``(n,)`` into bins [edge, next edge) with one name more than edges; ``nan`` becomes −1.

    Bins keep their order and number, so that a slice is the same one in every run.
    """
    index = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right").astype(np.int64)
    return recoded(names, np.where(np.isfinite(values), index, -1))


def recoded(names: Sequence[str | None], index: NDArray[np.int64]) -> Codes:
    """Return codes of the distinct names in use, sorted; ``None`` and the index −1 become −1."""
    used = {names[code] for code in np.unique(index).tolist() if code >= 0}
    kept = tuple(sorted(name for name in used if name is not None))
    position = {name: code for code, name in enumerate(kept)}
    target = np.array([-1 if name is None else position.get(name, -1) for name in (*names, None)])
    return Codes(kept, target.astype(np.int64)[index])
