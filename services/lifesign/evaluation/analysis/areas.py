"""Areas under ROC curves and the curves themselves: per class, per species, and of all together."""

from collections.abc import Mapping

import numpy as np

from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.pad import pad_roc
from lifesign.evaluation.analysis.rates import optional, roc_document
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.metrics.auc import Auc
from lifesign.evaluation.metrics.roc_summaries import mean_curve
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc, reduced_curve, roc
from lifesign.evaluation.report.document import CurvePoint, RocDocument, Value
from lifesign.labels import BONA_FIDE

__all__ = ["area_under_curve", "areas_per_class", "macro_roc", "roc_documents"]

_MAX_CURVES = 10


def area_under_curve(state: RunState, spec: AnalysisSpec) -> Auc:
    """Return the headline AUC: bona fide against all attacks, or of all (sample, class) pairs pooled."""
    if spec.task == "classification":
        return state.classes.micro_auc()
    attacks = [name for name in state.histogram.groups if name != BONA_FIDE]
    return auc(state.histogram, [BONA_FIDE], attacks)


def areas_per_class(state: RunState, spec: AnalysisSpec) -> Mapping[str, Auc]:
    """Return the one-vs-rest AUC of every class; of two classes both have the same."""
    if spec.task == "classification":
        return state.classes.auc_per_class()
    # P(attack) = 1 − P(bona fide), so the pairs are the same; the finer histogram keeps more of their order.
    return dict.fromkeys(spec.class_names, area_under_curve(state, spec))


def roc_documents(state: RunState, spec: AnalysisSpec) -> tuple[RocDocument, ...]:
    """Return the curve of everything together, then of every species, or of the ten worst classes."""
    if spec.task == "liveness":
        return pad_roc(state.histogram)
    classes = state.classes
    areas = classes.auc_per_class()
    order = sorted(
        range(len(classes.class_names)), key=lambda index: _badness(areas, classes.class_names[index])
    )
    kept = sorted(order[:_MAX_CURVES])
    pooled = np.asarray(classes.counts.sum(axis=0), dtype=np.int64)
    pairs = [("all classes (micro)", pooled, classes.micro_auc())]
    pairs += [
        (classes.class_names[index], classes.counts[index], areas[classes.class_names[index]])
        for index in kept
    ]
    return tuple(
        roc_document(name, roc(ScoreHistogram(("0", "1"), counts), ["1"], ["0"]), area)
        for name, counts, area in pairs
    )


def macro_roc(state: RunState, spec: AnalysisSpec) -> RocDocument | None:
    """Return the mean curve of all classes, ``None`` for liveness and without a defined one."""
    if spec.task == "liveness":
        return None
    curves = [roc(ScoreHistogram(("0", "1"), counts), ["1"], ["0"]) for counts in state.classes.counts]
    thin = reduced_curve(mean_curve(curves))
    if not len(thin.thresholds):
        return None
    rates = zip(thin.false_positive_rate.tolist(), thin.true_positive_rate.tolist(), strict=True)
    return RocDocument(
        name="mean of the classes (macro)",
        auc=Value(value=optional(state.classes.macro_auc()), method="mean of the classes"),
        points=tuple(CurvePoint(x=round(x, 6), y=round(y, 6)) for x, y in rates),
    )


def _badness(areas: Mapping[str, Auc], name: str) -> tuple[bool, float, str]:
    value = areas[name].value
    return (bool(np.isnan(value)), value, name)
