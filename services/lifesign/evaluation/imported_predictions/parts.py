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

_TEXT = ("sample_id", "path", "subject_id", "presentation_id", "pai_species")


def prediction_tables(survey: Survey, meaning: Meaning) -> Iterator[tuple[pa.Table, int]]:
    """Yield parts in the order of the file, with the number of rows whose scores do not add up to 1.

    Scores are float64: a threshold decides them digit by digit as the file has them.

    Raises:
        DatasetError: a score or an outcome that is none; the sentence names the sample.
    """
    place = str(survey.file.path)
    for table in batches_of(survey):
        answers = read_answers(table, meaning, place=place, decimal_comma=survey.file.has_decimal_comma)
        yield _part(table, meaning, answers, place), answers.not_summing


def _part(table: pa.Table, meaning: Meaning, answers: Answers, place: str) -> pa.Table:
    count = table.num_rows
    columns: dict[str, Any] = {name: table[name] for name in _TEXT if name in table.column_names}
    columns["label"] = _labels(table["label"], meaning)
    columns["scores"] = _vectors(answers.scores, answers.scored)
    if answers.logits is not None:
        columns["logits"] = _vectors(answers.logits, answers.scored)
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
    ).combine_chunks()


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
