"""The text of scikit-learn's ``classification_report``, whole or cut."""

import re

import numpy as np

from lifesign.evaluation.diagnosis.evidence import PrintedReport

__all__ = ["read_classification_report"]

_ROW = re.compile(r"^\s*(.*?)\s+([01]\.\d+|nan)\s+([01]\.\d+|nan)\s+([01]\.\d+|nan)\s+(\d+)\s*$")
_ACCURACY = re.compile(r"^\s*accuracy\s+([01]\.\d+)\s+\d+\s*$")
_AVERAGES = ("micro avg", "macro avg", "weighted avg", "samples avg", "avg / total", "avg/total")


def read_classification_report(text: str) -> PrintedReport | None:
    """Return the rows of the report, ``None`` where no class row is found."""
    names, rows, averages = [], [], {}
    accuracy, decimals = None, 2
    for line in text.splitlines():
        if found := _ACCURACY.match(line):
            accuracy = float(found[1])
        elif found := _ROW.match(line):
            figures = tuple(float(value) for value in found.groups()[1:4])
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
