"""Rates, areas and decisions of a run as rows of the report."""

import math
from collections.abc import Mapping

import numpy as np

from lifesign.evaluation.analysis.state import Tally
from lifesign.evaluation.metrics.auc import Auc
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.intervals import Rate, is_resolved, lower_bound, upper_bound, wilson
from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.precision_recall import AveragePrecision
from lifesign.evaluation.metrics.probability_scores import ProbabilityScores
from lifesign.evaluation.metrics.roc_summaries import partial_auc
from lifesign.evaluation.metrics.score_histogram import RocCurve, reduced_curve
from lifesign.evaluation.report.document import (
    ClassMetrics,
    ConfusionDocument,
    CurvePoint,
    RateRow,
    RocDocument,
    SliceRow,
    Value,
)

__all__ = [
    "accuracy_value",
    "auc_value",
    "averages",
    "class_rows",
    "confusion_document",
    "decision_averages",
    "optional",
    "precision_value",
    "rate_row",
    "roc_document",
    "slice_rows",
]


_TOP = (3, 5)
_LEFT = 0.1


def optional(number: float) -> float | None:
    """Return a number for JSON: ``None`` where it is undefined or infinite."""
    return float(number) if math.isfinite(number) else None


def rate_row(rate: Rate) -> RateRow:
    """Return a rate with its 95 % Clopper–Pearson limits, and Wilson's for display.

    Without errors (or with nothing else) the limit is one-sided, as in the text: the rule of three.
    Without samples the limits are 0 and 1.
    """
    limits, score = rate.interval(), wilson(rate.errors, rate.total)
    lower, upper = (0.0, 1.0) if rate.total == 0 else (limits.lower, limits.upper)
    if rate.total and rate.errors == 0:
        upper = upper_bound(0, rate.total)
    elif rate.total and rate.errors == rate.total:
        lower = lower_bound(rate.errors, rate.total)
    return RateRow(
        errors=rate.errors,
        total=rate.total,
        value=optional(rate.value),
        lower=lower,
        upper=upper,
        text=rate.text(),
        resolved=is_resolved(rate) if rate.total else None,
        wilson_lower=optional(score.lower),
        wilson_upper=optional(score.upper),
    )


def accuracy_value(errors: RateRow) -> Value:
    """Return the accuracy with limits out of the rate of errors."""
    if errors.value is None:
        return Value(value=None, method="clopper_pearson")
    return Value(
        value=1 - errors.value, lower=1 - errors.upper, upper=1 - errors.lower, method="clopper_pearson"
    )


def auc_value(area: Auc) -> Value:
    """Return an area with its limits and the certificate of its binning."""
    return Value(
        value=optional(area.value),
        lower=optional(area.interval.lower),
        upper=optional(area.interval.upper),
        method=area.interval.method,
        certificate=optional(area.certificate),
    )


def roc_document(name: str, curve: RocCurve, area: Auc) -> RocDocument:
    """Return a curve thinned to 200 of its own points; undefined curves have none."""
    thin = reduced_curve(curve)
    points = tuple(
        CurvePoint(x=round(x, 6), y=round(y, 6), threshold=optional(threshold))
        for x, y, threshold in zip(
            thin.false_positive_rate.tolist(),
            thin.true_positive_rate.tolist(),
            thin.thresholds.tolist(),
            strict=True,
        )
        if math.isfinite(x) and math.isfinite(y)
    )
    # Of the whole curve: the thinned one has few of the points on the left.
    left = partial_auc(curve, max_rate=_LEFT)
    return RocDocument(name=name, auc=auc_value(area), points=points, partial_auc=optional(left))


def confusion_document(tally: Tally, decision: str) -> ConfusionDocument:
    """Return the matrix with the samples of each class that got no answer."""
    return ConfusionDocument(
        class_names=tally.confusion.class_names,
        counts=tuple(tuple(row) for row in tally.confusion.counts.tolist()),
        no_response=tuple(tally.no_response.tolist()),
        decision=decision,
    )


def precision_value(area: AveragePrecision) -> Value:
    """Return an average precision with the certificate of its binning; it has no interval."""
    return Value(value=optional(area.value), certificate=optional(area.certificate))


def class_rows(
    confusion: ConfusionMatrix,
    areas: Mapping[str, Auc],
    precisions: Mapping[str, AveragePrecision] | None = None,
) -> tuple[ClassMetrics, ...]:
    """Return precision, recall, F1, specificity, AUC, average precision and support of every class."""
    precisions = precisions or {}
    columns = zip(
        confusion.class_names,
        confusion.precision.tolist(),
        confusion.recall.tolist(),
        confusion.f1.tolist(),
        confusion.specificity.tolist(),
        confusion.support.tolist(),
        strict=True,
    )
    return tuple(
        ClassMetrics(
            class_name=name,
            precision=optional(precision),
            recall=optional(recall),
            f1=optional(f1),
            support=support,
            auc=auc_value(areas[name]) if name in areas else None,
            specificity=optional(specificity),
            average_precision=precision_value(precisions[name]) if name in precisions else None,
        )
        for name, precision, recall, f1, specificity, support in columns
    )


def averages(
    confusion: ConfusionMatrix, classes: MultiClassHistogram, probabilities: ProbabilityScores
) -> dict[str, float | None]:
    """Return means over the classes, agreement beyond chance, and losses of the probabilities."""
    precisions = [one.value for one in classes.average_precision_per_class().values()]
    defined = [value for value in precisions if not math.isnan(value)]
    size = len(confusion.class_names)
    top = {f"top{k}_accuracy": optional(1 - probabilities.top(k).value) for k in _TOP if k < size}
    return {
        **decision_averages(confusion),
        **top,
        "log_loss": optional(probabilities.log_loss()),
        "log_loss_clipped": probabilities.clipped,
        "brier": optional(probabilities.brier()),
        "mse": optional(probabilities.brier() / size),
        "auc_macro": optional(classes.macro_auc()),
        "auc_macro_certificate": optional(classes.macro_certificate()),
        "auc_micro": optional(classes.micro_auc().value),
        "average_precision_macro": sum(defined) / len(defined) if defined else None,
    }


def decision_averages(confusion: ConfusionMatrix) -> dict[str, float | None]:
    """Return the averages that decisions alone tell."""
    return {
        "macro_precision": optional(confusion.macro(confusion.precision)),
        "macro_recall": optional(confusion.macro(confusion.recall)),
        "macro_f1": optional(confusion.macro(confusion.f1)),
        "macro_specificity": optional(confusion.macro(confusion.specificity)),
        "weighted_precision": optional(confusion.weighted(confusion.precision)),
        "weighted_recall": optional(confusion.weighted(confusion.recall)),
        "weighted_f1": optional(confusion.weighted(confusion.f1)),
        "micro_f1": optional(confusion.micro),
        "micro_specificity": optional(confusion.micro_specificity),
        "kappa": optional(confusion.kappa),
        "mcc": optional(confusion.mcc),
    }


def slice_rows(slices: Mapping[str, Mapping[str, Tally]]) -> tuple[SliceRow, ...]:
    """Return error rate, APCER (pooled over species) and BPCER of every slice value."""
    return tuple(
        SliceRow(
            column=column,
            value=value,
            samples=tally.samples,
            no_response=int(np.sum(tally.no_response)),
            accuracy=rate_row(tally.confusion.errors),
            apcer=None if tally.pad is None else rate_row(tally.pad.apcer_pooled()),
            bpcer=None if tally.pad is None else rate_row(tally.pad.bpcer()),
        )
        for column, values in sorted(slices.items())
        for value, tally in sorted(values.items())
    )
