"""Rows of a table in another order, without a second table beside it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.memory import release_memory

__all__ = ["in_order", "rows_at", "taken"]

_PARTS = 16


def taken(columns: dict[str, pa.ChunkedArray], order: NDArray[np.int64]) -> pa.Table:
    """Return ``m`` rows in an order ``(m,)`` of places; ``columns`` ``(n,)`` is emptied one by one.

    Long texts are there once and a sixteenth, provided that nobody else holds the columns.
    """
    names, has_own_paths = list(columns), not columns["sample_id"].equals(columns["path"])
    if not has_own_paths:
        # Most sets name samples by their path: those texts, the longest of all, are kept once.
        del columns["path"]
    table: dict[str, pa.ChunkedArray] = {}
    for name in list(columns):
        column = columns.pop(name)
        if pa.types.is_dictionary(column.type):
            table[name] = column.take(pa.array(order))
        else:
            chunks = column.chunks
            del column
            table[name] = pa.chunked_array(list(in_order(chunks, order)), pa.string())
        release_memory()
    if not has_own_paths:
        table["path"] = table["sample_id"]
    return pa.table({name: table[name] for name in names})


def rows_at(table: pa.Table, places: NDArray[np.int64]) -> pa.Table:
    """Return the rows at some places: Arrow's ``take`` joins all chunks of a column for it first."""
    by_place = np.argsort(places, kind="stable")
    back = np.empty_like(by_place)
    back[by_place] = np.arange(len(places))
    sorted_places = places[by_place]
    found = []
    start = 0
    for batch in table.to_batches():
        stop = start + batch.num_rows
        first, last = np.searchsorted(sorted_places, [start, stop])
        if last > first:
            found.append(batch.take(pa.array(sorted_places[first:last] - start)))
        start = stop
    return pa.Table.from_batches(found, table.schema).combine_chunks().take(pa.array(back))


def in_order(chunks: list[pa.Array], order: NDArray[np.int64]) -> Iterator[pa.Array]:
    """Yield the values at places ``(m,)``, in parts; ``chunks`` is emptied, one let go of after the other."""
    count = sum(len(chunk) for chunk in chunks)
    rank: NDArray[np.signedinteger[Any]] = np.full(count, -1, np.int32 if count < 2**31 else np.int64)
    rank[order] = np.arange(len(order), dtype=rank.dtype)
    size = max(-(-len(order) // _PARTS), 1)
    parts: list[list[pa.Array]] = [[] for _ in range(_PARTS)]
    ranks: list[list[NDArray[np.signedinteger[Any]]]] = [[] for _ in range(_PARTS)]
    start = 0
    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        found = rank[start : start + len(chunk)]
        start += len(chunk)
        by_rank = np.argsort(found, kind="stable")
        bounds = np.searchsorted(found[by_rank], size * np.arange(_PARTS + 1))
        for part, (first, last) in enumerate(pairwise(bounds.tolist())):
            places = by_rank[first:last]
            if len(places):
                parts[part].append(chunk.take(pa.array(places)))
                ranks[part].append(found[places])
        del chunk
    del rank
    for part in range(_PARTS):
        pieces, parts[part] = parts[part], []
        if pieces:
            whole = pa.concat_arrays(pieces)
            pieces.clear()
            yield whole.take(pa.array(np.argsort(np.concatenate(ranks[part]))))
