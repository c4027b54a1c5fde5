"""Calibration as a part of the report."""

from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.metrics.calibration import ReliabilityCounts
from lifesign.evaluation.report.document import CalibrationBin, CalibrationDocument

__all__ = ["calibration_document"]


def calibration_document(counts: ReliabilityCounts) -> CalibrationDocument | None:
    """Return errors and rows of the reliability diagram; ``None`` without scored samples."""
    if counts.total == 0:
        return None
    bins = tuple(
        CalibrationBin(
            lower=one.lower,
            upper=one.upper,
            count=one.count,
            mean_score=optional(one.mean_score),
            share_positive=optional(one.true_share),
        )
        for one in counts.bins()
    )
    return CalibrationDocument(
        ece=optional(counts.ece()), mce=optional(counts.mce()), brier=optional(counts.brier()), bins=bins
    )
