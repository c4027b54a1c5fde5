"""Attack species that the model's makers had, against those that are new to it."""

from collections.abc import Iterable, Sequence

from lifesign.evaluation.analysis.columns import UNSPECIFIED
from lifesign.evaluation.analysis.rates import rate_row
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import apcer_at_bpcer
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.evaluation.report.document import GeneralisationDocument, PadDocument, RateRow, SpeciesRow
from lifesign.evaluation.report.wording import rate_words
from lifesign.model_card import OperatingPoint

__all__ = ["generalisation_document"]


def generalisation_document(
    pad: PadDocument | None, points: Iterable[OperatingPoint], histogram: ScoreHistogram
) -> GeneralisationDocument | None:
    """Return APCER of species that the operating points have development evidence of, against the others.

    Mean and worst APCER of the others at a BPCER of at most 10 % are what gradgpad calls HTGER and WCGER,
    there over models that each leave one species out, here over the species that this model never saw.
    ``None`` for classifiers, or where no species is named among the attacks, here or there.
    """
    named = [] if pad is None else [row for row in pad.species if row.species != UNSPECIFIED]
    known = {name for point in points for name in point.apcer_by_species}
    # Of attacks without a name every species may be.
    if not named or not known or UNSPECIFIED in known:
        return None
    seen = [row for row in named if row.species in known]
    unseen = [row for row in named if row.species not in known]
    seen_rate, unseen_rate = _pooled(seen), _pooled(unseen)
    point = apcer_at_bpcer(histogram, 0.1, attacks=_names(unseen))
    rates = [rate.value for rate in point.apcer_by_species.values() if rate.total]
    return GeneralisationDocument(
        seen=_names(seen),
        unseen=_names(unseen),
        seen_apcer=seen_rate,
        unseen_apcer=unseen_rate,
        sentence=_sentence(unseen, seen_rate, unseen_rate),
        unseen_mean_at_bpcer10=sum(rates) / len(rates) if rates and point.bpcer.total else None,
        unseen_worst_at_bpcer10=rate_row(point.apcer.rate) if rates and point.bpcer.total else None,
        unseen_worst_species=point.apcer.name if point.bpcer.total else None,
    )


def _sentence(unseen: Sequence[SpeciesRow], seen_rate: RateRow, unseen_rate: RateRow) -> str:
    if not unseen:
        return (
            "Every species of this set was in the development data of the operating points, so nothing here "
            "says how the model does on attacks that its makers did not have."
        )
    names = ", ".join(_names(unseen))
    return (
        f"Not in the development data of the operating points: {names}. Pooled APCER "
        f"{rate_words(unseen_rate)} there, {rate_words(seen_rate)} on the species that were."
    )


def _pooled(rows: Iterable[SpeciesRow]) -> RateRow:
    rates = [row.apcer for row in rows]
    return rate_row(Rate(sum(rate.errors for rate in rates), sum(rate.total for rate in rates)))


def _names(rows: Iterable[SpeciesRow]) -> tuple[str, ...]:
    return tuple(row.species for row in rows)
