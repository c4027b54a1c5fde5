"""The rows of a file as predictions: scores as numbers, and for every sample an outcome with a reason."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.meaning import Meaning
from lifesign.evaluation.replay.predictions import INVALID_SCORES, Outcome

__all__ = ["MISSING_SCORE", "ROW", "UNSPECIFIED_REASON", "Answers", "read_answers", "row_name", "text_column"]

ROW = "\0row"
"""Column with the number of a row in its file, from 1, without the header; no file can have that name."""

MISSING_SCORE = "missing_score"
"""Reason of a sample whose score is blank or not a number, where the file gives none."""

UNSPECIFIED_REASON = "unspecified"
"""Reason of a sample that the file calls unanswered without saying why."""

_BLANK = ("", "nan", "null", "none", "na", "n/a", "#n/a", "<na>", "nil", "-", "?")
_SCORED = ("scored", "ok", "success", "answered", "response")
_SILENT = ("no_response", "noresponse", "no response", "failed", "failure", "error", "rejected_quality")
_ROUNDING = 1e-6
_SUM_TOLERANCE = 0.02


@dataclass(frozen=True)
class Answers:
    """What the rows of a table say: scores and logits float64 ``(n, k)``, ``nan`` where there is no score.

    ``logits`` is ``None`` where the file has none for every class, and ``nan`` in rows that lack one.
    ``reason`` is null for scored rows.
    ``not_summing`` counts scored rows whose scores do not add up to 1.
    """

    scores: NDArray[np.float64]
    logits: NDArray[np.float64] | None
    scored: NDArray[np.bool_]
    reason: pa.Array
    not_summing: int


def read_answers(table: pa.Table, meaning: Meaning, *, place: str, decimal_comma: bool) -> Answers:
    """Read scores, outcome and reason of a table with the file's score columns and canonical others.

    ``place`` names the file in messages.

    Raises:
        DatasetError: a score that is no number or outside [0, 1], or an outcome that is no known word.
    """
    reader = _Reader(table, place, decimal_comma)
    logits = _complete([reader.numbers(name) for name in meaning.logit_columns], meaning, is_logit=True)
    given = [reader.probabilities(name) for name in meaning.score_columns]
    scores = _complete(given, meaning, is_logit=False)
    if scores is None:
        if logits is None:
            raise DatasetError(f"{place}: expected scores or logits, got neither")
        scores = _softmax(logits)
    known = np.isfinite(scores).all(axis=1)
    silent = reader.is_silent()
    scored = known & ~silent
    sums = scores[scored].sum(axis=1)
    infinite = np.isinf(scores if logits is None else logits).any(axis=1)
    return Answers(
        scores=scores,
        logits=logits,
        scored=scored,
        reason=reader.reasons(scored, silent, np.asarray(infinite, np.bool_)),
        not_summing=int((np.abs(sums - 1) > _SUM_TOLERANCE).sum()),
    )


def text_column(column: pa.ChunkedArray, name: str, place: str) -> pa.ChunkedArray:
    """Return cells as trimmed text, empty ones as null; 3.0 is written 3.

    Raises:
        DatasetError: the column holds lists, structures or bytes.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return text_column(column.cast(kind.value_type), name, place)
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise pa.ArrowNotImplementedError
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        is_list = pa.types.is_nested(kind)
        advice = "; a list of scores is one column score_<class> per class" if is_list else ""
        message = f"{place}: expected text or numbers in column {name!r}, got {kind}{advice}"
        raise DatasetError(message) from None
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def row_name(table: pa.Table, row: int, place: object) -> str:
    """Return how messages name a row of a table with ``ROW``: its file, its number, its sample."""
    sample = table["sample_id"][row].as_py()
    return f"{place}, row {table[ROW][row].as_py():,}" + ("" if sample is None else f", sample {sample!r}")


class _Reader:
    """Reads columns of one table; messages name the row that is at fault."""

    def __init__(self, table: pa.Table, place: str, decimal_comma: bool) -> None:
        self._table = table
        self._place = place
        self._decimal_comma = decimal_comma

    def probabilities(self, name: str | None) -> NDArray[np.float64] | None:
        """Return a column of probabilities, float64 ``(n,)``, ``nan`` for blanks."""
        values = self.numbers(name)
        if values is None:
            return None
        outside = np.flatnonzero((values < -_ROUNDING) | (values > 1 + _ROUNDING))
        if outside.size:
            raise DatasetError(
                f"{self._row(outside[0])}: expected {name!r} as a probability in [0, 1], got "
                f"{values[outside[0]]:g}; name logits logit_<class>, and rescale other scores"
            )
        return np.clip(values, 0.0, 1.0)

    def numbers(self, name: str | None) -> NDArray[np.float64] | None:
        """Return a column of numbers, float64 ``(n,)``, ``nan`` for blanks."""
        if name is None:
            return None
        column = self._table[name]
        if pa.types.is_integer(column.type) or pa.types.is_float64(column.type):
            return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        if pa.types.is_string(column.type):
            with contextlib.suppress(pa.ArrowInvalid):
                # Most columns are numbers throughout; what follows takes four times as long.
                return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        # Float32 goes through its shortest text too: 0.7 is 0.7, not 0.699999988.
        text = text_column(column, name, self._place)
        blank = pc.is_in(pc.utf8_lower(text), value_set=pa.array(_BLANK))
        text = pc.if_else(blank, pa.scalar(None, pa.string()), text)
        if self._decimal_comma:
            text = pc.replace_substring(text, ",", ".")
        try:
            return np.asarray(text.cast(pa.float64()).to_numpy(), dtype=np.float64)
        except pa.ArrowInvalid:
            raise self._no_number(name, text) from None

    def is_silent(self) -> NDArray[np.bool_]:
        """Tell which rows the outcome column calls unanswered, bool ``(n,)``."""
        if "outcome" not in self._table.column_names:
            return np.zeros(self._table.num_rows, dtype=np.bool_)
        words = pc.utf8_lower(self._table["outcome"])
        silent = pc.is_in(words, value_set=pa.array(_SILENT))
        known = pc.or_(silent, pc.or_(pc.is_null(words), pc.is_in(words, value_set=pa.array(_SCORED))))
        strange = np.flatnonzero(~known.to_numpy())
        if strange.size:
            row = int(strange[0])
            raise DatasetError(
                f"{self._row(row)}: expected the outcome {Outcome.SCORED} or {Outcome.NO_RESPONSE}, got "
                f"{self._table['outcome'][row].as_py()!r}"
            )
        return np.asarray(silent.fill_null(False).to_numpy(), dtype=np.bool_)

    def reasons(
        self, scored: NDArray[np.bool_], silent: NDArray[np.bool_], infinite: NDArray[np.bool_]
    ) -> pa.Array:
        """Return the reason of every row that is not scored, null for the others."""
        count = self._table.num_rows
        given = (
            self._table["reason"] if "reason" in self._table.column_names else pa.nulls(count, pa.string())
        )
        missing = pc.if_else(pa.array(infinite), INVALID_SCORES, MISSING_SCORE)
        usual = pc.if_else(pa.array(silent), UNSPECIFIED_REASON, missing)
        found = pc.if_else(pa.array(scored), None, pc.coalesce(given, usual))
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

    def _no_number(self, name: str, text: pa.ChunkedArray) -> DatasetError:
        for row, value in enumerate(text.to_pylist()):
            try:
                pa.scalar(value, pa.string()).cast(pa.float64())
            except pa.ArrowInvalid:
                return DatasetError(f"{self._row(row)}: expected a number as {name!r}, got {value!r}")
        return DatasetError(f"{self._place}: expected numbers as {name!r}")

    def _row(self, row: int) -> str:
        return row_name(self._table, int(row), self._place)


def _complete(
    found: Sequence[NDArray[np.float64] | None], meaning: Meaning, *, is_logit: bool
) -> NDArray[np.float64] | None:
    """Return one column per class; of two classes the one that is missing follows from the other."""
    present = [column for column in found if column is not None]
    if not present:
        return None
    if len(present) == len(meaning.class_names):
        return np.stack(present, axis=1)
    place = next(index for index, column in enumerate(found) if column is not None)
    result = np.empty((len(present[0]), 2))
    result[:, place] = present[0]
    # A lone logit is the log odds of its class against 0.
    result[:, 1 - place] = np.where(np.isnan(present[0]), np.nan, 0.0) if is_logit else 1 - present[0]
    return result


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.where(np.isfinite(logits), logits, np.nan)
    powers = np.exp(finite - finite.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
