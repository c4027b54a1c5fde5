"""Drift of image statistics and scores against the model card's reference, with its meaning in words."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.alarm_budget import DRIFT
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.metrics.drift import DriftState, DriftTest, drift_tests
from lifesign.evaluation.metrics.reference_profile import FeatureReference, ReferenceProfile
from lifesign.evaluation.report.document import DriftRow

__all__ = ["drift_rows"]

_SHOWN_BINS = 8
_BLIND = 0.3  # a test that would have missed even this distance has not told anything
_WORDS = {
    "brightness": ("brighter", "darker"),
    "contrast": ("higher in contrast", "flatter in contrast"),
    "saturation": ("more colourful", "paler"),
    "sharpness": ("sharper", "blurrier"),
    "noise": ("noisier", "smoother"),
    "blockiness": ("more visibly compressed", "less compressed"),
    "red_green": ("redder", "greener"),
    "blue_yellow": ("bluer", "yellower"),
    "entropy": ("richer in tones", "poorer in tones"),
    "typology_angle": ("lighter in the middle", "darker in the middle"),
}


def drift_rows(profile: ReferenceProfile, state: DriftState) -> tuple[DriftRow, ...]:
    """Return a row per feature of the reference, those that drifted first."""
    tests = drift_tests(profile, state, alpha=DRIFT)
    rows = [_row(test, profile.features[test.feature], state.counts[test.feature]) for test in tests]
    return tuple(sorted(rows, key=lambda row: (row.verdict != "alert", -(row.statistic or 0.0), row.feature)))


def _row(test: DriftTest, reference: FeatureReference, current: NDArray[np.int64]) -> DriftRow:
    shown = _shown_bins(reference)
    return DriftRow(
        feature=test.feature,
        meaning=_meaning(test, reference, current),
        method="ks_rank_sum_binned",
        statistic=optional(test.statistic),
        effect=optional(test.effect),
        p_value=optional(test.p_value),
        q_value=optional(test.q_value),
        verdict=_verdict(test),
        reference_count=test.n_reference,
        current_count=test.n_current,
        minimum_detectable=optional(test.minimum_detectable),
        reference_histogram=_shares(np.asarray(reference.counts), shown),
        current_histogram=_shares(current, shown),
    )


def _verdict(test: DriftTest) -> Literal["ok", "alert", "insufficient"]:
    if test.material:
        return "alert"
    blind = not test.minimum_detectable <= _BLIND
    return "insufficient" if blind or math.isnan(test.statistic) else "ok"


def _meaning(test: DriftTest, reference: FeatureReference, current: NDArray[np.int64]) -> str:
    """Return the change in words: ``images are darker (median 0.31 → 0.18)``."""
    before, now = _median(reference.edges, reference.counts), _median(reference.edges, current.tolist())
    if math.isnan(before) or math.isnan(now):
        return "no samples to compare"
    medians = f"median {before:.3g} → {now:.3g}"
    if _verdict(test) == "insufficient":
        return f"{medians}, insufficient evidence ({_fewer(test)})"
    if not test.material:
        return medians
    higher, lower = _WORDS.get(test.feature, ("higher", "lower"))
    if abs(test.effect) < test.statistic / 2:
        return f"spread out or squeezed, {medians}"
    subject = "scores" if test.feature == "score" else "images"
    return f"{subject} are {higher if test.effect > 0 else lower} ({medians})"


def _fewer(test: DriftTest) -> str:
    """Return how much there is on the smaller side: ``2 people``, or ``n = 12`` where nobody is named."""
    people, size = min((test.people_reference, test.n_reference), (test.people_current, test.n_current))
    if round(people) == size > 1:
        return f"n = {size:,}"
    return "1 person" if round(people) == 1 else f"{round(people):,} people"


def _median(edges: Sequence[float], counts: Sequence[int]) -> float:
    """Return the median out of bins, linear within a bin; ``nan`` without samples."""
    total = sum(counts)
    if total == 0 or not edges:
        return math.nan
    below = 0
    for index, count in enumerate(counts):
        if count and below + count >= total / 2:
            low, high = edges[max(index - 1, 0)], edges[min(index, len(edges) - 1)]
            return low + (high - low) * (total / 2 - below) / count
        below += count
    return math.nan


def _shown_bins(reference: FeatureReference) -> NDArray[np.int64]:
    """Return which eighth of the reference each bin belongs to, int64 ``(bins,)``."""
    counts = np.asarray(reference.counts, dtype=np.float64)
    middle = (np.cumsum(counts) - counts / 2) / max(1.0, counts.sum())
    eighth = np.minimum((_SHOWN_BINS * middle).astype(np.int64), _SHOWN_BINS - 1)
    _, dense = np.unique(eighth, return_inverse=True)
    return np.asarray(dense, dtype=np.int64)


def _shares(counts: NDArray[np.int64], shown: NDArray[np.int64]) -> tuple[float, ...]:
    sums = np.bincount(shown, weights=counts.astype(np.float64))
    return tuple(round(share, 6) for share in (sums / max(1.0, sums.sum())).tolist())
