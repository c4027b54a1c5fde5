"""The order of samples: by the SHA-256 of their id, so that any prefix is a fair sample."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["doubled_ids", "hash_order"]

_ROWS_AT_ONCE = 8_192
_KEY_BYTES = 16


def hash_order(ids: pa.ChunkedArray) -> tuple[NDArray[np.int64], bool]:
    """Return the places of ``n`` ids in the order of their hashes, ``(n,)``, and whether all are distinct.

    Of each hash the first 128 bits are kept: 16 bytes a sample, and no two ids of any real set share them.
    """
    keys = np.empty((len(ids), 2), np.uint64)
    start = 0
    for part in _hashes(ids):
        keys[start : start + len(part)] = part
        start += len(part)
    order = np.lexsort((keys[:, 1], keys[:, 0])).astype(np.int64)
    high = keys[order, 0]
    same = np.flatnonzero(high[1:] == high[:-1])
    return order, not bool((keys[order[same], 1] == keys[order[same + 1], 1]).any())


def doubled_ids(ids: pa.ChunkedArray) -> list[str]:
    """Return the ids that are there more than once, sorted."""
    counts = pc.value_counts(ids)
    doubled = counts.filter(pc.greater(counts.field("counts"), 1))
    return sorted(doubled.field("values").to_pylist())


def _hashes(ids: pa.ChunkedArray) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys of some ids at a time: Python's texts of all of them would need ten times the memory."""
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        texts = ids[start : start + _ROWS_AT_ONCE].to_pylist()
        joined = b"".join(hashlib.sha256(one.encode()).digest()[:_KEY_BYTES] for one in texts)
        yield np.frombuffer(joined, dtype=">u8").reshape(-1, 2).astype(np.uint64)
