"""A Keras ``History`` as data: metric name to one value per epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.inputs.console_log import MOST_EPOCHS, too_many_epochs
from lifesign.evaluation.diagnosis.inputs.epoch_rows import Row, canonical_metric, curves_of_rows

__all__ = ["columns_of_records", "history_curves"]

# Columns of a CSVLogger or of records that are no metric.
_NO_METRIC = ("epoch", "seconds", "time", "step")


def history_curves(history: Mapping[str, Sequence[Any]], remarks: list[str] | None = None) -> Curves | None:
    """Return the curves of a ``History.history``, ``None`` where it has no metric.

    A list of one record per epoch does as well. A metric whose values are no numbers is left out, and
    ``remarks`` is told.

    Raises:
        TypeError: it is neither metrics nor records.
    """
    told = [] if remarks is None else remarks
    if isinstance(history, list) and all(isinstance(record, Mapping) for record in history):
        history = columns_of_records(history)
    if not isinstance(history, Mapping):
        raise TypeError("expected metric names, each with a list of one value per epoch")
    columns = {}
    for name, values in history.items():
        try:
            columns[str(name)] = [_number(value) for value in values]
        except (TypeError, ValueError) as error:
            told.append(f"{name} of the history is left out: expected one number per epoch: {error}")
    numbers = columns.pop("epoch", None)
    for name in _NO_METRIC:
        columns.pop(name, None)
    # An empty column is a metric that was never computed.
    columns = {name: values for name, values in columns.items() if any(one is not None for one in values)}
    length = max((len(values) for values in columns.values()), default=0)
    if length > MOST_EPOCHS:
        told.append(too_many_epochs(length))
        length = MOST_EPOCHS
    if numbers is not None:
        columns, numbers = _one_row_per_epoch(columns, numbers)
        length = min(length, len(numbers))
    rows = []
    for index in range(length):
        number = None if numbers is None or index >= len(numbers) else numbers[index]
        row = Row(number=None if number is None or not math.isfinite(number) else int(number))
        for name, values in columns.items():
            _take(row, name, values[index] if index < len(values) else None)
        rows.append(row)
    return curves_of_rows(rows) if rows else None


def _one_row_per_epoch(
    columns: dict[str, list[float | None]], numbers: list[float | None]
) -> tuple[dict[str, list[float | None]], list[float | None]]:
    """Join neighbouring rows of the same epoch that fill each other's gaps, as Lightning's logger writes."""
    starts: list[int] = []
    for index, number in enumerate(numbers):
        last = starts[-1] if starts else None
        rows = [] if last is None else range(last, index)
        is_other = (
            last is None
            or number is None
            or number != numbers[last]
            or any(
                _at(values, index) is not None and any(_at(values, row) is not None for row in rows)
                for values in columns.values()
            )
        )
        if is_other:
            starts.append(index)
    ends = [*starts[1:], len(numbers)]
    joined = {
        name: [
            next((one for row in range(start, end) if (one := _at(values, row)) is not None), None)
            for start, end in zip(starts, ends, strict=True)
        ]
        for name, values in columns.items()
    }
    return joined, [numbers[start] for start in starts]


def _at(values: list[float | None], row: int) -> float | None:
    return values[row] if row < len(values) else None


def _take(row: Row, name: str, value: float | None) -> None:
    if value is None:
        return
    key = canonical_metric(name)
    row.values[key] = value
    row.names[key] = name
    if key.endswith("accuracy"):
        row.decimals = max(row.decimals, _decimals(value))


def _number(value: object) -> float | None:
    """Return a figure; ``None`` where there is none. ``"nan"`` is a figure that is not a number."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"got {value!r}"[:60])
    return float(value)


def _decimals(value: object) -> int:
    text = str(value)
    return 16 if "e" in text else len(text.partition(".")[2])


def columns_of_records(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of one record per epoch, without those that hold no number anywhere."""
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [record.get(name) for record in records] for name in names}
    return {
        name: values
        for name, values in columns.items()
        if any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    }
