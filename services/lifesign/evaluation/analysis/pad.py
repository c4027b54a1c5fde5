"""The presentation-attack part of the report: species, thresholds, curves and score histograms."""

import math
from collections.abc import Iterable

import numpy as np

from lifesign.errors import InputError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.provenance import threshold_provenance, threshold_source, two_thresholds
from lifesign.evaluation.analysis.rates import optional, rate_row, roc_document
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import (
    BPCER_POINTS,
    NonResponse,
    PadCounts,
    PadPoint,
    apcer_at_bpcer,
    bpcer_at_apcer,
    worst_rate,
)
from lifesign.evaluation.metrics.roc_summaries import hull_eer
from lifesign.evaluation.metrics.score_bins import bin_thresholds
from lifesign.evaluation.metrics.score_histogram import (
    ScoreHistogram,
    auc,
    eer,
    rates_at,
    roc,
    tpr_at_fpr,
)
from lifesign.evaluation.report.document import (
    HistogramRow,
    PadDocument,
    RocDocument,
    SpeciesRow,
    ThresholdRow,
)
from lifesign.evaluation.report.parts.pad import ExpectedPerformanceRow, FullSystemDocument
from lifesign.labels import BONA_FIDE, pai_family
from lifesign.model_card import ModelCard, OperatingPoint

__all__ = ["ORACLE", "histogram_rows", "pad_document", "pad_roc", "threshold_source"]

ORACLE = "ORACLE:test"
"""Source of thresholds that were chosen on the data they are told for; such rows never gate."""

_APCER_POINTS = {"APCER at BPCER 1 %": 0.01, "APCER at BPCER 5 %": 0.05}
_TPR_POINTS = {"1e-2": 1e-2, "5e-3": 5e-3, "1e-3": 1e-3, "1e-4": 1e-4}
_COARSE_BINS = 40
_COARSE_LIMIT = 9.2  # log odds of .9999


def pad_document(
    counts: PadCounts,
    histogram: ScoreHistogram,
    spec: AnalysisSpec,
    card: ModelCard | None,
    full_system: FullSystemDocument | None = None,
) -> PadDocument:
    """Return the ISO/IEC 30107-3 rates at the operating point, and rows for other thresholds."""
    worst = counts.apcer_max()
    return PadDocument(
        bpcer=rate_row(counts.bpcer()),
        apcer_max=rate_row(worst.rate),
        apcer_max_species=worst.name,
        apcer_pooled=rate_row(counts.apcer_pooled()),
        acer_max=optional(counts.acer_max()),
        apnrr=rate_row(counts.apnrr()),
        bpnrr=rate_row(counts.bpnrr()),
        bpcer_no_response_as_reject=rate_row(counts.bpcer(NonResponse.AS_REJECT)),
        bpcer_no_response_as_accept=rate_row(counts.bpcer(NonResponse.AS_ACCEPT)),
        apcer_max_no_response_as_reject=rate_row(counts.apcer_max(NonResponse.AS_REJECT).rate),
        apcer_max_no_response_as_accept=rate_row(counts.apcer_max(NonResponse.AS_ACCEPT).rate),
        acer_pooled=optional(counts.acer_pooled()),
        provenance=threshold_provenance(spec),
        two_thresholds=two_thresholds(histogram, card),
        eer=_of_both_classes(_eer_row(histogram), histogram),
        species=tuple(_species_row(counts, name) for name in counts.species),
        thresholds=tuple(_threshold_rows(counts, histogram, spec, card)),
        expected_performance=tuple(_expected_rows(histogram, spec, card)),
        full_system=full_system,
    )


def pad_roc(histogram: ScoreHistogram) -> tuple[RocDocument, ...]:
    """Return the curve of all attacks together, then one per species, against bona fide."""
    attacks = [name for name in histogram.groups if name != BONA_FIDE]
    sets = [("all attacks", attacks), *((name, [name]) for name in attacks if len(attacks) > 1)]
    return tuple(
        roc_document(name, roc(histogram, [BONA_FIDE], chosen), auc(histogram, [BONA_FIDE], chosen))
        for name, chosen in sets
    )


def histogram_rows(histogram: ScoreHistogram) -> tuple[HistogramRow, ...]:
    """Return the scores of bona fide and each species in 40 bins of equal width in log odds."""
    inner = 1 / (1 + np.exp(-np.linspace(-_COARSE_LIMIT, _COARSE_LIMIT, _COARSE_BINS + 1)[1:-1]))
    coarse = np.searchsorted(inner, bin_thresholds(), side="right")
    edges = (0.0, *(float(f"{edge:.6g}") for edge in inner), 1.0)
    names = sorted(histogram.groups, key=lambda name: (name != BONA_FIDE, name))
    rows = []
    for name in names:
        counts = np.zeros(_COARSE_BINS, dtype=np.int64)
        np.add.at(counts, coarse, histogram.pooled([name]))
        rows.append(HistogramRow(group=name, edges=edges, counts=tuple(counts.tolist())))
    return tuple(rows)


def _species_row(counts: PadCounts, name: str) -> SpeciesRow:
    outcome = counts.outcome(name)
    return SpeciesRow(
        species=name,
        family=pai_family(name),
        presentations=outcome.accepted + outcome.rejected + outcome.no_response,
        no_response=outcome.no_response,
        apcer=rate_row(counts.apcer(name)),
        apcer_no_response_as_accept=rate_row(counts.apcer(name, NonResponse.AS_ACCEPT)),
        apcer_no_response_as_reject=rate_row(counts.apcer(name, NonResponse.AS_REJECT)),
        apnrr=rate_row(counts.apnrr(name)),
    )


def _eer_row(histogram: ScoreHistogram) -> ThresholdRow:
    attacks = [name for name in histogram.groups if name != BONA_FIDE]
    point = eer(histogram, [BONA_FIDE], attacks)
    return ThresholdRow(
        name="EER (test)",
        threshold=optional(point.threshold),
        threshold_source=ORACLE,
        apcer=rate_row(point.false_positive),
        bpcer=rate_row(point.false_negative),
        value=optional(point.half_total_error),
        note="APCER is pooled over species",
        criterion="eer",
    )


def _hull_row(histogram: ScoreHistogram) -> ThresholdRow:
    attacks = [name for name in histogram.groups if name != BONA_FIDE]
    return ThresholdRow(
        name="EER, convex hull (test)",
        threshold=None,
        threshold_source=ORACLE,
        apcer=None,
        bpcer=None,
        value=optional(hull_eer(roc(histogram, [BONA_FIDE], attacks))),
        note="steadier with few samples; no threshold that exists",
        criterion="eer_rocch",
    )


def _tpr_row(histogram: ScoreHistogram, name: str, limit: float) -> ThresholdRow:
    attacks = [group for group in histogram.groups if group != BONA_FIDE]
    point = tpr_at_fpr(histogram, [BONA_FIDE], attacks, max_rate=limit)
    title, criterion = f"TPR at FPR {name}", f"fpr<={limit:g}"
    if point is None:
        needed, there = round(10 / limit), histogram.total(attacks)
        return ThresholdRow(
            name=title,
            threshold=None,
            threshold_source=ORACLE,
            apcer=None,
            bpcer=None,
            note=f"n/a (needs at least {needed:,} attacks, has {there:,})",
            criterion=criterion,
        )
    accepted = point.false_negative.total - point.false_negative.errors
    return ThresholdRow(
        name=title,
        threshold=optional(point.threshold),
        threshold_source=ORACLE,
        apcer=rate_row(point.false_positive),
        bpcer=rate_row(point.false_negative),
        value=optional(Rate(accepted, point.false_negative.total).value),
        note="value is the TPR, 1 − BPCER; APCER is pooled over species",
        criterion=criterion,
    )


def _threshold_rows(
    counts: PadCounts, histogram: ScoreHistogram, spec: AnalysisSpec, card: ModelCard | None
) -> Iterable[ThresholdRow]:
    point = spec.operating_point if spec.threshold is None else None
    yield _operating_row(counts, point, threshold_source(spec) or "fixed")
    yield from _card_rows(counts, histogram, point, card)
    if counts.threshold != 0.5:
        yield from _fixed_row(histogram, 0.5, name="threshold 0.5", source="fixed", note="what 0.5 would do")
    for row in _oracle_rows(histogram):
        yield _of_both_classes(row, histogram)


def _of_both_classes(row: ThresholdRow, histogram: ScoreHistogram) -> ThresholdRow:
    """Return a row that holds one error rate against the other: undefined where a class has no score."""
    attacks = [name for name in histogram.groups if name != BONA_FIDE]
    sizes = {"attack": histogram.total(attacks), "bona fide": histogram.total([BONA_FIDE])}
    missing = [name for name, size in sizes.items() if not size]
    if not missing:
        return row
    nothing = dict.fromkeys(("threshold", "apcer", "bpcer", "value"))
    return row.model_copy(update={**nothing, "note": f"undefined: no scored {' or '.join(missing)} sample"})


def _oracle_rows(histogram: ScoreHistogram) -> Iterable[ThresholdRow]:
    """Yield the rows whose thresholds are chosen on the data they are told for."""
    yield _eer_row(histogram)
    yield _hull_row(histogram)
    for name, limit in BPCER_POINTS.items():
        note = f"every species at most {100 * limit:g} %" + _coarseness(histogram, limit)
        yield _oracle_row(name, bpcer_at_apcer(histogram, limit), note, f"apcer_max<={limit:g}")
    for name, limit in _APCER_POINTS.items():
        note = "APCER of the worst species"
        yield _oracle_row(name, apcer_at_bpcer(histogram, limit), note, f"bpcer<={limit:g}")
    for name, limit in _TPR_POINTS.items():
        yield _tpr_row(histogram, name, limit)


def _coarseness(histogram: ScoreHistogram, limit: float) -> str:
    """Say where a species is too small for the limit to mean anything but no error at all."""
    sizes = [histogram.total([name]) for name in histogram.groups if name != BONA_FIDE]
    small = sum(0 < size * limit < 1 for size in sizes)
    return (
        f"; for {small} species that is none, with fewer than {round(1 / limit):,} attacks" if small else ""
    )


def _operating_row(counts: PadCounts, point: OperatingPoint | None, source: str) -> ThresholdRow:
    worst = counts.apcer_max()
    name = "operating point" if point is None else f"operating point {point.id}"
    return ThresholdRow(
        name=name,
        threshold=counts.threshold,
        threshold_source=source,
        apcer=rate_row(worst.rate),
        bpcer=rate_row(counts.bpcer()),
        value=optional(counts.hter()),
        note=f"value is the HTER; worst species {worst.name}" if worst.name else "value is the HTER",
        criterion="" if point is None else point.criterion,
        dataset_digest="" if point is None else point.dataset_digest,
    )


def _card_rows(
    counts: PadCounts, histogram: ScoreHistogram, used: OperatingPoint | None, card: ModelCard | None
) -> Iterable[ThresholdRow]:
    """Yield the card's other operating points."""
    for point in () if card is None else card.operating_points:
        if point != used and point.threshold != counts.threshold:
            note = f"criterion {point.criterion}; value is the HTER"
            for row in _fixed_row(
                histogram, point.threshold, name=f"point {point.id}", source=point.source, note=note
            ):
                yield row.model_copy(
                    update={"criterion": point.criterion, "dataset_digest": point.dataset_digest}
                )


def _expected_rows(
    histogram: ScoreHistogram, spec: AnalysisSpec, card: ModelCard | None
) -> Iterable[ExpectedPerformanceRow]:
    """Yield the errors here at the thresholds that the development data gave to every weight."""
    points = (
        *((spec.operating_point,) if spec.operating_point else ()),
        *(card.operating_points if card else ()),
    )
    chosen = next((point.weighted_thresholds for point in points if point.weighted_thresholds), ())
    attacks = [group for group in histogram.groups if group != BONA_FIDE]
    for one in chosen:
        try:
            found = rates_at(histogram, [BONA_FIDE], attacks, threshold=one.threshold)
        except InputError:  # within a bin, by another make of card
            continue
        yield ExpectedPerformanceRow(
            weight=one.weight,
            threshold=one.threshold,
            apcer=rate_row(found.false_positive),
            bpcer=rate_row(found.false_negative),
            half_total_error=optional(found.half_total_error),
        )


def _fixed_row(
    histogram: ScoreHistogram, threshold: float, *, name: str, source: str, note: str
) -> Iterable[ThresholdRow]:
    attacks = [group for group in histogram.groups if group != BONA_FIDE]
    try:
        pooled = rates_at(histogram, [BONA_FIDE], attacks, threshold=threshold)
        species = {
            group: rates_at(histogram, [BONA_FIDE], [group], threshold=threshold).false_positive
            for group in attacks
        }
    except InputError:  # within a bin: these counts cannot tell its errors exactly, so they tell nothing
        return
    yield ThresholdRow(
        name=name,
        threshold=threshold,
        threshold_source=source,
        apcer=rate_row(worst_rate(species).rate),
        bpcer=rate_row(pooled.false_negative),
        value=optional(pooled.half_total_error),
        note=note,
    )


def _oracle_row(name: str, point: PadPoint, note: str, criterion: str) -> ThresholdRow:
    unreachable = math.isinf(point.threshold)
    return ThresholdRow(
        name=name,
        threshold=optional(point.threshold),
        threshold_source=ORACLE,
        apcer=rate_row(point.apcer.rate),
        bpcer=rate_row(point.bpcer),
        note="only rejecting everything keeps the limit" if unreachable else note,
        criterion=criterion,
    )
