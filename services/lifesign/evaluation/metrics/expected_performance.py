"""The expected performance curve: thresholds chosen on development scores for every weight of the two errors.

S. Bengio, J. Mariéthoz and M. Keller, The Expected Performance Curve (ICML workshop on ROC analysis, 2005): a
ROC curve of test scores shows thresholds that nobody could have chosen; this one shows only such as were.
"""

from collections.abc import Collection

from lifesign.evaluation.metrics.costs import least_cost
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram

__all__ = ["WEIGHTS", "weighted_thresholds"]

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Weights of false acceptance; at 0 and 1 the best decision is to accept, or to reject, everybody."""


def weighted_thresholds(
    hist: ScoreHistogram, positives: Collection[str], negatives: Collection[str]
) -> dict[float, float]:
    """Return for each weight w the threshold of the least w · FPR + (1 - w) · FNR, in [0, 1].

    On the development scores; on the test scores the curve is the half total error at these thresholds.
    ``inf`` where rejecting everybody is best.

    Raises:
        InputError: a class without samples.
    """
    return {
        weight: least_cost(
            hist, positives, negatives, cost_accept=1, cost_reject=1, attack_share=weight
        ).threshold
        for weight in WEIGHTS
    }
