"""From files and folders of any kind to evidence: what each is, is read from its content."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lifesign.errors import InputError, LifesignError
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evidence, PrintedReport, Predictions
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs, history_curves
from lifesign.evaluation.diagnosis.inputs.classification_report import read_classification_report
from lifesign.evaluation.diagnosis.inputs.console_log import read_console_log
from lifesign.evaluation.diagnosis.inputs.event_files import event_files, read_event_files
from lifesign.evaluation.diagnosis.inputs.run_folders import evidence_of_report, read_run_folder
from lifesign.evaluation.diagnosis.setup import setup_from

__all__ = ["read_cases"]

_TABLE_SUFFIXES = (".csv", ".tsv")


def read_cases(paths: Sequence[Path], *, notes: Sequence[str] = ()) -> tuple[list[Evidence], list[str]]:
    """Return one evidence per case file and one of all other files together, and a sentence per unusable file.

    Files that are no cases describe one run.
    """
    cases: list[Evidence] = []
    loose: list[Evidence] = []
    problems: list[str] = []
    for path in paths:
        try:
            evidence, is_case = _read(path)
        except LifesignError as error:
            problems.append(str(error))
            continue
        (cases if is_case else loose).append(evidence)
    if loose:
        cases.append(_together(loose))
    if notes:
        cases = [_with_notes(one, notes) for one in cases] or [Evidence(id="notes", setup=setup_from(notes))]
    return cases, problems


def _read(path: Path) -> tuple[Evidence, bool]:
    if path.is_dir():
        if event_files(path):
            return Evidence(id=path.name, curves=read_event_files(path)), False
        return read_run_folder(path), False
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if path.name.startswith("events.out.tfevents"):
        return Evidence(id=path.name, curves=read_event_files(path)), False
    if path.suffix == ".json" or text.lstrip()[:1] in ("{", "["):
        return _of_json(path, text)
    if path.suffix in _TABLE_SUFFIXES:
        return _of_table(path, text), False
    return _of_text(path, text), False


def _of_json(path: Path, text: str) -> tuple[Evidence, bool]:
    try:
        document = json.loads(text)
    except ValueError as error:
        if path.suffix == ".json":
            raise InputError(f"{path}: expected JSON: {error}") from error
        return _of_text(path, text), False
    if isinstance(document, Mapping):
        if "inputs" in document:
            return evidence_of_inputs(
                document["inputs"], identifier=str(document.get("id") or path.stem)
            ), True
        if "schema_version" in document and "confusion" in document:
            return evidence_of_report(document, identifier=path.stem), False
        if _is_report_dictionary(document):
            return Evidence(id=path.stem, report=_report_of_dictionary(document)), False
        if _is_series(document):
            return Evidence(id=path.stem, curves=history_curves(document)), False
        if set(document) & {
            "console_log",
            "history",
            "confusion_matrix",
            "evaluations",
            "notes",
            "class_counts",
            "predictions",
        }:
            return evidence_of_inputs(document, identifier=path.stem), True
        if document and all(isinstance(value, int) for value in document.values()):
            counts = ClassCounts({str(name): int(count) for name, count in document.items()})
            return Evidence(id=path.stem, counts={"all": counts}), False
    if isinstance(document, list) and document:
        if all(isinstance(row, Mapping) for row in document):
            names = list(dict.fromkeys(name for row in document for name in row))
            series = {name: [row.get(name) for row in document] for name in names}
            return Evidence(id=path.stem, curves=history_curves(_numbers_only(series))), False
        if all(isinstance(row, list) for row in document):
            return evidence_of_inputs({"confusion_matrix": document}, identifier=path.stem), False
    raise InputError(
        f"{path}: expected a case with 'inputs', a History (metric to list), a report or a matrix, got another form"
    )


def _is_series(document: Mapping[str, Any]) -> bool:
    return (
        bool(document)
        and all(isinstance(value, list) for value in document.values())
        and any("loss" in name or "acc" in name for name in document)
    )


def _numbers_only(series: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Keep the columns of numbers; our own development figures are validation, its time is no metric."""
    kept = {}
    for name, values in series.items():
        if name in ("seconds",) or not any(isinstance(value, int | float) for value in values):
            continue
        kept[name] = values
    return kept


def _is_report_dictionary(document: Mapping[str, Any]) -> bool:
    rows = [value for value in document.values() if isinstance(value, Mapping)]
    return len(rows) >= 2 and all({"precision", "recall", "support"} <= set(row) for row in rows)


def _report_of_dictionary(document: Mapping[str, Any]) -> PrintedReport:
    """``classification_report(..., output_dict=True)``."""
    averages = {"macro avg", "weighted avg", "micro avg", "samples avg"}
    rows = {name: row for name, row in document.items() if isinstance(row, Mapping) and name not in averages}
    accuracy = document.get("accuracy")
    return PrintedReport(
        names=tuple(rows),
        precision=np.array([float(row["precision"]) for row in rows.values()]),
        recall=np.array([float(row["recall"]) for row in rows.values()]),
        f1=np.array([float(row.get("f1-score", np.nan)) for row in rows.values()]),
        support=np.array([int(row["support"]) for row in rows.values()]),
        accuracy=None if accuracy is None else float(accuracy),
        decimals=12,
    )


def _of_table(path: Path, text: str) -> Evidence:
    delimiter = (
        "\t"
        if path.suffix == ".tsv"
        else ";"
        if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",")
        else ","
    )
    rows = [
        row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise InputError(f"{path}: expected a table, got an empty file")
    if all(_is_number(cell) for cell in rows[0]):
        return evidence_of_inputs(
            {"confusion_matrix": [[float(cell) for cell in row] for row in rows]}, identifier=path.stem
        )
    header = [cell.strip() for cell in rows[0]]
    columns = {
        name: [row[index] if index < len(row) else "" for row in rows[1:]]
        for index, name in enumerate(header)
    }
    lowered = {name.lower(): name for name in header}
    if "y_true" in lowered or (
        "label" in lowered and ({"score", "y_pred", "y_prob", "predicted"} & set(lowered))
    ):
        return Evidence(id=path.stem, predictions=_predictions(columns, lowered))
    if any("loss" in name.lower() or "acc" in name.lower() for name in header):
        series = {
            name: [float(cell) if _is_number(cell) else None for cell in cells]
            for name, cells in columns.items()
            if any(_is_number(cell) for cell in cells)
        }
        return Evidence(id=path.stem, curves=history_curves(_numbers_only(series)))
    raise InputError(
        f"{path}: expected columns of a CSVLogger (loss, accuracy …), of predictions (y_true, y_pred, y_prob) or a "
        f"matrix of counts, got {', '.join(header[:8])}"
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _value(cell: str) -> object:
    number = float(cell) if _is_number(cell) else None
    return cell if number is None else int(number) if number == int(number) else number


def _predictions(columns: Mapping[str, list[str]], lowered: Mapping[str, str]) -> Predictions:
    def column(*names: str) -> list[str] | None:
        return next((columns[lowered[name]] for name in names if name in lowered), None)

    true, predicted, score = (
        column("y_true", "label"),
        column("y_pred", "predicted", "prediction"),
        column("y_prob", "score", "probability"),
    )
    return Predictions(
        y_true=None if true is None else np.array([_value(cell) for cell in true], dtype=object),
        y_pred=None if predicted is None else np.array([_value(cell) for cell in predicted], dtype=object),
        y_prob=None
        if score is None
        else np.array([float(cell) if _is_number(cell) else np.nan for cell in score]),
    )


def _of_text(path: Path, text: str) -> Evidence:
    curves, report = read_console_log(text), read_classification_report(text)
    if curves is None and report is None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise InputError(f"{path}: expected a training log, a report or notes, got an empty file")
        return Evidence(id=path.stem, setup=setup_from(lines))
    # What is printed between, such as a model summary or code, is the setup.
    rest = [
        line.strip()
        for line in text.splitlines()
        if "loss" not in line.lower() or "loss=" in line or "compile" in line
    ]
    return Evidence(
        id=path.stem, curves=curves, report=report, setup=setup_from([line for line in rest if line])
    )


def _together(parts: Sequence[Evidence]) -> Evidence:
    """Return one evidence of several files about one run; where two tell the same, the first counts."""
    whole = parts[0]
    for part in parts[1:]:
        whole = replace(
            whole,
            curves=whole.curves or part.curves,
            matrix=part.matrix if whole.matrix is None else whole.matrix,
            class_names=whole.class_names or part.class_names,
            n_classes=whole.n_classes or part.n_classes,
            report=whole.report or part.report,
            counts={**part.counts, **whole.counts},
            predictions=whole.predictions or part.predictions,
            evaluations=(*whole.evaluations, *part.evaluations),
            setup=setup_from((*whole.setup.notes, *part.setup.notes)),
        )
    return whole


def _with_notes(evidence: Evidence, notes: Sequence[str]) -> Evidence:
    return replace(evidence, setup=setup_from((*evidence.setup.notes, *notes)))
