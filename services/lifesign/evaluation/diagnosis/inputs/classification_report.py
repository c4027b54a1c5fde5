"""The text of scikit-learn's ``classification_report`` or of imbalanced-learn's, whole or cut."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lifesign.evaluation.diagnosis.evidence import PrintedReport

__all__ = ["is_report_dictionary", "is_report_line", "read_classification_report", "report_of_dictionary"]

_RATE = r"\s+([01]\.\d+|nan)"
_ROW = re.compile(rf"^\s*(.*?){_RATE * 3}\s+(\d+)\s*$")
# imbalanced-learn's: pre, rec, spe, f1, geo, iba, sup.
_WIDE_ROW = re.compile(rf"^\s*(.*?){_RATE * 2}\s+[01]\.\d+{_RATE}\s+[01]\.\d+\s+[01]\.\d+\s+(\d+)\s*$")
_ACCURACY = re.compile(r"^\s*accuracy\s+([01]\.\d+)\s+\d+\s*$")
_HEADERS = (
    ["precision", "recall", "f1-score", "support"],
    ["pre", "rec", "spe", "f1", "geo", "iba", "sup"],
)
_AVERAGES = ("micro avg", "macro avg", "weighted avg", "samples avg", "avg / total", "avg/total")


def is_report_line(line: str) -> bool:
    """Whether a line is the header or a row of the report."""
    return bool(_ROW.match(line) or _ACCURACY.match(line)) or line.split() in _HEADERS


def read_classification_report(text: str) -> PrintedReport | None:
    """Return the rows of the report, ``None`` where no class row is found."""
    names, rows = [], []
    averages: dict[str, tuple[float, float, float]] = {}
    accuracy, decimals = None, 2
    for line in text.splitlines():
        if found := _ACCURACY.match(line):
            accuracy = float(found[1])
        elif found := _WIDE_ROW.match(line) or _ROW.match(line):
            figures = (float(found[2]), float(found[3]), float(found[4]))
            if found[1].strip().lower() in _AVERAGES:
                averages[found[1].strip().lower()] = figures
                continue
            names.append(found[1].strip())
            rows.append((*figures, int(found[5])))
            decimals = max(len(value) - 2 for value in found.groups()[1:4])
    if not rows:
        return None
    table = np.array(rows, float)
    return PrintedReport(
        names=tuple(names),
        precision=table[:, 0],
        recall=table[:, 1],
        f1=table[:, 2],
        support=table[:, 3].astype(np.int64),
        accuracy=accuracy,
        decimals=decimals,
        averages=averages,
    )


def is_report_dictionary(document: Mapping[str, Any]) -> bool:
    """Whether this is ``classification_report(..., output_dict=True)``."""
    rows = [value for value in document.values() if isinstance(value, Mapping)]
    return len(rows) >= 2 and all({"precision", "recall", "support"} <= set(row) for row in rows)


def report_of_dictionary(document: Mapping[str, Any]) -> PrintedReport:
    """Return the report of ``classification_report(..., output_dict=True)``.

    Raises:
        ValueError: it has another form.
    """
    if not is_report_dictionary(document):
        raise ValueError("expected classes with precision, recall and support")
    rows = {
        name: row
        for name, row in document.items()
        if isinstance(row, Mapping) and name.lower() not in _AVERAGES
    }
    accuracy = document.get("accuracy")
    figures = [
        str(row[name]) for row in rows.values() for name in ("precision", "recall", "f1-score") if name in row
    ]
    return PrintedReport(
        names=tuple(rows),
        precision=np.array([float(row["precision"]) for row in rows.values()]),
        recall=np.array([float(row["recall"]) for row in rows.values()]),
        f1=np.array([float(row.get("f1-score", np.nan)) for row in rows.values()]),
        support=np.array([int(row["support"]) for row in rows.values()]),
        accuracy=None if accuracy is None else float(accuracy),
        # Somebody may have rounded them.
        decimals=min(12, max(2, *(len(figure.partition(".")[2]) for figure in figures))),
    )
