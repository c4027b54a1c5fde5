"""Where the deciding threshold came from, and what two operating points together would do."""

from lifesign.errors import InputError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.rates import rate_row
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.evaluation.metrics.two_thresholds import three_way_counts
from lifesign.evaluation.report.document import (
    RateRow,
    ThreeWayRow,
    ThresholdProvenance,
    TwoThresholdDocument,
)
from lifesign.labels import BONA_FIDE
from lifesign.model_card import ModelCard, OperatingPoint, RateEvidence

__all__ = ["threshold_provenance", "threshold_source", "two_thresholds"]


def threshold_source(spec: AnalysisSpec) -> str | None:
    """Return where the deciding threshold came from: ``dev`` or ``fixed``; ``None`` for classifiers."""
    if spec.task == "classification":
        return None
    if spec.threshold is not None or spec.operating_point is None:
        return "fixed"
    return spec.operating_point.source


def threshold_provenance(spec: AnalysisSpec) -> ThresholdProvenance | None:
    """Return how the deciding threshold was chosen and what it promised; ``None`` for classifiers."""
    threshold, source = spec.decision_threshold, threshold_source(spec)
    if threshold is None or source is None:
        return None
    point = None if spec.threshold is not None else spec.operating_point
    if point is None:
        criterion = "given" if spec.threshold is not None else "0.5 for want of an operating point"
        return ThresholdProvenance(id=None, criterion=criterion, source=source, threshold=threshold)
    return ThresholdProvenance(
        id=point.id,
        criterion=point.criterion,
        source=source,
        threshold=threshold,
        dataset_digest=point.dataset_digest,
        promised_apcer_max=_promised(point.apcer_max),
        promised_bpcer=_promised(point.bpcer),
    )


def two_thresholds(histogram: ScoreHistogram, card: ModelCard | None) -> TwoThresholdDocument | None:
    """Return what rejecting below the card's lowest operating point and accepting from its highest would do.

    ``None`` where the card has no two thresholds, or their errors cannot be told from the histogram.
    """
    points = sorted(() if card is None else card.operating_points, key=_threshold)
    if len(points) < 2 or points[0].threshold == points[-1].threshold:
        return None
    low, high = points[0], points[-1]
    try:
        counts = three_way_counts(histogram, reject_below=low.threshold, accept_from=high.threshold)
    except InputError:  # a threshold within a bin: these counts cannot tell its errors exactly
        return None
    names = sorted(counts, key=lambda name: (name != BONA_FIDE, name))
    return TwoThresholdDocument(
        reject_below=low.threshold,
        accept_from=high.threshold,
        reject_point=low.id,
        accept_point=high.id,
        source="dev" if low.source == high.source == "dev" else "fixed",
        rows=tuple(
            ThreeWayRow(
                group=name,
                rejected=rate_row(counts[name].rejected_rate),
                uncertain=rate_row(counts[name].uncertain_rate),
                accepted=rate_row(counts[name].accepted_rate),
            )
            for name in names
        ),
    )


def _promised(evidence: RateEvidence | None) -> RateRow | None:
    return None if evidence is None else rate_row(Rate(evidence.errors, evidence.total))


def _threshold(point: OperatingPoint) -> float:
    return point.threshold
