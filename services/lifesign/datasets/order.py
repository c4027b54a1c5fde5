"""The order of samples: by the SHA-256 of their id, so that any prefix is a fair sample."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["doubled_ids", "hash_order"]

# Python's texts of all samples at once would need ten times the memory.
_ROWS_AT_ONCE = 8_192
_KEY_BYTES = 8


def hash_order(ids: pa.ChunkedArray, kept: NDArray[np.int64] | None = None) -> tuple[NDArray[np.int64], bool]:
    """Return the places of ids in the order of their hashes, ``(n,)``, and whether all are distinct.

    With ``kept``, places in ascending order, only these ids count. Of each hash 64 bits are kept, and all of
    it looked at again where two share them.
    """
    keys = np.empty(len(ids) if kept is None else len(kept), np.uint64)
    stop = 0
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        some = ids.slice(start, _ROWS_AT_ONCE)
        if kept is not None:
            first, last = np.searchsorted(kept, (start, start + _ROWS_AT_ONCE))
            some = some.take(pa.array(kept[first:last] - start))
        keys[stop : stop + len(some)] = _keys(some.to_pylist())
        stop += len(some)
    order = np.argsort(keys, kind="stable").astype(np.int64, copy=False)
    keys = keys[order]
    if kept is not None:
        order = kept[order]
    return order, _settle_ties(ids, keys, order)


def doubled_ids(ids: pa.ChunkedArray) -> list[str]:
    """Return the ids that are there more than once, sorted."""
    counts = pc.value_counts(ids)
    doubled = counts.filter(pc.greater(counts.field("counts"), 1))
    return sorted(doubled.field("values").to_pylist())


def _settle_ties(ids: pa.ChunkedArray, keys: NDArray[np.uint64], order: NDArray[np.int64]) -> bool:
    """Put ids that share one of the sorted ``keys`` in the order of their whole hashes.

    Return whether all ids are distinct.
    """
    tied = np.flatnonzero(keys[1:] == keys[:-1])
    is_distinct = True
    # Runs of ties: one begins where the place before is not tied to it.
    for start in tied[np.diff(tied, prepend=-2) > 1].tolist():
        stop = int(np.searchsorted(keys, keys[start], side="right"))
        places = order[start:stop].tolist()
        hashes = {place: hashlib.sha256(ids[place].as_py().encode()).digest() for place in places}
        order[start:stop] = sorted(places, key=hashes.__getitem__)
        is_distinct &= len(set(hashes.values())) == len(hashes)
    return is_distinct


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    joined = b"".join(hashlib.sha256(one.encode()).digest()[:_KEY_BYTES] for one in texts)
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)
