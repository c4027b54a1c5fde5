"""A case as JSON: an ``inputs`` object with a log, a matrix, counts and so on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evaluation, Evidence, PrintedReport
from lifesign.evaluation.diagnosis.framework_messages import known_messages
from lifesign.evaluation.diagnosis.inputs.classification_report import (
    read_classification_report,
    report_of_dictionary,
)
from lifesign.evaluation.diagnosis.inputs.console_log import read_console_log
from lifesign.evaluation.diagnosis.inputs.histories import history_curves
from lifesign.evaluation.diagnosis.inputs.predictions import predictions_of_columns
from lifesign.evaluation.diagnosis.setup import setup_from

__all__ = ["class_counts", "evidence_of_inputs"]

_T = TypeVar("_T")
_MOST_CLASSES = 100_000
_UNREADABLE = (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError)


def evidence_of_inputs(inputs: Mapping[str, Any], *, identifier: str = "") -> Evidence:
    """Return the evidence of an ``inputs`` object; keys that are not known are left out.

    A part of another form than expected is left out as well, and ``remarks`` of the evidence says so.

    Raises:
        InputError: it is no object, or no part of it could be read.
    """
    name = identifier or "inputs"
    if not isinstance(inputs, Mapping):
        raise InputError(f"{name}: expected an object with the parts of a case, got {_kind(inputs)}")
    parts = _Parts(inputs)
    curves = _longer(
        parts.read("console_log", _log), parts.read("history", lambda one: history_curves(one, parts.remarks))
    )
    evidence = Evidence(
        id=identifier,
        curves=curves,
        matrix=parts.read("confusion_matrix", _matrix),
        class_names=parts.read("class_names", _names) or (),
        n_classes=parts.read("n_classes", _whole_number),
        report=parts.read("classification_report", _report),
        counts=parts.read("class_counts", lambda one: _counts(one, parts.remarks)) or {},
        predictions=parts.read("predictions", lambda one: predictions_of_columns(one, parts.remarks)),
        evaluations=parts.read("evaluations", lambda one: _evaluations(one, parts.remarks)) or (),
        setup=setup_from(parts.read("notes", _notes) or ()),
        messages=_messages(inputs.get("console_log")),
        remarks=tuple(parts.remarks),
    )
    if parts.remarks and parts.found == 0:
        raise InputError(f"{name}: no part of the case could be read: {'; '.join(parts.remarks)}")
    return evidence


class _Parts:
    """The parts of a case, each read on its own."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._inputs = inputs
        self.remarks: list[str] = []
        self.found = 0

    def read(self, name: str, reader: Callable[[Any], _T]) -> _T | None:
        given = self._inputs.get(name)
        if given is None or (isinstance(given, str | list | Mapping) and not given):
            return None
        try:
            value = reader(given)
        except _UNREADABLE as error:
            self.remarks.append(f"{name} is left out: {error}")
            return None
        self.found += value is not None
        return value


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a truth value"}
    return names.get(type(value), "nothing" if value is None else type(value).__name__)


def _longer(log: Curves | None, history: Curves | None) -> Curves | None:
    """Of a log and a history of the same run, the one with more epochs."""
    if log is None or history is None:
        return log or history
    return history if len(history) > len(log) else log


def _log(given: object) -> Curves | None:
    if isinstance(given, list) and all(isinstance(line, str) for line in given):
        given = "\n".join(given)
    if not isinstance(given, str):
        raise TypeError(f"expected the text of a log, got {_kind(given)}")
    return read_console_log(given)


def _messages(log: object) -> tuple[str, ...]:
    lines = log.splitlines() if isinstance(log, str) else log if isinstance(log, list) else ()
    return known_messages(line for line in lines if isinstance(line, str))


def _report(given: object) -> PrintedReport | None:
    if isinstance(given, Mapping):
        return report_of_dictionary(given)
    if not isinstance(given, str):
        raise TypeError(f"expected the text of a report, got {_kind(given)}")
    report = read_classification_report(given)
    if report is None:
        raise ValueError("expected lines of a class with precision, recall, F1 and support, found none")
    return report


def _names(given: object) -> tuple[str, ...]:
    if isinstance(given, Mapping):
        # Keras' class_indices: name to index; or the other way round.
        if all(isinstance(index, int) for index in given.values()):
            return tuple(str(name) for name in sorted(given, key=lambda name: given[name]))
        return tuple(str(name) for name in given.values())
    if not isinstance(given, list | tuple):
        raise TypeError(f"expected a list of names, got {_kind(given)}")
    return tuple(str(name) for name in given)


def _whole_number(given: object) -> int:
    number = float(given) if isinstance(given, int | float | str) else float("nan")
    if isinstance(given, bool) or not 1 <= number <= _MOST_CLASSES or number != round(number):
        raise ValueError(f"expected a number of classes from 1 to {_MOST_CLASSES:,}, got {given!r}")
    return int(number)


def _notes(given: object) -> Sequence[str]:
    if isinstance(given, str):
        return given.splitlines()
    if isinstance(given, Mapping):
        return [f"{name}={value}" for name, value in given.items()]
    if not isinstance(given, list | tuple):
        raise TypeError(f"expected a list of lines, got {_kind(given)}")
    return [str(note) for note in given]


def _matrix(rows: object) -> NDArray[np.int64]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(f"expected a list of rows of counts, got {_kind(rows)}")
    lengths = {len(row) for row in rows}
    if lengths != {len(rows)}:
        shown = " or ".join(str(length) for length in sorted(lengths))
        raise ValueError(f"expected a square matrix, got {len(rows)} rows of {shown} cells")
    try:
        table = np.asarray(rows, float)
    except _UNREADABLE:
        raise ValueError("expected counts, got a cell that is no number") from None
    if not np.isfinite(table).all() or (table < 0).any() or table.max() > 2**53:
        raise ValueError("expected counts of 0 or more, got negative or infinite cells")
    if (table != table.round()).any():
        raise ValueError("expected counts, got shares or other fractions; give the matrix without normalize")
    return table.astype(np.int64)


def _counts(given: object, remarks: list[str]) -> dict[str, ClassCounts]:
    if not isinstance(given, Mapping):
        raise TypeError(f"expected splits with counts by class, got {_kind(given)}")
    if all(isinstance(count, int | float) for count in given.values()) and not set(given) <= _SPLIT_NAMES:
        return {"all": class_counts(given)}
    counts = {}
    for name, split in given.items():
        try:
            counts[str(name)] = class_counts(split)
        except _UNREADABLE as error:
            remarks.append(f"class_counts of {name} are left out: {error}")
    return counts


_SPLIT_NAMES = {"train", "validation", "test", "all"}


def class_counts(given: object) -> ClassCounts:
    """Return the counts of one split: ``{class: count}``, a list by class, ``{"total": n}`` or a number.

    Raises:
        ValueError: a count is no whole number of 0 or more.
    """
    if isinstance(given, int | float):
        return ClassCounts(total=_count(given))
    if isinstance(given, list):
        given = {str(index): count for index, count in enumerate(given)}
    if not isinstance(given, Mapping):
        raise TypeError(f"expected counts by class, got {_kind(given)}")
    if set(given) <= {"total", "per_class"}:
        total = given.get("total")
        return ClassCounts(total=None if total is None else _count(total))
    return ClassCounts({str(name): _count(count) for name, count in given.items()})


def _count(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise TypeError(f"expected a number of samples, got {_kind(given)}")
    number = float(given)
    if not 0 <= number <= 2**53 or number != round(number):
        raise ValueError(f"expected a number of samples, got {given!r}")
    return int(number)


def _evaluations(given: object, remarks: list[str]) -> tuple[Evaluation, ...]:
    rows = [given] if isinstance(given, Mapping) else given
    if not isinstance(rows, list):
        raise TypeError(f"expected a list of evaluations, got {_kind(given)}")
    read = []
    for place, row in enumerate(rows, start=1):
        try:
            read.append(_evaluation(row))
        except _UNREADABLE as error:
            remarks.append(f"evaluation {place} is left out: {error}")
    return tuple(read)


def _evaluation(given: Mapping[str, Any]) -> Evaluation:
    if not isinstance(given, Mapping):
        raise TypeError(f"expected an object with split and metrics, got {_kind(given)}")
    metrics = {}
    for name, value in (given.get("metrics") or {}).items():
        number = _figure(value)
        if number is not None:
            metrics[str(name)] = number
    n = given.get("n")
    return Evaluation(
        split=str(given.get("split") or ""),
        metrics=metrics,
        method=str(given.get("method") or ""),
        n=None if n is None else _count(n),
    )


def _figure(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
