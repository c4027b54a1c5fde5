"""Figures as a JSON document: a case, a history, a matrix, a report, counts, predictions."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.inputs.classification_report import is_report_dictionary
from lifesign.evaluation.diagnosis.inputs.decoded_text import TextFile
from lifesign.evaluation.diagnosis.inputs.run_folders import evidence_of_report, training_curves

__all__ = ["evidence_of_json", "parsed_json"]

_PARTS = {
    "console_log",
    "history",
    "confusion_matrix",
    "classification_report",
    "class_counts",
    "predictions",
    "evaluations",
    "notes",
}
_SPLITS = {"train", "validation", "test", "all"}
_PREDICTIONS = {"y_true", "y_pred", "y_prob"}


def parsed_json(file: TextFile, text: str) -> Any:
    """Return the document in a text.

    Raises:
        InputError: it is no JSON; the message tells the place.
    """
    try:
        return json.loads(text.lstrip("\ufeff"))
    except RecursionError as error:
        raise InputError(f"{file.name}: expected JSON, got lists nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{file.name}: expected JSON: {error}") from error


def evidence_of_json(file: TextFile, document: Any) -> tuple[Evidence, bool]:
    """Return the evidence of a document, and whether it is a case of its own.

    Raises:
        InputError: it is none of the known forms.
    """
    if isinstance(document, Mapping) and "inputs" in document:
        name = document.get("id")
        identifier = name if isinstance(name, str) and name else file.stem
        return evidence_of_inputs(document["inputs"], identifier=identifier), True
    for is_it, read, is_case in _FORMS:
        if is_it(document):
            evidence = read(file, document)
            return replace(
                evidence, remarks=tuple(f"{file.name}: {one}" for one in evidence.remarks)
            ), is_case
    raise InputError(
        f"{file.name}: expected a case with 'inputs', a history (metric to list), predictions, a report, "
        f"counts or a matrix of rows, got {_shown(document)}"
    )


def _shown(document: Any) -> str:
    if isinstance(document, Mapping):
        names = ", ".join(repr(str(name))[:30] for name in list(document)[:5])
        return f"an object with {names}" if names else "an empty object"
    return f"a list of {len(document)}" if isinstance(document, list) else f"{document!r}"[:60]


def _part(name: str) -> Callable[[TextFile, Any], Evidence]:
    return lambda file, document: evidence_of_inputs({name: document}, identifier=file.stem)


def _is_metric(name: object) -> bool:
    return bool(re.search(r"loss|acc|auc|mse|mae|error", str(name), re.IGNORECASE))


def _is_series(document: Any) -> bool:
    return (
        isinstance(document, Mapping)
        and any(isinstance(value, list) for value in document.values())
        and any(_is_metric(name) for name in document)
    )


def _is_record(document: Any) -> bool:
    return (
        isinstance(document, Mapping)
        and any(_is_metric(name) for name in document)
        and all(isinstance(value, int | float) for value in document.values())
    )


def _evaluated(file: TextFile, document: Mapping[str, float]) -> Evidence:
    """The figures of one ``evaluate(..., return_dict=True)``."""
    metrics = {str(name): float(value) for name, value in document.items()}
    return Evidence(id=file.stem, evaluations=(Evaluation("test", metrics, method="evaluate"),))


def _are_counts(document: Any) -> bool:
    if not isinstance(document, Mapping) or not document:
        return False
    if all(isinstance(value, int) for value in document.values()):
        return True
    return set(document) <= _SPLITS and all(isinstance(value, Mapping | list) for value in document.values())


def _are_rows(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and all(isinstance(row, list) for row in document)


def _are_records(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and all(isinstance(row, Mapping) for row in document)


def _records(file: TextFile, document: list[Mapping[str, Any]]) -> Evidence:
    """One object per epoch, or per sample."""
    if all("train_loss" in row and "dev_loss" in row and "epoch" in row for row in document):
        return Evidence(id=file.stem, curves=training_curves(document))
    if {"y_pred", "y_prob"} & set(document[0]):
        columns = {name: [row.get(name) for row in document] for name in _PREDICTIONS & set(document[0])}
        return evidence_of_inputs({"predictions": columns}, identifier=file.stem)
    evidence = evidence_of_inputs({"history": document}, identifier=file.stem)
    if evidence.curves is None:
        raise InputError(f"{file.name}: expected one object per epoch with loss, accuracy …, got no figure")
    return evidence


def _are_lines(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and all(isinstance(row, str) for row in document)


_Form = tuple[Callable[[Any], bool], Callable[[TextFile, Any], Evidence], bool]
_FORMS: tuple[_Form, ...] = (
    (
        lambda one: isinstance(one, Mapping) and "schema_version" in one and "confusion" in one,
        lambda file, one: evidence_of_report(one, identifier=file.stem),
        False,
    ),
    (
        lambda one: isinstance(one, Mapping) and is_report_dictionary(one),
        _part("classification_report"),
        False,
    ),
    (lambda one: isinstance(one, Mapping) and bool(_PREDICTIONS & set(one)), _part("predictions"), False),
    (
        lambda one: isinstance(one, Mapping) and bool(_PARTS & set(one)),
        lambda file, one: evidence_of_inputs(one, identifier=file.stem),
        True,
    ),
    (_is_series, _part("history"), False),
    (_is_record, _evaluated, False),
    (_are_counts, _part("class_counts"), False),
    (_are_rows, _part("confusion_matrix"), False),
    (_are_records, _records, False),
    (_are_lines, _part("notes"), False),
)
