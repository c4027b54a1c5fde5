"""What is known of samples as rows of a part: one per sample, whatever became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.decoding import DecodedBatch
from lifesign.evaluation.replay.predictions import Outcome, prediction_schema, slice_column, statistic_column

__all__ = ["prediction_rows"]

_COPIED = ("sample_id", "path", "label", "subject_id", "presentation_id", "pai_species")


def prediction_rows(
    rows: pa.Table, decoded: DecodedBatch, answers: Answers, metadata_columns: Sequence[str]
) -> pa.Table:
    """Join ``n`` samples with what decoding and the server said of them.

    ``answers`` are those of the ``m`` images in ``decoded``, in its order; an image that was not sent, or
    was refused, has null scores. Columns are built whole: a loop over rows cost more than the wire.
    """
    count = rows.num_rows
    refusals = dict(decoded.refusals)
    refusals.update({int(decoded.kept[row]): refusal for row, refusal in answers.refusals.items()})
    responded = np.ones(count, np.bool_)
    responded[list(refusals)] = False
    place = _Placement(count, decoded.kept)
    has_logits = responded.copy() if answers.has_logits else np.zeros(count, np.bool_)
    has_logits[decoded.kept[np.isnan(answers.logits).any(axis=1)]] = False
    everywhere = np.ones(len(decoded.kept), np.bool_)
    columns: dict[str, pa.Array] = {
        **{name: rows[name].combine_chunks() for name in _COPIED},
        "scores": place.vectors(answers.scores, responded),
        "logits": place.vectors(answers.logits, has_logits),
        "outcome": pc.if_else(pa.array(responded), str(Outcome.SCORED), str(Outcome.NO_RESPONSE)),
        "reason": _texts({at: one.reason for at, one in refusals.items()}, count),
        "detail": _texts({at: one.detail for at, one in refusals.items()}, count),
        "latency_seconds": place.numbers(answers.latency_seconds, np.isfinite(answers.latency_seconds)),
        "served_version": place.numbers(answers.versions, answers.versions != 0),
        "width": place.numbers(decoded.sizes[:, 0], everywhere),
        "height": place.numbers(decoded.sizes[:, 1], everywhere),
        "notes": _texts(dict(zip(decoded.kept.tolist(), decoded.notes, strict=True)), count).fill_null(""),
    }
    for feature, name in enumerate(IMAGE_STATISTICS):
        columns[statistic_column(name)] = place.numbers(decoded.statistics[:, feature], everywhere)
    for name in metadata_columns:
        columns[slice_column(name)] = rows[name].combine_chunks()
    schema = prediction_schema(metadata_columns)
    return pa.table([columns[name] for name in schema.names], schema=schema)


class _Placement:
    """Puts values of ``m`` kept images at their places among ``n`` samples; the others become null."""

    def __init__(self, count: int, kept: NDArray[np.int64]) -> None:
        self._count = count
        self._kept = kept

    def numbers(self, values: NDArray[Any], present: NDArray[np.bool_]) -> pa.Array:
        """Return ``values`` ``(m,)`` where ``present`` ``(m,)``; both are empty when nothing was sent."""
        whole, missing = np.zeros(self._count, values.dtype), np.ones(self._count, np.bool_)
        if len(values):
            whole[self._kept], missing[self._kept] = values, ~present
        return pa.array(whole, mask=missing)

    def vectors(self, values: NDArray[np.float32], wanted: NDArray[np.bool_]) -> pa.Array:
        """Return the rows of ``values`` ``(m, k)`` as lists, at the places that are ``wanted`` ``(n,)``."""
        present = np.zeros(self._count, np.bool_)
        if len(values):
            present[self._kept] = wanted[self._kept]
            values = values[present[self._kept]]
        offsets = np.concatenate([[0], np.cumsum(present * values.shape[1])]).astype(np.int32)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(~present))


def _texts(by_place: Mapping[int, str], count: int) -> pa.Array:
    if not by_place:
        return pa.nulls(count, pa.string())
    return pa.array([by_place.get(place) for place in range(count)], pa.string())
