"""Presentations in place of frames: the scores of one video become one score before anything is counted.

The unit of ISO/IEC 30107-3 is the presentation. A hundred frames of one video are not a hundred
independent attacks, and field practice averages their scores before any threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.evaluation.analysis.code_columns import CodeBuilder
from lifesign.evaluation.analysis.codes import CodeArray
from lifesign.evaluation.analysis.prediction_source import PredictionSource, rows_of, tables_of
from lifesign.evaluation.replay.predictions import Outcome
from lifesign.labels import BONA_FIDE

__all__ = ["Aggregation", "aggregate_presentations"]

_PRESENTATION = "presentation_id"
_SAME_IN_A_PRESENTATION = ("label", "pai_species", "subject_id")
_SEVERAL = "several_reasons"
_MADE = ("sample_id", "scores", "outcome", "reason")
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
    """Rows sorted by presentation: ``order`` int32 ``(n,)``, ``starts`` int64 ``(presentations,)``.

    ``group`` int32 ``(n,)`` numbers the presentation of each row.
    """

    order: NDArray[np.int32]
    starts: NDArray[np.int64]
    group: NDArray[np.int32]

    @property
    def count(self) -> int:
        return len(self.starts)


def aggregate_presentations(
    frames: PredictionSource, method: Aggregation, *, class_names: tuple[str, ...]
) -> pa.Table:
    """Return one row per presentation, in the order of first frames, with the columns of a prediction part.

    Frames without a response are left out of the score; a presentation with none that responded has no
    response. For liveness P(bona fide) is aggregated, for classifiers every class, rescaled to add up
    to 1. A frame without ``presentation_id`` is a presentation of its own. Logits are dropped; a slice
    value on which the frames differ is null. Frames are read a column at a time.

    Raises:
        DatasetError: no frame has a presentation id, or the frames of one presentation name different
            labels, species or subjects.
    """
    names = [name for name in frames.part(0).column_names if name != "logits"]
    groups = _grouping(frames)
    for column in _SAME_IN_A_PRESENTATION:
        if column in names:
            _require_same(frames, column, groups)
    responded = _gathered(frames, "outcome", lambda column: pc.equal(column, str(Outcome.SCORED)))
    scores, answered = _scores(frames, responded.astype(np.bool_), groups, method, class_names)
    columns: dict[str, Any] = dict.fromkeys(names)
    for name in names:
        if name.startswith(_MEASURED):
            columns[name] = _means(frames, name, groups)
        elif name.startswith("slice_"):
            columns[name] = _agreed(frames, name, groups)
        elif name not in _MADE:
            columns[name] = _taken(frames, name, _known_first(frames, name, groups))
    columns["sample_id"] = _ids(frames, groups)
    columns["scores"] = _vectors(scores, answered)
    columns["outcome"] = pa.array(
        np.where(answered, str(Outcome.SCORED), str(Outcome.NO_RESPONSE)).tolist(), pa.string()
    )
    columns["reason"] = pc.if_else(
        pa.array(answered), None, _reasons(frames, responded.astype(np.bool_), groups)
    )
    return pa.table(columns)


def _grouping(frames: PredictionSource) -> _Grouping:
    keys, is_named = CodeBuilder(sum(frames.sizes)), False
    for table in tables_of(frames, [_PRESENTATION, "sample_id"]):
        if _PRESENTATION in table.column_names:
            is_named |= table[_PRESENTATION].null_count < table.num_rows
            # A frame's own id cannot be that of a presentation: the two are told apart by a prefix.
            named = pc.binary_join_element_wise("p", table[_PRESENTATION], "")
            keys.add_column(pc.coalesce(named, pc.binary_join_element_wise("s", table["sample_id"], "")))
    if not is_named:
        raise DatasetError("expected a column presentation_id to aggregate by, got none with a value in it")
    group = keys.numbered()[1].astype(np.int32)
    order = np.argsort(group, kind="stable").astype(np.int32)
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return _Grouping(order, starts.astype(np.int64), group)


def _gathered(
    frames: PredictionSource, name: str, read: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> NDArray[Any]:
    """Return what ``read`` makes of a column of every part, ``(n,)``."""
    return np.concatenate([np.asarray(read(table[name]).to_numpy()) for table in tables_of(frames, [name])])


def _taken(frames: PredictionSource, name: str, rows: NDArray[np.integer[Any]]) -> pa.ChunkedArray:
    return rows_of(frames, rows, [name])[name]


def _ids(frames: PredictionSource, groups: _Grouping) -> pa.ChunkedArray:
    first = rows_of(frames, groups.order[groups.starts], [_PRESENTATION, "sample_id"])
    return pc.coalesce(first[_PRESENTATION], first["sample_id"])


def _codes(frames: PredictionSource, name: str) -> CodeArray:
    """Return a number per distinct value, −1 for none, ``(n,)``."""
    builder = CodeBuilder(sum(frames.sizes))
    for table in tables_of(frames, [name]):
        builder.add_column(table[name])
    return builder.numbered()[1]


def _extremes(codes: CodeArray, groups: _Grouping) -> tuple[CodeArray, CodeArray]:
    """Return the smallest and the largest code per presentation, values missing (−1) passed over."""
    ordered = codes[groups.order]
    missing = ordered < 0
    low = np.minimum.reduceat(np.where(missing, np.iinfo(ordered.dtype).max, ordered), groups.starts)
    return low, np.maximum.reduceat(ordered, groups.starts)


def _require_same(frames: PredictionSource, column: str, groups: _Grouping) -> None:
    low, high = _extremes(_codes(frames, column), groups)
    mixed = np.flatnonzero((high >= 0) & (low != high))
    if mixed.size:
        rows = groups.order[groups.starts[mixed[0]] :][: int((groups.group == mixed[0]).sum())]
        table = rows_of(frames, rows, [column, _PRESENTATION])
        found = sorted({str(one) for one in table[column].to_pylist()} - {"None"})
        name = table[_PRESENTATION][0].as_py()
        raise DatasetError(
            f"expected one {column} for all frames of a presentation, got {', '.join(map(repr, found[:5]))} "
            f"for presentation {name!r} ({mixed.size:,} presentations are mixed)"
        )


def _scores(
    frames: PredictionSource,
    responded: NDArray[np.bool_],
    groups: _Grouping,
    method: Aggregation,
    class_names: tuple[str, ...],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores, float64 ``(presentations, k)``, and which presentations have any, bool."""
    size = len(class_names)
    answered = np.add.reduceat(responded[groups.order].astype(np.int64), groups.starts) > 0
    if BONA_FIDE in class_names and size == 2:
        place = class_names.index(BONA_FIDE)
        score = _reduced(_vectors_of(frames, responded, slice(place, place + 1), size)[:, 0], groups, method)
        result = np.empty((groups.count, 2))
        result[:, place], result[:, 1 - place] = score, 1 - score
        return result, answered
    vectors = _vectors_of(frames, responded, slice(None), size)
    result = np.empty((groups.count, size))
    for index in range(size):
        result[:, index] = _reduced(vectors[:, index], groups, method)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = result / result.sum(axis=1, keepdims=True)
    # All zero (a minimum over frames that disagree entirely) tells nothing: equal shares.
    shares[answered & ~np.isfinite(shares).all(axis=1)] = 1 / size
    return shares, answered


def _vectors_of(
    frames: PredictionSource, responded: NDArray[np.bool_], classes: slice, size: int
) -> NDArray[np.floating[Any]]:
    """Return the scores of some classes, ``(n, classes)`` as they are stored, ``nan`` without a response."""
    result: NDArray[np.floating[Any]] | None = None
    start = 0
    for table in tables_of(frames, ["scores"]):
        inside = responded[start : start + table.num_rows]
        flat = pc.list_flatten(table["scores"].filter(pa.array(inside))).to_numpy().reshape(-1, size)
        if result is None:
            result = np.full((len(responded), len(range(size)[classes])), np.nan, dtype=flat.dtype)
        result[start : start + table.num_rows][inside] = flat[:, classes]
        start += table.num_rows
    return np.empty((0, size)) if result is None else result


def _reduced(
    values: NDArray[np.floating[Any]], groups: _Grouping, method: Aggregation
) -> NDArray[np.float64]:
    """Return one value per presentation of those that are numbers, ``nan`` without any."""
    ordered = values[groups.order].astype(np.float64)
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


def _means(frames: PredictionSource, name: str, groups: _Grouping) -> pa.Array:
    kind = frames.part(0, [name]).schema.field(name).type
    values = _gathered(frames, name, lambda column: column.cast(pa.float64()))
    means = _reduced(values, groups, Aggregation.MEAN)
    return pa.array(means, pa.float64(), mask=np.isnan(means)).cast(kind, safe=False)


def _agreed(frames: PredictionSource, name: str, groups: _Grouping) -> pa.ChunkedArray:
    """Return the value on which all frames that have one agree, else null."""
    low, high = _extremes(_codes(frames, name), groups)
    agreed = pa.array((high >= 0) & (low == high))
    return pc.if_else(agreed, _taken(frames, name, _known_first(frames, name, groups)), None)


def _known_first(frames: PredictionSource, name: str, groups: _Grouping) -> NDArray[np.int32]:
    """Return the row of the first frame with a value, of the first frame where none has one."""
    known = _gathered(frames, name, lambda column: column.is_valid()).astype(np.bool_)[groups.order]
    position = np.where(known, np.arange(len(known), dtype=np.int32), np.int32(len(known)))
    first = np.minimum.reduceat(position, groups.starts)
    return groups.order[np.where(first < len(known), first, groups.starts)]


def _reasons(frames: PredictionSource, responded: NDArray[np.bool_], groups: _Grouping) -> pa.Array:
    """Return the reason all silent frames share, or that they have several."""
    codes = _codes(frames, "reason")
    codes[responded] = -1
    low, high = _extremes(codes, groups)
    first = _taken(frames, "reason", groups.order[groups.starts])
    return pc.if_else(
        pa.array((high >= 0) & (low != high)), _SEVERAL, pc.if_else(pa.array(high >= 0), first, None)
    )


def _vectors(scores: NDArray[np.float64], answered: NDArray[np.bool_]) -> pa.Array:
    sizes = np.where(answered, scores.shape[1], 0)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    flat = pa.array(scores[answered].ravel(), pa.float64())
    lists = pa.ListArray.from_arrays(pa.array(offsets), flat)
    return pc.if_else(pa.array(answered), lists, None)
