"""Curves of the page: which ROC curves to show, precision against recall, and the tables behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lifesign.evaluation.report.document import HistogramRow, ReportDocument, RocDocument

__all__ = ["PrecisionRecall", "band_table", "precision_recall_curves", "reached_table", "shown_curves"]

_MAX_CURVES = 8
_LEVELS = (0.001, 0.01, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Recall and precision at the thresholds of a ROC curve, by rising recall."""

    name: str
    points: tuple[tuple[float, float], ...]


def shown_curves(document: ReportDocument) -> list[RocDocument]:
    """Return the first curve (all classes or species together) and the worst of the others.

    There is a colour for eight, that of the mean of the classes among them.
    """
    room = _MAX_CURVES - 1 - (document.roc_macro is not None)
    head, rest = document.roc[:1], document.roc[1:]
    worst = sorted(rest, key=lambda curve: (curve.auc.value is None, curve.auc.value or 0.0, curve.name))
    kept = {curve.name for curve in worst[:room]}
    return [*head, *(curve for curve in rest if curve.name in kept)]


def precision_recall_curves(document: ReportDocument, curves: Sequence[RocDocument]) -> list[PrecisionRecall]:
    """Return precision against recall of a classifier's curves, with the class shares of this very set.

    Precision is TP / (TP + FP), with TP and FP out of both rates and the numbers of samples, so it is exact
    at every drawn threshold. Liveness has none: its precision would be that of an invented share of attacks.
    """
    if document.pad is not None:
        return []
    support = {row.class_name: row.support for row in document.classes}
    total = sum(support.values())
    found = []
    for curve in curves:
        # The pooled curve holds every sample once as its own class and once as each of the others.
        positives = support.get(curve.name, total)
        negatives = total - positives if curve.name in support else total * (len(support) - 1)
        points = tuple(
            (point.y, positives * point.y / (positives * point.y + negatives * point.x))
            for point in curve.points
            if positives * point.y + negatives * point.x > 0
        )
        found.append(PrecisionRecall(curve.name, points))
    return found


def reached_table(
    curves: Sequence[RocDocument],
) -> tuple[tuple[float, ...], list[tuple[RocDocument, list[float]]]]:
    """Return limits of x and, per curve, the largest y of a drawn threshold that keeps each limit."""
    rows = [
        (curve, [max((p.y for p in curve.points if p.x <= level), default=0.0) for level in _LEVELS])
        for curve in curves
        if curve.points
    ]
    return _LEVELS, rows


def band_table(histograms: Sequence[HistogramRow]) -> list[tuple[float, float, list[int]]]:
    """Return limits and counts per group of all score bins in use; empty where groups have other bins."""
    if not histograms or any(row.edges != histograms[0].edges for row in histograms):
        return []
    edges = histograms[0].edges
    rows = zip(edges, edges[1:], zip(*(row.counts for row in histograms), strict=True), strict=False)
    return [(low, high, list(counts)) for low, high, counts in rows if any(counts)]
