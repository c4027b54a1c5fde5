"""A case as JSON: an ``inputs`` object with a log, a matrix, counts and so on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evaluation, Evidence, Predictions
from lifesign.evaluation.diagnosis.inputs.classification_report import read_classification_report
from lifesign.evaluation.diagnosis.inputs.console_log import (
    Row,
    canonical_metric,
    curves_of_rows,
    read_console_log,
)
from lifesign.evaluation.diagnosis.setup import setup_from

__all__ = ["evidence_of_inputs", "history_curves"]


def evidence_of_inputs(inputs: Mapping[str, Any], *, identifier: str = "") -> Evidence:
    """Return the evidence of an ``inputs`` object; keys that are not known are left out.

    Raises:
        InputError: a part has another form than expected.
    """
    try:
        return _evidence(inputs, identifier)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise InputError(f"{identifier or 'inputs'}: a part has an unexpected form: {error}") from error


def _evidence(inputs: Mapping[str, Any], identifier: str) -> Evidence:
    log = inputs.get("console_log")
    curves = read_console_log(log) if log else None
    if curves is None and inputs.get("history"):
        curves = history_curves(inputs["history"])
    elif curves is not None and inputs.get("history"):
        # A history beside a log: whichever has more epochs.
        other = history_curves(inputs["history"])
        curves = other if other is not None and len(other) > len(curves) else curves
    text = inputs.get("classification_report")
    predictions = inputs.get("predictions")
    return Evidence(
        id=identifier,
        curves=curves,
        matrix=_matrix(inputs.get("confusion_matrix")),
        class_names=tuple(str(name) for name in inputs.get("class_names") or ()),
        n_classes=None if inputs.get("n_classes") is None else int(inputs["n_classes"]),
        report=read_classification_report(text) if text else None,
        counts={name: _counts(given) for name, given in (inputs.get("class_counts") or {}).items()},
        predictions=_predictions(predictions) if predictions else None,
        evaluations=tuple(_evaluation(given) for given in inputs.get("evaluations") or ()),
        setup=setup_from(_notes(inputs.get("notes"))),
    )


def _notes(notes: object) -> Sequence[str]:
    if not notes:
        return ()
    return [notes] if isinstance(notes, str) else [str(note) for note in notes]  # type: ignore[attr-defined]


def _matrix(rows: object) -> NDArray[np.int64] | None:
    if not rows:
        return None
    table = np.asarray(rows, float)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"expected a square confusion matrix, got shape {table.shape}")
    return table.round().astype(np.int64) if (table == table.round()).all() else None


def _counts(given: Mapping[str, Any]) -> ClassCounts:
    if set(given) <= {"total", "per_class"}:
        total = given.get("total")
        return ClassCounts(total=None if total is None else int(total))
    return ClassCounts({str(name): int(count) for name, count in given.items()})


def _predictions(given: Mapping[str, Any]) -> Predictions:
    def column(name: str) -> NDArray[np.object_] | None:
        values = given.get(name)
        return None if values is None else np.array(values, dtype=object)

    probabilities = given.get("y_prob")
    return Predictions(
        y_true=column("y_true"),
        y_pred=column("y_pred"),
        y_prob=None if probabilities is None else np.asarray(probabilities, float),
    )


def _evaluation(given: Mapping[str, Any]) -> Evaluation:
    metrics = {}
    for name, value in (given.get("metrics") or {}).items():
        if isinstance(value, int | float | str) and str(value).lower() not in ("none", ""):
            metrics[str(name)] = float(value)
    n = given.get("n")
    return Evaluation(
        split=str(given.get("split") or ""),
        metrics=metrics,
        method=str(given.get("method") or ""),
        n=None if n is None else int(n),
    )


def history_curves(history: Mapping[str, Sequence[Any]]) -> Curves | None:
    """Return the curves of a Keras ``History.history``: metric name to values, one per epoch."""
    names = [name for name in history if name != "epoch"]
    length = max((len(history[name]) for name in names), default=0)
    if not length:
        return None
    numbers = history.get("epoch")
    rows = []
    for index in range(length):
        row = Row(number=None if numbers is None else int(numbers[index]))
        for name in names:
            value = history[name][index] if index < len(history[name]) else None
            if value is None:
                continue
            key = canonical_metric(name)
            row.values[key] = float(value)
            row.names[key] = name
            if key.endswith("accuracy"):
                row.decimals = max(row.decimals, _decimals(value))
        rows.append(row)
    return curves_of_rows(rows)


def _decimals(value: object) -> int:
    text = str(value)
    return 16 if "e" in text else len(text.partition(".")[2])
