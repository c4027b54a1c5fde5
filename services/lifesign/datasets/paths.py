"""Many paths in little memory: sorted, looked up, and gone through, but never all of them Python texts."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Self, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifesign.datasets.taking import in_order
from lifesign.memory import release_memory

__all__ = ["Paths"]

_PATHS_AT_ONCE = 8_192
_BLOCK = 1_024
_BLOCKS_KEPT = 64


class Paths(Sequence[str]):
    """Sorted paths; ``chunks`` are their bytes, for names on a disk need not be UTF-8."""

    def __init__(self, chunks: Sequence[pa.BinaryArray]) -> None:
        self.chunks = tuple(chunks)
        self._column = pa.chunked_array(list(chunks), pa.binary())
        self._firsts = [self._column[place].as_py() for place in range(0, len(self), _BLOCK)]
        # Whoever looks paths up mostly does so in their order. It holds the column and not this object: a
        # cycle would keep all paths in memory until somebody looks for cycles.
        self._block = lru_cache(_BLOCKS_KEPT)(partial(_block, self._column))

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Return paths, each of them once, sorted."""
        left = iter(paths)
        chunks: list[pa.BinaryArray] = []
        while some := [_encoded(path) for path in islice(left, _PATHS_AT_ONCE)]:
            chunks.append(pa.array(some, pa.binary()))
        order = pc.sort_indices(pa.chunked_array(chunks, pa.binary())).to_numpy().view(np.int64)
        found = list(in_order(chunks, order))
        del order
        release_memory()
        return cls(found)

    def matching(self, pattern: str) -> Self:
        """Return the paths that have a regular expression of RE2 in them."""
        chunks = [_matching(chunk, pattern) for chunk in self.chunks]
        return type(self)([chunk for chunk in chunks if len(chunk)])

    def __len__(self) -> int:
        return len(self._column)

    def __iter__(self) -> Iterator[str]:
        for chunk in self.chunks:
            for start in range(0, len(chunk), _PATHS_AT_ONCE):
                for path in chunk.slice(start, _PATHS_AT_ONCE).to_pylist():
                    yield _decoded(path)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return _decoded(self._column[place].as_py())

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str):
            return False
        key = _encoded(path)
        block = bisect_right(self._firsts, key) - 1
        return block >= 0 and key in self._block(block)


def _matching(chunk: pa.BinaryArray, pattern: str) -> pa.BinaryArray:
    matches = pc.match_substring_regex(chunk, pattern)
    return chunk if pc.all(matches).as_py() else chunk.filter(matches)


def _block(column: pa.ChunkedArray, number: int) -> frozenset[bytes]:
    return frozenset(column.slice(number * _BLOCK, _BLOCK).to_pylist())


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _decoded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
