"""The threshold with the least expected cost, where somebody knows what each error costs."""

import math
from collections.abc import Collection

import numpy as np

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.score_bins import BINS, bin_thresholds, decidable_cuts
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, ThresholdPoint

__all__ = ["least_cost"]


def least_cost(
    hist: ScoreHistogram,
    positives: Collection[str],
    negatives: Collection[str],
    *,
    cost_accept: float,
    cost_reject: float,
    attack_share: float,
) -> ThresholdPoint:
    """Return the step where ``cost_accept`` · share · FPR + ``cost_reject`` · (1 - share) · FNR is least.

    Costs are those of one accepted negative and one rejected positive, at least 0; ``attack_share`` is the
    share of negatives in operation, in [0, 1]. Of steps that cost the same the middle one is taken.

    Raises:
        InputError: a cost below 0, both costs 0, a share outside [0, 1], or a class without samples.
    """
    if min(cost_accept, cost_reject) < 0 or cost_accept == cost_reject == 0 or not 0 <= attack_share <= 1:
        raise InputError(
            "expected costs of at least 0, not both 0, and a share in [0, 1], got "
            f"{cost_accept:g}, {cost_reject:g} and {attack_share:g}"
        )
    positive, negative = hist.pooled(positives), hist.pooled(negatives)
    total_positive, total_negative = int(positive.sum()), int(negative.sum())
    if not total_positive or not total_negative:
        raise InputError(
            f"expected samples of both classes, got {total_positive} positives and {total_negative} negatives"
        )
    cuts = np.append(np.flatnonzero(decidable_cuts()), BINS)
    rejected = np.concatenate([[0], np.cumsum(positive)])[cuts]
    accepted = total_negative - np.concatenate([[0], np.cumsum(negative)])[cuts]
    cost = cost_accept * attack_share * accepted / total_negative
    cost = cost + cost_reject * (1 - attack_share) * rejected / total_positive
    best = np.flatnonzero(cost <= cost.min() * (1 + 1e-12))
    choice = int(best[len(best) // 2])
    cut = int(cuts[choice])
    return ThresholdPoint(
        float(bin_thresholds()[cut]) if cut < BINS else math.inf,
        Rate(int(accepted[choice]), total_negative),
        Rate(int(rejected[choice]), total_positive),
    )
