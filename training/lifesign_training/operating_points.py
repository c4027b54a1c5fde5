"""Thresholds, chosen on the development split and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError
from lifesign.evaluation.metrics.expected_performance import weighted_thresholds
from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.labels import ATTACK, BONA_FIDE
from lifesign.model_card import OperatingPoint, RateEvidence, WeightedThreshold

__all__ = [
    "CRITERIA",
    "LivenessScores",
    "area_under_curve",
    "choose_operating_points",
    "equal_error_rate",
    "rate_evidence",
    "require_polarity",
]

CRITERIA = ("eer", "apcer_max<=0.05", "apcer_max<=0.10", "bpcer<=0.05")
"""The ids of the operating points of a liveness model."""


@dataclass(frozen=True)
class LivenessScores:
    """Scores P(bona fide), float32: ``bona_fide`` ``(n,)``, ``attacks`` per PAI species ``(n_s,)``."""

    bona_fide: NDArray[np.float32]
    attacks: Mapping[str, NDArray[np.float32]]

    @classmethod
    def from_arrays(
        cls, scores: NDArray[np.float32], is_bona_fide: NDArray[np.bool_], species: NDArray[np.str_]
    ) -> Self:
        """Sort scores ``(n,)`` by class and species ``(n,)``; the species of bona fide rows is not read."""
        attacks = {
            str(name): scores[~is_bona_fide & (species == name)] for name in np.unique(species[~is_bona_fide])
        }
        return cls(scores[is_bona_fide], attacks)

    @property
    def all_attacks(self) -> NDArray[np.float32]:
        """Attack scores of all species, ``(n,)``."""
        return np.concatenate([*self.attacks.values(), np.empty(0, np.float32)])

    def bpcer(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of bona fide below each threshold ``(m,)``, 0–1, less is better; ``nan`` without any."""
        return _share_below(self.bona_fide, thresholds)

    def apcer_pooled(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of attacks at or above each threshold ``(m,)``, 0–1, less is better; ``nan`` without any."""
        return _share_at_least(self.all_attacks, thresholds)

    def apcer_max(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Accepted share of the worst species ``(m,)``, 0–1, less is better; ``nan`` without attacks."""
        if not self.attacks:
            return np.full(len(thresholds), np.nan)
        shares = [_share_at_least(scores, thresholds) for scores in self.attacks.values()]
        return np.asarray(np.max(shares, axis=0), dtype=np.float64)


def area_under_curve(scores: LivenessScores) -> float:
    """P(a bona fide scores above an attack) + ½ P(equal), all species pooled; ``nan`` without one of them."""
    attacks = np.sort(scores.all_attacks)
    if not len(attacks) or not len(scores.bona_fide):
        return float("nan")
    below = np.searchsorted(attacks, scores.bona_fide, side="left").sum(dtype=np.int64)
    not_above = np.searchsorted(attacks, scores.bona_fide, side="right").sum(dtype=np.int64)
    return float(below + not_above) / (2 * len(attacks) * len(scores.bona_fide))


def equal_error_rate(scores: LivenessScores) -> float:
    """Return the mean of APCER (all species pooled) and BPCER at the threshold where they are nearest, 0–1.

    Less is better; ``nan`` without bona fide or attack scores.
    """
    if not len(scores.bona_fide) or not len(scores.all_attacks):
        return float("nan")
    candidates = _candidates(scores)
    apcer, bpcer = scores.apcer_pooled(candidates), scores.bpcer(candidates)
    least = _least_gap(apcer, bpcer)
    return float(apcer[least] + bpcer[least]) / 2


def require_polarity(scores: LivenessScores) -> None:
    """Refuse a model that scores attacks above bona fide.

    Raises:
        ContractError: the AUC on the development split is below ½.
    """
    auc = area_under_curve(scores)
    if auc < 0.5:
        raise ContractError(
            f"polarity inverted: AUC on the dev split is {auc:.3f}, below 0.5; bona fide images must score "
            "higher than attacks (are the labels exchanged, or is the model untrained?)"
        )


def choose_operating_points(scores: LivenessScores, *, dataset_digest: str) -> tuple[OperatingPoint, ...]:
    """Choose a threshold for each of ``CRITERIA``.

    A threshold lies half-way between two neighbouring scores, so rounding in the server decides nothing.
    "At most" is kept on the step function, without interpolation; a limit that no threshold keeps
    (scores that are all exactly 1) gives no point.

    Raises:
        ContractError: a class is missing, or the polarity is inverted.
    """
    if not len(scores.bona_fide) or not len(scores.all_attacks):
        raise ContractError("operating points need bona fide and attack scores on the dev split")
    require_polarity(scores)
    candidates = _candidates(scores)
    apcer_max, bpcer = scores.apcer_max(candidates), scores.bpcer(candidates)
    chosen = (
        _least_gap(scores.apcer_pooled(candidates), bpcer),
        _lowest(apcer_max <= 0.05),
        _lowest(apcer_max <= 0.10),
        _highest(bpcer <= 0.05),
    )
    weighted = _weighted(scores)
    return tuple(
        _operating_point(criterion, candidates[index], scores, dataset_digest).model_copy(
            update={"weighted_thresholds": weighted}
        )
        for criterion, index in zip(CRITERIA, chosen, strict=True)
        if index is not None
    )


def rate_evidence(errors: int, total: int) -> RateEvidence:
    """Return an error rate with its exact 95 % interval; 0 to 1 without any case."""
    if total == 0:
        return RateEvidence(errors=0, total=0, value=None, lower=0.0, upper=1.0)
    interval = clopper_pearson(errors, total, level=0.95)
    return RateEvidence(
        errors=errors, total=total, value=errors / total, lower=interval.lower, upper=interval.upper
    )


def _operating_point(
    criterion: str, threshold: np.float64, scores: LivenessScores, dataset_digest: str
) -> OperatingPoint:
    # Not a plain float, which NumPy would round to the scores' float32: onto a score next to the threshold.
    by_species = {
        name: rate_evidence(int(np.sum(values >= threshold)), len(values))
        for name, values in scores.attacks.items()
    }
    return OperatingPoint(
        id=criterion,
        criterion=criterion,
        threshold=float(threshold),
        source="dev",
        dataset_digest=dataset_digest,
        apcer_max=max(by_species.values(), key=lambda rate: (rate.value or 0.0, rate.upper)),
        apcer_by_species=by_species,
        bpcer=rate_evidence(int(np.sum(scores.bona_fide < threshold)), len(scores.bona_fide)),
    )


def _weighted(scores: LivenessScores) -> tuple[WeightedThreshold, ...]:
    values = np.concatenate([scores.bona_fide, scores.all_attacks])
    attack = np.repeat([0, 1], [len(scores.bona_fide), len(scores.all_attacks)])
    # Edges of bins, so that an evaluation can count errors at them exactly.
    histogram = ScoreHistogram.from_batch((BONA_FIDE, ATTACK), attack, values)
    found = weighted_thresholds(histogram, [BONA_FIDE], [ATTACK])
    return tuple(
        WeightedThreshold(weight=weight, threshold=threshold)
        for weight, threshold in found.items()
        if np.isfinite(threshold)
    )


def _candidates(scores: LivenessScores) -> NDArray[np.float64]:
    """Return 0, the midpoints between distinct scores, and the middle of the greatest and 1, ascending."""
    distinct = np.unique(np.concatenate([scores.bona_fide, scores.all_attacks])).astype(np.float64)
    midpoints = (distinct[1:] + distinct[:-1]) / 2
    return np.concatenate([[0.0], midpoints, [(distinct[-1] + 1.0) / 2]])


def _share_below(scores: NDArray[np.float32], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    return _count_below(scores, thresholds) / len(scores) if len(scores) else np.full(len(thresholds), np.nan)


def _share_at_least(scores: NDArray[np.float32], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(scores):
        return np.full(len(thresholds), np.nan)
    # Not 1 less the share below: 1 - 19/20 is above 0.05.
    return (len(scores) - _count_below(scores, thresholds)) / len(scores)


def _count_below(scores: NDArray[np.float32], thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.searchsorted(np.sort(scores).astype(np.float64), thresholds, side="left")


def _least_gap(apcer: NDArray[np.float64], bpcer: NDArray[np.float64]) -> int:
    gaps = np.abs(apcer - bpcer)
    return int(np.lexsort((apcer + bpcer, gaps))[0])


def _lowest(kept: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(kept)) if kept.any() else None


def _highest(kept: NDArray[np.bool_]) -> int | None:
    return int(len(kept) - 1 - np.argmax(kept[::-1])) if kept.any() else None
