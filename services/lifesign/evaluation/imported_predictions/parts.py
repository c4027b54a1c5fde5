"""Rows of a predictions file in the columns of a prediction part, so that everything reads them alike."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.evaluation.imported_predictions.answers import Answers, read_answers, text_column
from lifesign.evaluation.imported_predictions.meaning import Meaning
from lifesign.evaluation.imported_predictions.source import Survey, batches_of
from lifesign.evaluation.replay.predictions import Outcome, prediction_schema, slice_column

__all__ = ["prediction_tables"]

_MOST_ROWS = 1 << 15
_SCORES_PER_PART = 1 << 19
_TEXT = ("sample_id", "path", "subject_id", "presentation_id", "pai_species")


def prediction_tables(survey: Survey, meaning: Meaning) -> Iterator[tuple[pa.Table, int]]:
    """Yield parts in the order of the file, with the number of rows whose scores do not add up to 1.

    Scores are float64: a threshold decides them digit by digit as the file has them. A part has 32,768
    rows, fewer of many classes, so that it takes some megabytes.

    Raises:
        DatasetError: a score or an outcome that is none; the sentence names the row and the sample.
    """
    place, rows = str(survey.file.path), min(_MOST_ROWS, _SCORES_PER_PART // len(meaning.class_names))
    held: list[pa.Table] = []
    strange = 0
    for table in batches_of(survey):
        answers = read_answers(table, meaning, place=place, decimal_comma=survey.file.has_decimal_comma)
        strange += answers.not_summing
        held.append(_part(table, meaning, answers, place))
        while sum(one.num_rows for one in held) >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows).combine_chunks(), strange
            held, strange = [whole.slice(rows)], 0
    if sum(one.num_rows for one in held):
        yield pa.concat_tables(held).combine_chunks(), strange


def _part(table: pa.Table, meaning: Meaning, answers: Answers, place: str) -> pa.Table:
    count = table.num_rows
    columns: dict[str, Any] = {name: table[name] for name in _TEXT if name in table.column_names}
    columns["label"] = _labels(table["label"], meaning)
    columns["scores"] = _vectors(answers.scores, answers.scored)
    if answers.logits is not None:
        columns["logits"] = _vectors(answers.logits, answers.scored & np.isfinite(answers.logits).all(axis=1))
    words = pa.array([str(Outcome.NO_RESPONSE), str(Outcome.SCORED)])
    columns["outcome"] = words.take(pa.array(answers.scored.astype(np.int8)))
    columns["reason"] = answers.reason
    for name in meaning.metadata:
        columns[slice_column(name)] = text_column(table[name], name, place)
    schema = [
        field.with_type(pa.list_(pa.float64())) if field.name in ("scores", "logits") else field
        for field in prediction_schema(meaning.metadata)
        if not field.name.startswith("stat_")
    ]
    return pa.table(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=pa.schema(schema)
    )


def _labels(column: pa.ChunkedArray, meaning: Meaning) -> pa.Array:
    encoded = column.combine_chunks().dictionary_encode()
    classes = pa.array([meaning.label_map[one] for one in encoded.dictionary.to_pylist()], pa.string())
    return classes.take(encoded.indices)


def _vectors(values: NDArray[np.float64], scored: NDArray[np.bool_]) -> pa.Array:
    size = values.shape[1]
    offsets = np.concatenate([[0], np.cumsum(np.where(scored, size, 0))]).astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(values[scored].ravel(), pa.float64()), mask=pa.array(~scored)
    )
