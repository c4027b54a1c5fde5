"""Predictions as columns: true class, predicted class, probabilities, in the forms that people have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.evidence import Predictions

__all__ = ["predictions_of_columns"]

_Labels = NDArray[np.object_]
_Floats = NDArray[np.float64]
_UNREADABLE = (TypeError, ValueError, OverflowError)


def predictions_of_columns(given: Mapping[str, Any], remarks: list[str]) -> Predictions | None:
    """Return predictions of ``y_true``, ``y_pred`` and ``y_prob``; ``None`` where no column is usable.

    ``y_true`` may be one-hot rows; probabilities given as ``y_pred`` are taken as such. A column that is
    malformed, or of another length than the others, is left out, and ``remarks`` is told.

    Raises:
        TypeError: it is no object of columns.
    """
    if not isinstance(given, Mapping):
        raise TypeError("expected an object with y_true, y_pred or y_prob")
    columns = {name: given[name] for name in ("y_true", "y_pred", "y_prob") if given.get(name) is not None}
    if "y_prob" not in columns and (_are_rows(columns.get("y_pred")) or _are_shares(columns.get("y_pred"))):
        columns["y_prob"] = columns.pop("y_pred")
    labels: dict[str, _Labels] = {}
    for name in ("y_true", "y_pred"):
        if name in columns:
            try:
                labels[name] = _labels(columns[name])
            except _UNREADABLE as error:
                remarks.append(f"{name} of the predictions is left out: {error}")
    probabilities = None
    if "y_prob" in columns:
        try:
            probabilities = _probabilities(columns["y_prob"])
        except _UNREADABLE as error:
            remarks.append(f"y_prob of the predictions is left out: {error}")
    return _of_one_length(labels.get("y_true"), labels.get("y_pred"), probabilities, remarks)


def _of_one_length(
    true: _Labels | None, predicted: _Labels | None, probabilities: _Floats | None, remarks: list[str]
) -> Predictions | None:
    answers = predicted if predicted is not None else probabilities
    if predicted is not None and probabilities is not None and len(predicted) != len(probabilities):
        remarks.append(
            f"y_prob of the predictions is left out: {len(probabilities):,} rows for {len(predicted):,} of "
            "y_pred"
        )
        probabilities = None
    if true is not None and answers is not None and len(true) != len(answers):
        remarks.append(
            f"y_true of the predictions is left out: {len(true):,} labels for {len(answers):,} answers"
        )
        true = None
    if true is None and predicted is None and probabilities is None:
        return None
    return Predictions(y_true=true, y_pred=predicted, y_prob=probabilities)


def _are_rows(values: object) -> bool:
    return (
        isinstance(values, Sequence)
        and bool(values)
        and isinstance(values[0], list)
        and len(values[0]) > 1
        and any(isinstance(cell, float) for row in values[:100] if isinstance(row, list) for cell in row)
    )


def _are_shares(values: object) -> bool:
    """Whether these are outputs of a sigmoid: numbers from 0 to 1, many of them in between."""
    if not isinstance(values, Sequence) or not values:
        return False
    if not all(isinstance(one, int | float) and 0 <= one <= 1 for one in values):
        return False
    return bool(sum(0 < one < 1 for one in values) > 0.1 * len(values))


def _labels(values: object) -> _Labels:
    if not isinstance(values, list | tuple | np.ndarray):
        raise TypeError("expected a list of labels")
    if len(values) == 0:
        raise ValueError("expected labels, got an empty list")
    rows = [value for value in values if isinstance(value, list | tuple)]
    if rows:
        return _of_rows(values)
    strange = next((one for one in values if not isinstance(one, str | int | float | np.generic)), None)
    if strange is not None or any(one is None for one in values):
        raise TypeError(f"expected names or numbers, got {strange!r}"[:100])
    labels = np.empty(len(values), dtype=object)
    labels[:] = [_plain(value) for value in values]
    return labels


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _of_rows(values: Any) -> _Labels:
    """Labels of rows of one cell, or one-hot rows."""
    table = np.asarray(values, float)
    if table.ndim != 2:
        raise ValueError(f"expected labels or one-hot rows, got shape {table.shape}")
    if table.shape[1] == 1:
        return _labels(table[:, 0].tolist())
    if not ((table == 0) | (table == 1)).all() or (table.sum(axis=1) != 1).any():
        raise ValueError("expected one-hot rows with a single 1")
    return _labels(table.argmax(axis=1).tolist())


def _probabilities(values: object) -> _Floats:
    if not isinstance(values, list | tuple | np.ndarray):
        raise TypeError("expected a list of probabilities, or rows of one per class")
    try:
        table = np.asarray(values, float)
    except _UNREADABLE:
        raise ValueError("expected numbers, or rows of numbers of one length") from None
    if table.ndim == 2 and table.shape[1] == 1:
        table = table[:, 0]
    if table.ndim not in (1, 2) or not table.size:
        raise ValueError(f"expected shape (n,) or (n, classes), got {table.shape}")
    if not np.isfinite(table).all():
        count = int((~np.isfinite(table)).sum())
        raise ValueError(f"expected probabilities, got {count:,} values that are not finite")
    return table
