"""Choosing the threshold on development scores: by equal error rates, a limit on one of them, or by cost."""

import contextlib
import math
import re
from collections.abc import Mapping

from lifesign.errors import ConfigurationError, ContractError, DatasetError
from lifesign.evaluation.metrics.costs import least_cost
from lifesign.evaluation.metrics.expected_performance import weighted_thresholds
from lifesign.evaluation.metrics.intervals import Rate, clopper_pearson
from lifesign.evaluation.metrics.pad import PadPoint, apcer_at_bpcer, bpcer_at_apcer, worst_rate
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc, eer, rates_at
from lifesign.labels import BONA_FIDE
from lifesign.model_card import OperatingPoint, RateEvidence, WeightedThreshold

__all__ = ["DEFAULT_CRITERION", "choose_operating_point", "normal_criterion"]

DEFAULT_CRITERION = "eer"

_LIMITED = ("apcer_max", "bpcer")
_COST = re.compile(r"min_cost\(([^,()]+),([^,()]+),([^,()]+)\)")


def normal_criterion(text: str) -> str:
    """Return ``eer``, ``apcer_max<=SHARE``, ``bpcer<=SHARE`` or ``min_cost(…)`` without blanks.

    Shares are in [0, 1]; ``min_cost(ACCEPT,REJECT,SHARE)`` holds the costs of an accepted attack and of a
    rejected bona fide sample, and the share of attacks in operation.

    Raises:
        ValueError: any other text.
    """
    word = "".join(text.split()).lower()
    name, separator, limit = word.partition("<=")
    if word == "eer":
        return word
    if name in _LIMITED and separator:
        with contextlib.suppress(ValueError):
            if 0 <= float(limit) <= 1:
                return word
    if _COST.fullmatch(word):
        with contextlib.suppress(ValueError):
            accept, reject, share = _costs(word)
            if min(accept, reject) >= 0 and accept + reject > 0 and 0 <= share <= 1:
                return word
    raise ValueError(
        "expected eer, apcer_max<=SHARE, bpcer<=SHARE or min_cost(ACCEPT,REJECT,SHARE), such as bpcer<=0.05"
    )


def _costs(word: str) -> tuple[float, float, float]:
    found = _COST.fullmatch(word)
    if found is None:
        raise ValueError(f"expected min_cost(ACCEPT,REJECT,SHARE), got {word!r}")
    accept, reject, share = (float(number) for number in found.groups())
    return accept, reject, share


def choose_operating_point(
    criterion: str, histogram: ScoreHistogram, *, dataset_digest: str
) -> OperatingPoint:
    """Return the threshold that ``criterion`` asks for, with what it achieves on the development scores.

    ``histogram`` holds P(bona fide) of ``bona_fide`` and of every PAI species. ``eer`` is where BPCER and
    APCER over all attacks differ least; a limit is kept by every species ("at most", never interpolated).

    Raises:
        DatasetError: a class has no scored development sample.
        ContractError: attacks score higher than bona fide samples there.
        ConfigurationError: only rejecting everything keeps the limit.
    """
    attacks = [name for name in histogram.groups if name != BONA_FIDE]
    counts = {"bona fide": histogram.total([BONA_FIDE]), "attack": histogram.total(attacks)}
    for name, count in counts.items():
        if count == 0:
            raise DatasetError(f"expected scored {name} samples to choose a threshold on, got none")
    area = auc(histogram, [BONA_FIDE], attacks).value
    if area < 0.5:
        raise ContractError(
            f"polarity inverted: AUC on the development scores is {area:.3f}, below 0.5; bona fide samples "
            "must score higher than attacks (are the labels exchanged, or is the score P(attack)?)"
        )
    threshold = _threshold(criterion, histogram, attacks)
    if math.isinf(threshold):
        raise ConfigurationError(f"no threshold keeps {criterion} on the development scores")
    return _described(criterion, threshold, histogram, attacks, dataset_digest)


def _threshold(criterion: str, histogram: ScoreHistogram, attacks: list[str]) -> float:
    if criterion == "eer":
        return eer(histogram, [BONA_FIDE], attacks).threshold
    if criterion.startswith("min_cost"):
        accept, reject, share = _costs(criterion)
        costs = {"cost_accept": accept, "cost_reject": reject, "attack_share": share}
        return least_cost(histogram, [BONA_FIDE], attacks, **costs).threshold
    name, _, limit = criterion.partition("<=")
    point: PadPoint = (bpcer_at_apcer if name == "apcer_max" else apcer_at_bpcer)(histogram, float(limit))
    return point.threshold


def _described(
    criterion: str, threshold: float, histogram: ScoreHistogram, attacks: list[str], digest: str
) -> OperatingPoint:
    species: Mapping[str, Rate] = {
        name: rates_at(histogram, [BONA_FIDE], [name], threshold=threshold).false_positive for name in attacks
    }
    bpcer = rates_at(histogram, [BONA_FIDE], attacks, threshold=threshold).false_negative
    return OperatingPoint(
        id=criterion,
        criterion=criterion,
        threshold=threshold,
        source="dev",
        dataset_digest=digest,
        apcer_max=_evidence(worst_rate(species).rate),
        apcer_by_species={name: _evidence(rate) for name, rate in species.items()},
        bpcer=_evidence(bpcer),
        weighted_thresholds=tuple(
            WeightedThreshold(weight=weight, threshold=chosen)
            for weight, chosen in weighted_thresholds(histogram, [BONA_FIDE], attacks).items()
            if math.isfinite(chosen)
        ),
    )


def _evidence(rate: Rate) -> RateEvidence:
    limits = clopper_pearson(rate.errors, rate.total)
    return RateEvidence(
        errors=rate.errors,
        total=rate.total,
        value=rate.errors / rate.total if rate.total else None,
        lower=limits.lower if rate.total else 0.0,
        upper=limits.upper if rate.total else 1.0,
    )
