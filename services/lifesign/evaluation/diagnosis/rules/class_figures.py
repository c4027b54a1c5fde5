"""Figures per class, whatever they come from: a matrix, a report, predictions."""

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["better_threshold", "class_table", "two_class_counts"]

_Floats = NDArray[np.float64]


def class_table(evidence: Evidence) -> tuple[NDArray[np.int64], _Floats, tuple[str, ...]] | None:
    """Return support ``(K,)``, recall ``(K,)`` and names, from the matrix or else the report."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.sum():
        support = matrix.sum(axis=1)
        recall = np.divide(np.diag(matrix), support, out=np.full(len(matrix), np.nan), where=support > 0)
        return support, recall, tuple(evidence.name_of(index) for index in range(len(matrix)))
    if report is not None:
        return report.support, np.where(report.support > 0, report.recall, np.nan), report.names
    return None


def two_class_counts(evidence: Evidence) -> list[tuple[int, int]] | None:
    """Return (right, falsely answered) of each of two classes; a report's come from its precisions."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.shape == (2, 2):
        return [(int(matrix[one, one]), int(matrix[1 - one, one])) for one in (0, 1)]
    if report is None or len(report.names) != 2:
        return None
    cells = []
    for recall, precision, support in zip(report.recall, report.precision, report.support, strict=True):
        hits = float(recall * support)
        cells.append((round(hits), round(hits / precision - hits) if precision > 0 else 0))
    return cells


def better_threshold(evidence: Evidence) -> tuple[float, float, float] | None:
    """Return a threshold with a mean recall clearly better than at .5, with both; from binary
    probabilities.
    """
    given = evidence.predictions
    if (
        given is None
        or given.y_prob is None
        or given.y_true is None
        or len(given.y_prob) != len(given.y_true)
    ):
        return None
    scores = (
        given.y_prob if given.y_prob.ndim == 1 else given.y_prob[:, 1] if given.y_prob.shape[1] == 2 else None
    )
    labels = sorted(set(given.y_true.tolist()), key=str)
    if scores is None or len(labels) != 2:
        return None
    positive = np.array([value == labels[1] for value in given.y_true.tolist()])
    order = np.unique(scores)
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    missed = np.searchsorted(above, order)
    recalls = ((len(above) - missed) / len(above) + np.searchsorted(below, order) / len(below)) / 2
    at_half = ((scores >= 0.5)[positive].mean() + (scores < 0.5)[~positive].mean()) / 2
    best = int(recalls.argmax())
    n = min(int(positive.sum()), int((~positive).sum()))
    clearly = recalls[best] > 0.65 and recalls[best] - at_half > max(
        0.08, 3 * sampling_error(float(at_half), 2 * n)
    )
    return (float(order[best]), float(at_half), float(recalls[best])) if clearly else None
