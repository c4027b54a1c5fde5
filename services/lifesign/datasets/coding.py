"""Columns of texts in little memory: what is said again and again is kept once, with a code per row.

A column whose values are mostly distinct, such as the sample ids, stays as it is.
"""

from collections import deque
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifesign.memory import release_memory

__all__ = ["TextTable", "count_values", "decoded", "mapped", "values_of"]

_APPENDS_PER_RELEASE = 16
# To find out that all of these texts are distinct would take more memory than they do.
_LONG = frozenset({"sample_id", "path"})


class TextTable:
    """A table that grows by some rows at a time, each column kept in the smaller of two forms."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._rows = 0
        self._appends = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: Mapping[str, pa.Array]) -> None:
        """Add ``m`` rows, string ``(m,)`` by column; a column that some rows lack is null in them."""
        count = len(next(iter(rows.values())))
        for name in rows:
            if name not in self._columns:
                self._columns[name] = _Column(name, pa.nulls(self._rows, pa.string()))
        for name, column in self._columns.items():
            column.append(rows[name] if name in rows else pa.nulls(count, pa.string()))
        self._rows += count
        self._appends += 1
        if self._appends % _APPENDS_PER_RELEASE == 0:
            release_memory()

    def finish(self) -> pa.Table:
        """Return the rows, and keep none."""
        table: dict[str, pa.ChunkedArray] = {}
        for name in list(self._columns):
            table[name] = self._columns.pop(name).finish()
            release_memory()
        self._rows = 0
        return pa.table(table)


class _Column:
    def __init__(self, name: str, first: pa.Array) -> None:
        self._is_coded, self._is_long = True, name in _LONG
        self._chunks: deque[pa.Array] = deque()
        self.append(first)

    def append(self, chunk: pa.Array) -> None:
        if len(chunk):
            chunk = _coded_if_smaller(chunk) if self._is_coded else chunk
            self._is_coded &= _is_coded(chunk.type) or not self._is_long
            self._chunks.append(chunk)

    def finish(self) -> pa.ChunkedArray:
        values = self._values() if self._is_coded else None
        if values is None:
            plain = [self._chunks.popleft().cast(pa.string()) for _ in range(len(self._chunks))]
            return pa.chunked_array(plain, pa.string())
        return pa.chunked_array([pa.DictionaryArray.from_arrays(self._codes(values), values)])

    def _values(self) -> pa.Array | None:
        """Return the distinct values, ``None`` where they are many.

        They are sorted, so that the order of the rows does not show in them.
        """
        if not self._chunks:
            return None
        values = pc.unique(self._words()).drop_null()
        if 2 * len(values) > sum(len(one) for one in self._chunks):
            return None
        return values.take(pc.sort_indices(values))

    def _codes(self, values: pa.Array) -> pa.Array:
        """Return the place in ``values`` of each row, and keep no rows."""
        # The words of all chunks at once: each search makes a table of all values first, which malloc keeps.
        places = pc.index_in(self._words(), value_set=values).cast(_code_type(len(values)))
        codes, start = [], 0
        for _ in range(len(self._chunks)):
            chunk = self._chunks.popleft()
            found = places.slice(start, len(_words_of(chunk))).combine_chunks()
            start += len(found)
            codes.append(found.take(chunk.indices) if _is_coded(chunk.type) else found)
        return pa.concat_arrays(codes)

    def _words(self) -> pa.ChunkedArray:
        """Return the distinct values of each coded chunk, and all of the others."""
        return pa.chunked_array([_words_of(chunk) for chunk in self._chunks], pa.string())


def decoded(table: pa.Table) -> pa.Table:
    """Return a table, or some rows of one, with plain strings in all columns."""
    columns = zip(table.column_names, table.columns, strict=True)
    return pa.table({name: column.cast(pa.string()) for name, column in columns})


def values_of(column: pa.ChunkedArray) -> list[str]:
    """Return the distinct values of a column in the order in which they come first; null is none."""
    return [str(value) for value in pc.unique(column).drop_null().to_pylist()]


def count_values(column: pa.ChunkedArray) -> int:
    """Return the number of distinct values of a column; null is none."""
    return len(pc.unique(column).drop_null())


def mapped(column: pa.ChunkedArray, words: Mapping[str, str]) -> pa.ChunkedArray:
    """Replace each value by its word; a null, and what has no word, is null."""
    values = sorted(set(words.values()))
    keys = pa.array(list(words), pa.string())
    code_of = pa.array([values.index(word) for word in words.values()], _code_type(len(values)))
    plain = pa.array(values, pa.string())
    chunks = [
        pa.DictionaryArray.from_arrays(code_of.take(_places(chunk, keys)), plain) for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.dictionary(code_of.type, pa.string()))


def _coded_if_smaller(chunk: pa.Array) -> pa.Array:
    coded = chunk.dictionary_encode()
    if 2 * len(coded.dictionary) > len(chunk):
        return chunk
    return pa.DictionaryArray.from_arrays(
        coded.indices.cast(_code_type(len(coded.dictionary))), coded.dictionary
    )


def _words_of(chunk: pa.Array) -> pa.Array:
    return chunk.dictionary if _is_coded(chunk.type) else chunk


def _places(chunk: pa.Array, values: pa.Array) -> pa.Array:
    """Return where in ``values`` each value of a chunk is, int32 ``(n,)``; null where it is not."""
    if not _is_coded(chunk.type):
        return pc.index_in(chunk, value_set=values)
    return pc.index_in(chunk.dictionary, value_set=values).take(chunk.indices)


def _is_coded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind))


def _code_type(values: int) -> pa.DataType:
    bits = np.min_scalar_type(max(values - 1, 0))
    return pa.from_numpy_dtype(bits)
