"""A profile's criteria held against a run: passed, failed, or too little evidence, by exact intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lifesign.evaluation.metrics.intervals import samples_without_error
from lifesign.evaluation.profiles.profile import Criterion, Profile, ProfileMetric
from lifesign.evaluation.report.document import (
    GateStatus,
    PadDocument,
    ProfileDocument,
    ProfileRow,
    RateRow,
    SpeciesRow,
)
from lifesign.evaluation.report.wording import limit_words, percent, rate_words

__all__ = ["profile_document"]

_WORDS = {
    ProfileMetric.SPECIES: "PAI species",
    ProfileMetric.PRESENTATIONS_PER_SPECIES: "answered presentations of the smallest species",
    ProfileMetric.BONA_FIDE_PRESENTATIONS: "answered bona fide presentations",
    ProfileMetric.SUBJECTS: "subjects",
}


@dataclass(frozen=True)
class _Finding:
    status: GateStatus
    sentence: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None


def profile_document(profile: Profile, pad: PadDocument, *, subjects: int | None) -> ProfileDocument:
    """Return every criterion of a profile with its result, and the worst of them.

    A rate passes or fails only where its whole interval does. ``attack_errors`` is counted, as a laboratory
    does, and says what so few presentations prove. IAPAR and FRR need a face matcher: APCER bounds the one
    from above, BPCER the other from below, and where that decides nothing the evidence is insufficient.
    """
    rows = tuple(_row(criterion, _judged(criterion, pad, subjects)) for criterion in profile.criteria)
    status = _worst([row.status for row in rows])
    return ProfileDocument(
        name=profile.name,
        title=profile.title,
        about=profile.about,
        status=status,
        sentence=_summary(profile, rows, status),
        rows=rows,
        sources=profile.sources,
    )


def _worst(found: Sequence[GateStatus]) -> GateStatus:
    order = (GateStatus.FAIL, GateStatus.INSUFFICIENT, GateStatus.PASS)
    return min(found, key=order.index, default=GateStatus.INSUFFICIENT)


def _row(criterion: Criterion, found: _Finding) -> ProfileRow:
    return ProfileRow(
        name=criterion.metric.value,
        status=found.status,
        limit=criterion.limit,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        sentence=found.sentence,
        is_share=criterion.metric.is_rate,
        source=criterion.source,
        conflict=criterion.conflict,
    )


def _summary(profile: Profile, rows: Sequence[ProfileRow], status: GateStatus) -> str:
    passed = sum(row.status is GateStatus.PASS for row in rows)
    head = f"{profile.title}: {passed} of {len(rows)} criteria are shown"
    if status is GateStatus.PASS:
        return f"{head}."
    first = next(row for row in rows if row.status is status)
    return f"{head}. {first.sentence}"


def _judged(criterion: Criterion, pad: PadDocument, subjects: int | None) -> _Finding:
    metric, limit = criterion.metric, criterion.limit
    judge: Mapping[ProfileMetric, Callable[[], _Finding]] = {
        ProfileMetric.APCER: lambda: _every_species(criterion, pad),
        ProfileMetric.BPCER: lambda: _rate("BPCER", _bpcer(criterion, pad), limit),
        ProfileMetric.APNRR: lambda: _rate("APNRR", pad.apnrr, limit),
        ProfileMetric.BPNRR: lambda: _rate("BPNRR", pad.bpnrr, limit),
        ProfileMetric.ATTACK_ERRORS: lambda: _counted_errors(criterion, pad),
        ProfileMetric.IAPAR: lambda: _iapar(criterion, pad),
        ProfileMetric.FRR: lambda: _frr(criterion, pad),
        ProfileMetric.SPECIES: lambda: _at_least(metric, limit, len(pad.species)),
        ProfileMetric.PRESENTATIONS_PER_SPECIES: lambda: _at_least(
            metric, limit, min((row.apcer.total for row in pad.species), default=0)
        ),
        ProfileMetric.BONA_FIDE_PRESENTATIONS: lambda: _at_least(metric, limit, pad.bpcer.total),
        ProfileMetric.SUBJECTS: lambda: _at_least(metric, limit, subjects),
    }
    return judge[metric]()


def _apcer(criterion: Criterion, row: SpeciesRow) -> RateRow:
    if criterion.no_response == "as_accept":
        return row.apcer_no_response_as_accept
    return row.apcer_no_response_as_reject or row.apcer if criterion.no_response == "as_reject" else row.apcer


def _bpcer(criterion: Criterion, pad: PadDocument) -> RateRow:
    if criterion.no_response == "as_accept":
        return pad.bpcer_no_response_as_accept or pad.bpcer
    return pad.bpcer_no_response_as_reject if criterion.no_response == "as_reject" else pad.bpcer


def _rate(what: str, rate: RateRow, limit: float) -> _Finding:
    status = GateStatus.INSUFFICIENT
    if rate.total and rate.upper <= limit:
        status = GateStatus.PASS
    elif rate.total and rate.lower > limit:
        status = GateStatus.FAIL
    allowed = limit_words(limit)
    words = {
        GateStatus.PASS: f"at most the {allowed} allowed",
        GateStatus.FAIL: f"more than the {allowed} allowed",
        GateStatus.INSUFFICIENT: f"neither above nor below the {allowed} allowed{_needed(limit)}",
    }[status]
    lower, upper = (rate.lower, rate.upper) if rate.total else (None, None)
    return _Finding(status, f"{what} is {rate_words(rate)}: {words}.", rate.value, lower, upper)


def _needed(limit: float) -> str:
    if not 0 < limit < 1:
        return ""
    return f" ({samples_without_error(limit):,} without an error would prove it)"


def _every_species(criterion: Criterion, pad: PadDocument) -> _Finding:
    return _of_all("APCER", {row.species: _apcer(criterion, row) for row in pad.species}, criterion.limit)


def _of_all(what: str, rates: Mapping[str, RateRow], limit: float) -> _Finding:
    """Return the worst species' result: failed before unproven, then by its upper limit."""
    found = [_rate(f"{what} of {species}", rate, limit) for species, rate in rates.items()]
    if not found:
        return _Finding(GateStatus.INSUFFICIENT, f"The set holds no attack, so {what} is unknown.")
    status = _worst([one.status for one in found])
    same = [one for one in found if one.status is status]
    return max(same, key=lambda one: 1.0 if one.upper is None else one.upper)


def _counted_errors(criterion: Criterion, pad: PadDocument) -> _Finding:
    rates = [_apcer(criterion, row) for row in pad.species]
    errors, total = sum(rate.errors for rate in rates), sum(rate.total for rate in rates)
    if not total:
        return _Finding(GateStatus.INSUFFICIENT, "The set holds no answered attack, so none can be counted.")
    allowed = f"{int(criterion.limit):,} allowed"
    if errors > criterion.limit:
        worst = max(
            (row for row in pad.species), key=lambda row: (_apcer(criterion, row).errors, row.species)
        )
        where = f"{_apcer(criterion, worst).errors:,} of {worst.species}"
        words = f"{errors:,} of {total:,} attacks were accepted ({where}), more than the {allowed}."
        return _Finding(GateStatus.FAIL, words, float(errors))
    bound = max(rate.upper for rate in rates if rate.total)
    words = (
        f"{errors:,} of {total:,} attacks were accepted, within the {allowed}: proof that the APCER of every "
        f"species is at most {percent(bound)}, not that it is 0."
    )
    return _Finding(GateStatus.PASS, words, float(errors))


def _iapar(criterion: Criterion, pad: PadDocument) -> _Finding:
    if pad.full_system is not None:
        rates = {row.species: row.iapar for row in pad.full_system.species}
        return _of_all("IAPAR", rates, criterion.limit)
    found = _every_species(criterion, pad)
    if found.status is GateStatus.PASS:
        words = f"{found.sentence} An attack that is rejected cannot match, so IAPAR is at most that."
        return _Finding(GateStatus.PASS, words, found.value, None, found.upper)
    words = f"IAPAR needs a face matcher. APCER bounds it from above and does not decide: {found.sentence}"
    return _Finding(GateStatus.INSUFFICIENT, words, found.value, None, found.upper)


def _frr(criterion: Criterion, pad: PadDocument) -> _Finding:
    if pad.full_system is not None:
        return _rate("FRR", pad.full_system.frr, criterion.limit)
    found = _rate("BPCER", _bpcer(criterion, pad), criterion.limit)
    if found.status is GateStatus.FAIL:
        words = f"{found.sentence} A bona fide sample that is rejected is a false reject, so FRR is no less."
        return _Finding(GateStatus.FAIL, words, found.value, found.lower, None)
    words = f"FRR needs a face matcher. BPCER bounds it from below only: it is {rate_words(pad.bpcer)}."
    return _Finding(GateStatus.INSUFFICIENT, words, found.value, found.lower, None)


def _at_least(metric: ProfileMetric, limit: float, there: int | None) -> _Finding:
    what = _WORDS[metric]
    if there is None:
        return _Finding(GateStatus.INSUFFICIENT, f"The data set names no {what}; {limit:,.0f} are asked for.")
    status = GateStatus.PASS if there >= limit else GateStatus.INSUFFICIENT
    enough = "at least the" if status is GateStatus.PASS else "fewer than the"
    words = f"The set has {there:,} {what}, {enough} {limit:,.0f} asked for."
    return _Finding(status, words, float(there))
