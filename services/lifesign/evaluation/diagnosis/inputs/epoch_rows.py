"""The rows of a log, an epoch each, and the curves that they make."""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.inputs.line_metrics import Metric

__all__ = ["Row", "canonical_metric", "curves_of_rows", "fill"]

_SINGULAR = {"loss": "loss", "acc": "acc", "accurac": "accuracy"}
_ACCURACIES = ("acc", "accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")


@dataclass
class Row:
    """The figures of one epoch while the log is read."""

    number: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    decimals: int = 0
    seconds: float | None = None
    total: int | None = None
    counts_samples: bool = False
    is_partial: bool = False
    is_between: bool = False  # logged on the way from one evaluation to the next


def canonical_metric(name: str) -> str:
    """Return a metric's common name: ``val. acc.`` and ``validation accuracy`` are ``val_accuracy``."""
    name = re.sub(r"^([Tt]rain|[Vv]al|[Vv]alid|[Tt]est|[Dd]ev)(?=[A-Z][a-z])", r"\1_", name.strip())
    plain = re.sub(r"[\s.\-/]+", "_", name.lower()).strip("_")
    plain = re.sub(
        r"^(.*(?:loss|losses|acc|accs|accuracy|accuracies))_(train|val|valid|test)$", r"\2_\1", plain
    )
    plain = re.sub(r"(loss|acc|accurac)(?:es|s|ies)$", lambda found: _SINGULAR[found[1]], plain)
    plain = re.sub(r"^final_", "", plain)
    plain = re.sub(r"^(?:training|train|tr)_", "", plain)
    is_validation = bool(re.match(r"(?:validation|valid|val|dev|test|eval)_", plain))
    plain = re.sub(r"^(?:validation|valid|val|dev|test|eval)_", "", plain)
    plain = re.sub(r"^(?:avg|average|mean|running|epoch)_(?=(?:loss|acc|accuracy)$)", "", plain)
    plain = re.sub(r"_\d+$", "", plain)
    if plain in _ACCURACIES:
        plain = "accuracy"
    if plain in ("l", "cost", "objective"):
        plain = "loss"
    plain = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "learning_rate": "lr"}.get(
        plain, plain
    )
    return f"val_{plain}" if is_validation else plain


def fill(row: Row, metrics: list[Metric]) -> None:
    """Write the metrics of a line into the row of its epoch."""
    for name, figure, percent in metrics:
        key = canonical_metric(name)
        row.values[key] = float(figure) / (100 if percent else 1)
        row.names[key] = name
        if key.endswith("accuracy") and "e" not in figure.lower():
            row.decimals = max(row.decimals, len(figure.partition(".")[2]) + (2 if percent else 0))


def _in_percent(series: dict[str, NDArray[np.float64]]) -> list[str]:
    """Return the accuracies that are printed in per cent without the sign: a share is at most 1."""
    accuracies: list[str] = [name for name in ("accuracy", "val_accuracy") if name in series]
    given = [series[name][np.isfinite(series[name])] for name in accuracies]
    # Where only one of them is above 1, that one is no percentage but wrong.
    is_percent = bool(given) and all(len(one) and one.min() >= 0 and 1.5 < one.max() <= 100 for one in given)
    return accuracies if is_percent else []


def curves_of_rows(
    rows: list[Row],
    *,
    train_samples: int | None = None,
    validation_samples: int | None = None,
    planned: int | None = None,
    remarks: list[str] | None = None,
) -> Curves:
    """Return curves of rows in their order; a number not above the one before begins another run."""
    names = {key: name for row in rows for key, name in row.names.items()}
    keys = list(dict.fromkeys(key for row in rows for key in row.values))
    series: dict[str, NDArray[np.float64]] = {}
    broken = {}
    for key in keys:
        values = np.array([row.values.get(key, np.nan) for row in rows])
        given = np.array([key in row.values for row in rows])
        lost = np.flatnonzero(given & ~np.isfinite(values))
        if len(lost):
            broken[key] = tuple(lost.tolist())
        series[key] = np.where(np.isfinite(values), values, np.nan)
    in_percent = _in_percent(series)
    series |= {name: series[name] / 100 for name in in_percent}
    starts = [0]
    numbers: list[int] = []
    # A log cut out of a longer one may begin with figures whose number was cut off.
    cut = next((index for index, row in enumerate(rows) if row.number is not None), None)
    first = 1 if cut is None else max(1, (rows[cut].number or 0) - cut)
    for index, row in enumerate(rows):
        number = row.number if row.number is not None else (numbers[-1] + 1 if numbers else first)
        if numbers and number <= numbers[-1]:
            starts.append(index)
        numbers.append(number)
    totals = {row.total for row in rows if row.total}
    counted = {row.total for row in rows if row.total and row.counts_samples}
    return Curves(
        series=series,
        names=names,
        epochs=tuple(numbers),
        run_starts=tuple(starts),
        train_samples=train_samples or (max(counted) if counted else None),
        validation_samples=validation_samples,
        steps=max(totals) if totals else None,
        seconds=tuple(row.seconds for row in rows),
        decimals=max((row.decimals + 2 * bool(in_percent) for row in rows if row.decimals), default=None),
        broken=broken,
        planned_epochs=planned,
        remarks=tuple(remarks or ()),
    )
