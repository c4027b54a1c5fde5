"""How many different texts there are among millions, and which come twice, in 8 bytes each."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["DistinctTexts", "HashedTexts", "texts_of_hashes"]

_MERGED_AT = 1 << 18


class DistinctTexts:
    """Counts different texts by 64-bit hashes; two of 10⁷ are taken for one with probability 3e-6."""

    def __init__(self) -> None:
        self._known = np.empty(0, np.int64)
        self._fresh: list[NDArray[np.int64]] = []

    def add(self, texts: pa.ChunkedArray) -> None:
        """Count texts; nulls are none."""
        self._fresh.append(_hashes(pc.unique(texts).drop_null()))
        if sum(map(len, self._fresh)) > max(_MERGED_AT, len(self._known)):
            self._merge()

    def count(self) -> int:
        """Return how many there are."""
        self._merge()
        return len(self._known)

    def _merge(self) -> None:
        self._known = np.unique(np.concatenate([self._known, *self._fresh]))
        self._fresh = []


class HashedTexts:
    """Remembers texts, one per row, by 64-bit hashes, to find those that occur more than once."""

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.int64]] = []
        self.count = 0

    def add(self, texts: pa.ChunkedArray) -> None:
        """Remember texts without nulls."""
        self._hashes.append(_hashes(texts))
        self.count += len(texts)

    def suspects(self) -> NDArray[np.int64]:
        """Return the hashes that came more than once, sorted; forgets all."""
        ordered = np.concatenate([np.empty(0, np.int64), *self._hashes])
        self._hashes = []
        ordered.sort()
        return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def texts_of_hashes(texts: pa.ChunkedArray, hashes: NDArray[np.int64]) -> Iterable[tuple[int, str]]:
    """Return place and text of those whose hash is among sorted ``hashes``."""
    found = np.flatnonzero(np.isin(_hashes(texts), hashes))
    return [(int(place), texts[int(place)].as_py()) for place in found]


def _hashes(texts: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    # Python's hash of text has 64 bits and is the same within a process, which is all that is needed.
    return np.fromiter(map(hash, texts.to_pylist()), np.int64, len(texts))
