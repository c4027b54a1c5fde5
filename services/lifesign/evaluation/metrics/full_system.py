"""Rates of the full system, attack detection and face comparison together, where both have decided.

ISO/IEC 30107-3:2023: an attack succeeds only if it is taken for bona fide *and* compared as the person it
imitates; a bona fide user gets in only if both let them.
"""

from dataclasses import dataclass

from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import Outcome, PadCounts, WorstRate, worst_rate
from lifesign.labels import BONA_FIDE

__all__ = ["FullSystemRates", "full_system_rates"]


@dataclass(frozen=True)
class FullSystemRates:
    """IAPAR per PAI species, and FRR: bona fide presentations that either of the two turned away."""

    iapar: dict[str, Rate]
    frr: Rate

    @property
    def iapar_max(self) -> WorstRate:
        """The worst species' IAPAR, in [0, 1]; lower is better."""
        return worst_rate(self.iapar)

    @property
    def riapar(self) -> float:
        """IAPAR of the worst species + FRR, in [0, 2]; lower is better; ``nan`` where one is not known.

        1 + (IAPAR - (1 - FRR)): 0 for a system without an error, 1 for one that lets everybody in, or nobody.
        """
        return self.iapar_max.rate.value + self.frr.value


def full_system_rates(matched: PadCounts, unmatched: PadCounts) -> FullSystemRates:
    """Return the rates of presentations that were compared as the claimed person, and of those that were not.

    Presentations without a response let nobody in.
    """
    every = matched.merge(unmatched)
    genuine = _total(every.outcome(BONA_FIDE))
    return FullSystemRates(
        iapar={
            name: Rate(matched.outcome(name).accepted, _total(every.outcome(name))) for name in every.species
        },
        frr=Rate(genuine - matched.outcome(BONA_FIDE).accepted, genuine),
    )


def _total(outcome: Outcome) -> int:
    return outcome.accepted + outcome.rejected + outcome.no_response
