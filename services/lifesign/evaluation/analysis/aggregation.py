"""Presentations in place of frames: the scores of one video become one score before anything is counted.

The unit of ISO/IEC 30107-3 is the presentation. A hundred frames of one video are not a hundred
independent attacks, and field practice averages their scores before any threshold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.evaluation.replay.predictions import Outcome
from lifesign.labels import BONA_FIDE

__all__ = ["Aggregation", "aggregate_presentations"]

_PRESENTATION = "presentation_id"
_SAME_IN_A_PRESENTATION = ("label", "pai_species", "subject_id")
_SEVERAL = "several_reasons"
_MEASURED = ("stat_", "width", "height", "latency_seconds")


class Aggregation(StrEnum):
    """How the scores of a presentation's frames become one."""

    NONE = "none"
    MEAN = "mean"
    MEDIAN = "median"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True)
class _Grouping:
    """Rows sorted by presentation: ``order`` int64 ``(n,)``, ``starts`` int64 ``(presentations,)``."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    group: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.starts)


def aggregate_presentations(
    tables: Iterable[pa.Table], method: Aggregation, *, class_names: tuple[str, ...]
) -> pa.Table:
    """Return one row per presentation, in the order of first frames, with the columns of a prediction part.

    Frames without a response are left out of the score; a presentation with none that responded has no
    response. For liveness P(bona fide) is aggregated, for classifiers every class, rescaled to add up
    to 1. A frame without ``presentation_id`` is a presentation of its own. Logits are dropped; a slice
    value on which the frames differ is null.

    Raises:
        DatasetError: no frame has a presentation id, or the frames of one presentation name different
            labels, species or subjects.
    """
    table = pa.concat_tables(tables).combine_chunks()
    groups = _grouping(table)
    for column in _SAME_IN_A_PRESENTATION:
        _require_same(table, column, groups)
    responded = np.asarray(pc.equal(table["outcome"], str(Outcome.SCORED)).to_numpy(), dtype=np.bool_)
    scores, answered = _scores(table, responded, groups, method, class_names)
    first = groups.order[groups.starts]
    columns: dict[str, Any] = {}
    for name in table.column_names:
        if name.startswith(_MEASURED):
            columns[name] = _means(table[name], groups)
        elif name.startswith("slice_"):
            columns[name] = _agreed(table[name], groups)
        else:
            columns[name] = table[name].take(pa.array(_known_first(table[name], groups)))
    columns["sample_id"] = pc.coalesce(table[_PRESENTATION], table["sample_id"]).take(pa.array(first))
    columns["scores"] = _vectors(scores, answered)
    columns["outcome"] = pa.array(
        np.where(answered, str(Outcome.SCORED), str(Outcome.NO_RESPONSE)).tolist(), pa.string()
    )
    columns["reason"] = pc.if_else(pa.array(answered), None, _reasons(table, responded, groups))
    return pa.table({name: value for name, value in columns.items() if name != "logits"})


def _grouping(table: pa.Table) -> _Grouping:
    if _PRESENTATION not in table.column_names or table[_PRESENTATION].null_count == table.num_rows:
        raise DatasetError("expected a column presentation_id to aggregate by, got none with a value in it")
    # A frame's own id cannot be that of a presentation: the two are told apart by a prefix.
    keys = pc.coalesce(
        pc.binary_join_element_wise("p", table[_PRESENTATION], ""),
        pc.binary_join_element_wise("s", table["sample_id"], ""),
    )
    encoded = keys.combine_chunks().dictionary_encode()
    group = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return _Grouping(order.astype(np.int64), starts.astype(np.int64), group)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a number per distinct value, −1 for none; int64 ``(n,)``."""
    encoded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _extremes(codes: NDArray[np.int64], groups: _Grouping) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest and the largest code per presentation, values missing (−1) passed over."""
    ordered = codes[groups.order]
    missing = ordered < 0
    low = np.minimum.reduceat(np.where(missing, np.iinfo(np.int64).max, ordered), groups.starts)
    return low, np.maximum.reduceat(ordered, groups.starts)


def _require_same(table: pa.Table, column: str, groups: _Grouping) -> None:
    if column not in table.column_names or table[column].null_count == table.num_rows:
        return
    low, high = _extremes(_codes(table[column]), groups)
    mixed = np.flatnonzero((high >= 0) & (low != high))
    if mixed.size:
        rows = groups.order[groups.starts[mixed[0]] :][: int((groups.group == mixed[0]).sum())]
        found = sorted({str(table[column][int(row)].as_py()) for row in rows} - {"None"})
        name = table[_PRESENTATION][int(rows[0])].as_py()
        raise DatasetError(
            f"expected one {column} for all frames of a presentation, got {', '.join(map(repr, found[:5]))} "
            f"for presentation {name!r} ({mixed.size:,} presentations are mixed)"
        )


def _scores(
    table: pa.Table,
    responded: NDArray[np.bool_],
    groups: _Grouping,
    method: Aggregation,
    class_names: tuple[str, ...],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores, float64 ``(presentations, k)``, and which presentations have any, bool."""
    size = len(class_names)
    vectors = np.full((table.num_rows, size), np.nan)
    flat = pc.list_flatten(table["scores"].filter(pa.array(responded))).to_numpy()
    vectors[responded] = np.asarray(flat, dtype=np.float64).reshape(-1, size)
    answered = np.add.reduceat(responded[groups.order].astype(np.int64), groups.starts) > 0
    if BONA_FIDE in class_names and size == 2:
        place = class_names.index(BONA_FIDE)
        score = _reduced(vectors[:, place], groups, method)
        result = np.empty((groups.count, 2))
        result[:, place], result[:, 1 - place] = score, 1 - score
        return result, answered
    result = np.stack([_reduced(vectors[:, index], groups, method) for index in range(size)], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = result / result.sum(axis=1, keepdims=True)
    # All zero (a minimum over frames that disagree entirely) tells nothing: equal shares.
    shares[answered & ~np.isfinite(shares).all(axis=1)] = 1 / size
    return shares, answered


def _reduced(values: NDArray[np.float64], groups: _Grouping, method: Aggregation) -> NDArray[np.float64]:
    """Return one value per presentation of those that are numbers, ``nan`` without any."""
    ordered = values[groups.order]
    known = ~np.isnan(ordered)
    counts = np.add.reduceat(known.astype(np.int64), groups.starts)
    if method is Aggregation.MEDIAN:
        return _medians(ordered, counts, groups)
    if method is Aggregation.MEAN:
        sums = np.add.reduceat(np.where(known, ordered, 0.0), groups.starts)
        with np.errstate(invalid="ignore"):
            return np.asarray(sums / counts, dtype=np.float64)
    reduce, neutral = (np.maximum, -np.inf) if method is Aggregation.MAX else (np.minimum, np.inf)
    found = reduce.reduceat(np.where(known, ordered, neutral), groups.starts)
    return np.where(counts > 0, found, np.nan)


def _medians(
    ordered: NDArray[np.float64], counts: NDArray[np.int64], groups: _Grouping
) -> NDArray[np.float64]:
    # Within a presentation the scores ascend and those that are missing come last.
    ascending = ordered[np.lexsort((ordered, groups.group[groups.order]))]
    low = groups.starts + np.maximum(counts - 1, 0) // 2
    high = groups.starts + np.maximum(counts // 2, 0)
    middle = (ascending[low] + ascending[np.where(counts > 0, high, low)]) / 2
    return np.where(counts > 0, middle, np.nan)


def _means(column: pa.ChunkedArray, groups: _Grouping) -> pa.Array:
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    means = _reduced(values, groups, Aggregation.MEAN)
    return pa.array(means, pa.float64(), mask=np.isnan(means)).cast(column.type, safe=False)


def _agreed(column: pa.ChunkedArray, groups: _Grouping) -> pa.ChunkedArray:
    """Return the value on which all frames that have one agree, else null."""
    low, high = _extremes(_codes(column), groups)
    agreed = pa.array((high >= 0) & (low == high))
    return pc.if_else(agreed, column.take(pa.array(_known_first(column, groups))), None)


def _known_first(column: pa.ChunkedArray, groups: _Grouping) -> NDArray[np.int64]:
    """Return the row of the first frame with a value, of the first frame where none has one."""
    known = np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)[groups.order]
    position = np.where(known, np.arange(len(known)), len(known))
    first = np.minimum.reduceat(position, groups.starts)
    return groups.order[np.where(first < len(known), first, groups.starts)]


def _reasons(table: pa.Table, responded: NDArray[np.bool_], groups: _Grouping) -> pa.Array:
    """Return the reason all silent frames share, or that they have several."""
    low, high = _extremes(np.where(responded, -1, _codes(table["reason"])), groups)
    one = pc.if_else(pa.array(high >= 0), table["reason"].take(pa.array(groups.order[groups.starts])), None)
    return pc.if_else(pa.array((high >= 0) & (low != high)), _SEVERAL, one)


def _vectors(scores: NDArray[np.float64], answered: NDArray[np.bool_]) -> pa.Array:
    sizes = np.where(answered, scores.shape[1], 0)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    flat = pa.array(scores[answered].ravel(), pa.float64())
    lists = pa.ListArray.from_arrays(pa.array(offsets), flat)
    return pc.if_else(pa.array(answered), lists, None)
