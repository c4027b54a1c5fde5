"""Which rows of two runs are the same sample, without the ids of either in memory."""

import hashlib
from collections.abc import Iterator
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.prediction_source import PredictionSource, tables_of

__all__ = ["matched_rows"]

_ID = "sample_id"
_DIGEST_BYTES = 16  # with 128 bits two ids of one digest are not a matter of this world


def matched_rows(current: PredictionSource, baseline: PredictionSource) -> NDArray[np.int32]:
    """Return for each row of ``current`` the row of the same sample in ``baseline``, int32 ``(n,)``.

    −1 where there is none; of several rows with an id in ``baseline`` the last. Two runs over one data set
    have their samples in one order, which is looked at first; otherwise digests of the ids are sorted.
    """
    same = chain.from_iterable(_ids(current)), chain.from_iterable(_ids(baseline))
    if all(one == other for one, other in zip_longest(*same)):
        return np.arange(sum(map(len, _ids(current))), dtype=np.int32)
    known = _digests(baseline)
    order = np.argsort(known, kind="stable").astype(np.int32)
    known = known[order]
    found = [_last(known, order, _digested(ids)) for ids in _ids(current)]
    return np.concatenate(found)


def _last(
    known: NDArray[np.bytes_], order: NDArray[np.int32], wanted: NDArray[np.bytes_]
) -> NDArray[np.int32]:
    place = np.searchsorted(known, wanted, side="right") - 1
    there = (place >= 0) & (known[place] == wanted)
    return np.where(there, order[place], np.int32(-1))


def _ids(source: PredictionSource) -> Iterator[list[str | None]]:
    for table in tables_of(source, [_ID]):
        yield table[_ID].to_pylist() if _ID in table.column_names else [None] * table.num_rows


def _digests(source: PredictionSource) -> NDArray[np.bytes_]:
    return np.concatenate([_digested(ids) for ids in _ids(source)])


def _digested(ids: list[str | None]) -> NDArray[np.bytes_]:
    digests = [hashlib.blake2b((one or "").encode(), digest_size=_DIGEST_BYTES).digest() for one in ids]
    return np.frombuffer(b"".join(digests), dtype=f"S{_DIGEST_BYTES}")
