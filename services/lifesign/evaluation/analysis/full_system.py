"""Full-system rates, where the data set tells what a face matcher decided on each presentation."""

from collections.abc import Mapping
from functools import reduce

from lifesign.datasets.slice_names import MATCH_DECISION
from lifesign.evaluation.analysis.rates import optional, rate_row
from lifesign.evaluation.analysis.tally import Tally
from lifesign.evaluation.metrics.full_system import full_system_rates
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import PadCounts
from lifesign.evaluation.report.parts.pad import FullSystemDocument, FullSystemRow

__all__ = ["full_system_document"]

_MATCH = frozenset({"match", "matched", "true", "yes", "1", "1.0"})
_NO_MATCH = frozenset({"no_match", "no match", "nonmatch", "non_match", "false", "no", "0", "0.0"})


def full_system_document(
    slices: Mapping[str, Mapping[str, Tally]], counts: PadCounts
) -> FullSystemDocument | None:
    """Return IAPAR, FRR and RIAPAR at the operating point; ``None`` where no matcher's decisions are counted.

    ``slices`` are the tallies by column and value, ``counts`` those of all presentations.
    A column of that name with other words than those for a match or none is something else.
    """
    values = slices.get(MATCH_DECISION, {})
    if not values or any(word.strip().lower() not in _MATCH | _NO_MATCH for word in values):
        return None
    matched, unmatched = (_merged(values, words, counts.threshold) for words in (_MATCH, _NO_MATCH))
    rates = full_system_rates(matched, unmatched)
    # Species of which the matcher decided nothing are told as of 0 presentations.
    iapar = {name: rates.iapar.get(name, Rate(0, 0)) for name in counts.species}
    worst = rates.iapar_max
    return FullSystemDocument(
        iapar_max=rate_row(worst.rate),
        iapar_max_species=worst.name,
        frr=rate_row(rates.frr),
        riapar=optional(rates.riapar),
        species=tuple(FullSystemRow(species=name, iapar=rate_row(rate)) for name, rate in iapar.items()),
        left_out=_presentations(counts) - _presentations(matched) - _presentations(unmatched),
    )


def _merged(values: Mapping[str, Tally], words: frozenset[str], threshold: float) -> PadCounts:
    found = (tally.pad for word, tally in values.items() if word.strip().lower() in words)
    return reduce(PadCounts.merge, (one for one in found if one is not None), PadCounts.empty(threshold))


def _presentations(counts: PadCounts) -> int:
    return sum(one.accepted + one.rejected + one.no_response for one in counts.outcomes.values())
