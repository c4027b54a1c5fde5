"""Area under the ROC curve from two histograms, with its binning certificate and DeLong's interval."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.metrics.intervals import LEVEL, Interval, clopper_pearson

__all__ = ["Auc", "auc_of_counts"]


@dataclass(frozen=True, slots=True)
class Auc:
    """P(score of a positive > score of a negative) + ½ P(equal), in [0, 1]; 0.5 is chance, 1 is best.

    ``certificate`` bounds the distance to the AUC of the unbinned scores: ½ Σ pos·neg over the bins of
    several scores, over all pairs, since only pairs within such a bin may be ordered wrongly. ``interval``
    is DeLong's on the logit scale, widened by the certificate. Everything is ``nan`` without positives or
    negatives.
    """

    value: float
    certificate: float
    interval: Interval
    positives: int
    negatives: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values (``nan`` as ``None``)."""
        missing = math.isnan(self.value)
        return {
            "value": None if missing else self.value,
            "certificate": None if missing else self.certificate,
            "positives": self.positives,
            "negatives": self.negatives,
            **self.interval.to_dict(),
        }


def auc_of_counts(
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
    *,
    is_tied: NDArray[np.bool_] | None = None,
    level: float = LEVEL,
) -> Auc:
    """Return the AUC of counts per bin, both int64 ``(bins,)`` with ascending scores.

    ``is_tied``, bool ``(bins,)``, says which bins hold one score only; without it none is taken to.
    Standard error: DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), on the binned scores. With
    perfect (or perfectly wrong) separation it is 0 and proves nothing; then the interval is the
    Clopper–Pearson one of no error in min(positives, negatives) pairs.
    """
    positives, negatives = int(positive.sum()), int(negative.sum())
    if not positives or not negatives:
        nothing = Interval(math.nan, math.nan, level, "delong_logit")
        return Auc(math.nan, math.nan, nothing, positives, negatives)
    used = np.flatnonzero(positive + negative)
    pos, neg = positive[used].astype(np.float64), negative[used].astype(np.float64)
    # Share of the other class below each bin, ties halved: DeLong's structural components.
    beaten = (np.cumsum(neg) - neg / 2) / negatives
    missed = (positives - np.cumsum(pos) + pos / 2) / positives
    value = min(1.0, float(pos @ beaten) / positives)
    unsure = neg if is_tied is None else np.where(is_tied[used], 0.0, neg)
    certificate = float(pos @ unsure) / (2.0 * positives * negatives)
    variance = 0.0
    if positives > 1 and negatives > 1:
        variance = float(pos @ (beaten - value) ** 2) / (positives - 1) / positives
        variance += float(neg @ (missed - value) ** 2) / (negatives - 1) / negatives
    limits = _limits(value, math.sqrt(variance), min(positives, negatives), level)
    widened = Interval(
        max(0.0, limits.lower - certificate), min(1.0, limits.upper + certificate), level, limits.method
    )
    return Auc(value, certificate, widened, positives, negatives)


def _limits(value: float, error: float, pairs: int, level: float) -> Interval:
    if error == 0 or not 0 < value < 1:
        wrong = round(pairs * (1 - value))
        exact = clopper_pearson(wrong, pairs, level=level)
        return Interval(1 - exact.upper, 1 - exact.lower, level, "clopper_pearson_pairs")
    z = float(special.ndtri((1 + level) / 2))
    centre, spread = math.log(value / (1 - value)), z * error / (value * (1 - value))
    return Interval(_logistic(centre - spread), _logistic(centre + spread), level, "delong_logit")


def _logistic(margin: float) -> float:
    if margin >= 0:
        return 1 / (1 + math.exp(-margin))
    return math.exp(max(margin, -700.0)) / (1 + math.exp(max(margin, -700.0)))
