"""Presentation-attack detection metrics of ISO/IEC 30107-3 at a threshold, from mergeable counts.

The decision is bona fide if and only if score >= threshold. Rates are conditional on a response unless
a policy says otherwise; samples without a response are counted and never vanish.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.score_bins import BINS, bin_thresholds, decidable_cuts
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.labels import BONA_FIDE

__all__ = [
    "BPCER_POINTS",
    "NonResponse",
    "Outcome",
    "PadCounts",
    "PadPoint",
    "WorstRate",
    "apcer_at_bpcer",
    "bpcer_at_apcer",
    "worst_rate",
]

BPCER_POINTS = {"BPCER10": 0.10, "BPCER20": 0.05, "BPCER100": 0.01, "BPCER1000": 0.001}
"""The APCER limit of each named operating point: BPCER at an APCER of at most 1/10, 1/20, 1/100, 1/1000."""


class NonResponse(StrEnum):
    """How samples without a response enter the rates."""

    EXCLUDED = "excluded"
    AS_REJECT = "as_reject"
    AS_ACCEPT = "as_accept"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Samples of one species (or bona fide): accepted as bona fide, rejected as attack, no response."""

    accepted: int = 0
    rejected: int = 0
    no_response: int = 0

    def __add__(self, other: Self) -> "Outcome":
        return Outcome(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.no_response + other.no_response,
        )

    def accepted_rate(self, policy: NonResponse = NonResponse.EXCLUDED) -> Rate:
        """Return the share accepted as bona fide: APCER when the samples are attacks."""
        missing = 0 if policy is NonResponse.EXCLUDED else self.no_response
        extra = self.no_response if policy is NonResponse.AS_ACCEPT else 0
        return Rate(self.accepted + extra, self.accepted + self.rejected + missing)

    def rejected_rate(self, policy: NonResponse = NonResponse.EXCLUDED) -> Rate:
        """Return the share rejected as attack: BPCER when the samples are bona fide."""
        accepted = self.accepted_rate(policy)
        return Rate(accepted.total - accepted.errors, accepted.total)

    @property
    def no_response_rate(self) -> Rate:
        """Share without a response: APNRR of attacks, BPNRR of bona fide."""
        return Rate(self.no_response, self.accepted + self.rejected + self.no_response)


@dataclass(frozen=True, slots=True)
class WorstRate:
    """The largest of several rates and whose it is; ``name`` is ``None`` when none has samples."""

    name: str | None
    rate: Rate


@dataclass(frozen=True)
class PadCounts:
    """Outcomes at one threshold per PAI species, and of bona fide under the name ``bona_fide``."""

    threshold: float
    outcomes: Mapping[str, Outcome]

    @classmethod
    def empty(cls, threshold: float) -> Self:
        """Return the counts without samples: the identity of ``merge``."""
        return cls(threshold, {})

    @classmethod
    def from_batch(
        cls,
        threshold: float,
        species: Sequence[str] | NDArray[Any],
        scores: NDArray[np.floating[Any]],
        *,
        responded: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Count samples by species name, ``(n,)`` (``bona_fide`` for bona fide), and score, ``(n,)``.

        Where ``responded``, ``(n,)``, is false the score is not looked at.

        Raises:
            InputError: different lengths, or a response whose score is not a number.
        """
        names, values = np.asarray(species, dtype=np.str_), np.asarray(scores)
        given = np.ones(values.shape, dtype=np.bool_) if responded is None else np.asarray(responded)
        if not names.shape == values.shape == given.shape or values.ndim != 1:
            raise InputError(
                f"expected species, scores and responded of one shape (n,), got {names.shape}, "
                f"{values.shape} and {given.shape}"
            )
        if np.isnan(values[given]).any():
            raise InputError("expected a score for every response, got values that are not a number")
        accepted = given & (values >= threshold)
        outcomes = {}
        for name in np.unique(names):
            rows = names == name
            responses, passed = int((rows & given).sum()), int((rows & accepted).sum())
            outcomes[str(name)] = Outcome(passed, responses - passed, int(rows.sum()) - responses)
        return cls(threshold, outcomes)

    def merge(self, other: Self) -> Self:
        """Return the counts of both sample sets over the union of species.

        Raises:
            InputError: the thresholds differ.
        """
        if self.threshold != other.threshold:
            raise InputError(
                f"cannot merge PAD counts at threshold {self.threshold!r} and {other.threshold!r}"
            )
        names = sorted({*self.outcomes, *other.outcomes})
        return type(self)(self.threshold, {name: self.outcome(name) + other.outcome(name) for name in names})

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        rows = {
            name: [
                self.outcomes[name].accepted,
                self.outcomes[name].rejected,
                self.outcomes[name].no_response,
            ]
            for name in sorted(self.outcomes)
        }
        return {"threshold": self.threshold, "outcomes": rows}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        return cls(
            float(state["threshold"]), {name: Outcome(*row) for name, row in state["outcomes"].items()}
        )

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the PAI species seen, sorted."""
        return tuple(sorted(name for name in self.outcomes if name != BONA_FIDE))

    def outcome(self, name: str) -> Outcome:
        """Return the counts of one species or of ``bona_fide``; zeros for one that was never seen."""
        return self.outcomes.get(name, Outcome())

    def apcer(self, species: str, policy: NonResponse = NonResponse.EXCLUDED) -> Rate:
        """Return APCER of one species: its attacks classified bona fide over its attacks; lower is better."""
        return self.outcome(species).accepted_rate(policy)

    def bpcer(self, policy: NonResponse = NonResponse.EXCLUDED) -> Rate:
        """Return BPCER: bona fide classified attack over bona fide; lower is better."""
        return self.outcome(BONA_FIDE).rejected_rate(policy)

    def apcer_max(self, policy: NonResponse = NonResponse.EXCLUDED) -> WorstRate:
        """Return the worst species' APCER, the headline of ISO/IEC 30107-3."""
        return worst_rate({name: self.apcer(name, policy) for name in self.species})

    def apcer_pooled(self, policy: NonResponse = NonResponse.EXCLUDED) -> Rate:
        """Return the APCER of all attacks together, which hides a broken species: secondary only."""
        return sum((self.apcer(name, policy) for name in self.species), Rate(0, 0))

    def acer_max(self, policy: NonResponse = NonResponse.EXCLUDED) -> float:
        """Return (max APCER + BPCER) / 2: legacy, *not* of ISO/IEC 30107-3; ``nan`` without samples."""
        return (self.apcer_max(policy).rate.value + self.bpcer(policy).value) / 2

    def acer_pooled(self) -> float:
        """Return (pooled APCER + BPCER) / 2, the ACER of other papers: at one threshold the HTER."""
        return self.hter()

    def hter(self) -> float:
        """Return (pooled APCER + BPCER) / 2; meaningful with a threshold from the development split."""
        return (self.apcer_pooled().value + self.bpcer().value) / 2

    def apnrr(self, species: str | None = None) -> Rate:
        """Return the attack presentation non-response rate of one species, of all without a name."""
        names: Iterable[str] = self.species if species is None else (species,)
        return sum((self.outcome(name).no_response_rate for name in names), Rate(0, 0))

    def bpnrr(self) -> Rate:
        """Return the bona fide presentation non-response rate."""
        return self.outcome(BONA_FIDE).no_response_rate


@dataclass(frozen=True)
class PadPoint:
    """A threshold read off score histograms with the rates counted there.

    ``threshold`` is ``inf`` when only rejecting everything keeps the limit, and ``nan``, with no rate
    counted, where the limited rate has no samples.
    """

    threshold: float
    apcer: WorstRate
    apcer_by_species: Mapping[str, Rate]
    bpcer: Rate


def bpcer_at_apcer(
    hist: ScoreHistogram,
    max_apcer: float,
    *,
    attacks: Collection[str] | None = None,
    bona_fide: str = BONA_FIDE,
) -> PadPoint:
    """Return the lowest threshold at which *every* species has APCER <= ``max_apcer``, and BPCER there.

    A step, never interpolated. Groups of the histogram are species and ``bona_fide``; without
    ``attacks`` every other group is a species. Species without samples limit nothing.
    """
    species = _species(hist, attacks, bona_fide)
    if not hist.total(species):
        return _undefined_point(species)
    cuts = _cuts()
    allowed = np.ones(len(cuts), dtype=np.bool_)
    for name in species:
        accepted = _accepted(hist, name)[cuts]
        allowed &= accepted <= max_apcer * int(accepted[0]) + 1e-9
    return _pad_point(hist, int(cuts[np.flatnonzero(allowed)[0]]), species, bona_fide)


def apcer_at_bpcer(
    hist: ScoreHistogram,
    max_bpcer: float,
    *,
    attacks: Collection[str] | None = None,
    bona_fide: str = BONA_FIDE,
) -> PadPoint:
    """Return the highest threshold at which BPCER <= ``max_bpcer``, and APCER per species there."""
    species = _species(hist, attacks, bona_fide)
    if not hist.total([bona_fide]):
        return _undefined_point(species)
    cuts = _cuts()[:-1]
    accepted = _accepted(hist, bona_fide)
    rejected = int(accepted[0]) - accepted[cuts]
    allowed = rejected <= max_bpcer * int(accepted[0]) + 1e-9
    cut = int(cuts[np.flatnonzero(allowed)[-1]])
    return _pad_point(hist, cut, species, bona_fide)


def _undefined_point(species: Collection[str]) -> PadPoint:
    rates = dict.fromkeys(species, Rate(0, 0))
    return PadPoint(math.nan, worst_rate(rates), rates, Rate(0, 0))


def worst_rate(rates: Mapping[str, Rate]) -> WorstRate:
    """Return the largest rate with samples; among equal ones that with more samples, then by name."""
    defined = [(rate.value, rate.total, name) for name, rate in sorted(rates.items()) if rate.total]
    if not defined:
        return WorstRate(None, Rate(0, 0))
    _, _, name = max(defined, key=lambda item: item[:2])
    return WorstRate(name, rates[name])


def _species(hist: ScoreHistogram, attacks: Collection[str] | None, bona_fide: str) -> tuple[str, ...]:
    chosen = hist.groups if attacks is None else attacks
    return tuple(sorted(name for name in chosen if name != bona_fide))


def _cuts() -> NDArray[np.int64]:
    return np.append(np.flatnonzero(decidable_cuts()), BINS)


def _accepted(hist: ScoreHistogram, group: str) -> NDArray[np.int64]:
    """Samples in the bins at or above each cut, int64 ``(BINS + 1,)``."""
    counts = hist.pooled({group})
    return np.append(np.cumsum(counts[::-1])[::-1], 0)


def _pad_point(hist: ScoreHistogram, cut: int, species: Collection[str], bona_fide: str) -> PadPoint:
    rates = {}
    for name in species:
        accepted = _accepted(hist, name)
        rates[name] = Rate(int(accepted[cut]), int(accepted[0]))
    passed = _accepted(hist, bona_fide)
    return PadPoint(
        float(bin_thresholds()[cut]) if cut < BINS else math.inf,
        worst_rate(rates),
        rates,
        Rate(int(passed[0] - passed[cut]), int(passed[0])),
    )
