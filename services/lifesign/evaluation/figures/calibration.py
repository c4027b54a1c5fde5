"""Reliability: how often a score of x % is right x % of the time, and where the scores lie."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from lifesign.evaluation.figures.look import GREY, TRAINING, VALIDATION, Canvas, drawn, new_figure
from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.report.document import CalibrationDocument

__all__ = ["calibration_figure"]


@drawn
def calibration_figure(calibration: CalibrationDocument, *, is_liveness: bool) -> Canvas:
    """Draw the share that was right against the mean score per bin with 95 % limits, and the bins' sizes."""
    bins = [one for one in calibration.bins if one.mean_score is not None and one.share_positive is not None]
    figure = new_figure(5.8, 5.4, title=_headline(calibration), subtitle=_subtitle(calibration, is_liveness))
    axes, sizes = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    scores = np.array([one.mean_score for one in bins], float)
    shares = np.array([one.share_positive for one in bins], float)
    limits = [clopper_pearson(round(y * one.count), one.count) for y, one in zip(shares, bins, strict=True)]
    axes.vlines(
        scores, [one.lower for one in limits], [one.upper for one in limits], color=TRAINING, linewidth=1.2
    )
    axes.plot(scores, shares, "o-", color=TRAINING, markersize=5)
    axes.annotate("perfect", (0.06, 0.06), xytext=(4, -8), textcoords="offset points", color=GREY, size=8)
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("share of bona fide" if is_liveness else "share that was right")
    sizes.bar(
        [one.lower for one in calibration.bins],
        [one.count for one in calibration.bins],
        width=[one.upper - one.lower for one in calibration.bins],
        align="edge",
        color=VALIDATION,
        alpha=0.7,
    )
    sizes.set_xlim(-0.02, 1.02)
    sizes.set_xlabel("score" if is_liveness else "largest score")
    sizes.set_ylabel("samples")
    sizes.yaxis.get_major_locator().set_params(nbins=3)
    for one in (axes.xaxis, axes.yaxis, sizes.xaxis):
        one.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    return figure


def _headline(calibration: CalibrationDocument) -> str:
    if calibration.ece is None:
        return "Calibration is not known"
    return f"Scores are off by {100 * calibration.ece:.1f} points on average (expected calibration error)"


def _subtitle(calibration: CalibrationDocument, is_liveness: bool) -> str:
    above = "below the line: too sure" if not is_liveness else "below the line: called bona fide too surely"
    parts = [above]
    if calibration.brier is not None:
        parts.append(f"Brier {calibration.brier:.4f}")
    if calibration.temperature is not None:
        heat = calibration.temperature.value
        parts.append(f"temperature {heat:.3g} ({'over-confident' if heat > 1 else 'over-cautious'})")
    return "; ".join(parts)
