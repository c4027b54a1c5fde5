"""Gates: what a model must prove on this test, and whether it did.

A gate passes or fails only where the whole 95 % interval lies on one side of its limit; a point
estimate on the right side with too few samples is INSUFFICIENT, neither good nor bad.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from lifesign.evaluation.report.document import (
    Accounting,
    BaselineComparison,
    DriftRow,
    GateResult,
    GateStatus,
    GroupGapTable,
    MetricChange,
    PadDocument,
    ProfileDocument,
    RateRow,
    Value,
)
from lifesign.evaluation.report.wording import (
    baseline_words,
    capital,
    limit_words,
    percent,
    points_interval,
    rate_words,
    signed_points,
)

__all__ = [
    "GateConfig",
    "GateEvidence",
    "apply_gates",
    "exit_code",
    "verdict",
    "verdict_sentence",
]


class GateConfig(BaseModel):
    """Limits of the gates; ``None`` means that this is not gated. All limits are shares in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_apcer: float | None = Field(
        default=None, ge=0, le=1, description="largest APCER allowed for any species"
    )
    max_bpcer: float | None = Field(default=None, ge=0, le=1, description="largest BPCER allowed")
    min_accuracy: float | None = Field(default=None, ge=0, le=1, description="smallest accuracy allowed")
    min_auc: float | None = Field(
        default=0.5, ge=0, le=1, description="smallest AUC allowed; 0.5 refuses scores of inverted polarity"
    )
    max_no_response: float | None = Field(
        default=0.01, ge=0, le=1, description="largest share of samples without an answer"
    )
    max_group_gap: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest difference of an error rate: one group minus the others",
    )
    regression_margin: float | None = Field(
        default=0.02,
        ge=0,
        le=1,
        description="largest rise of an error rate over the baseline, if there is one",
    )
    drift: bool = Field(default=False, description="fail when the data have drifted from the reference")


@dataclass(frozen=True)
class GateEvidence:
    """What the gates look at: parts of a report."""

    accuracy_errors: RateRow
    auc: Value | None
    accounting: Accounting
    pad: PadDocument | None
    group_gaps: tuple[GroupGapTable, ...]
    drift: tuple[DriftRow, ...]
    baseline: BaselineComparison | None
    profile: ProfileDocument | None = None


def apply_gates(config: GateConfig, evidence: GateEvidence) -> tuple[GateResult, ...]:
    """Return the result of every gate that is set and applies, in a fixed order."""
    pad, limits = evidence.pad, config
    results: list[GateResult | None] = [
        None if limits.max_no_response is None else _no_response(limits.max_no_response, evidence.accounting),
        None if limits.min_auc is None else _auc(limits.min_auc, evidence.auc),
        None if limits.min_accuracy is None else _accuracy(limits.min_accuracy, evidence.accuracy_errors),
        None if limits.max_apcer is None or pad is None else _apcer(limits.max_apcer, pad),
        None
        if limits.max_bpcer is None or pad is None
        else _at_most("max_bpcer", "BPCER", limits.max_bpcer, pad.bpcer),
        None if limits.max_group_gap is None else _group_gap(limits.max_group_gap, evidence.group_gaps),
        _regression(limits.regression_margin, evidence.baseline),
        _drift(evidence.drift) if limits.drift else None,
        None if evidence.profile is None else _profile(evidence.profile),
    ]
    return tuple(result for result in results if result is not None)


def verdict(gates: Iterable[GateResult]) -> GateStatus:
    """Return the worst status: FAIL before INSUFFICIENT before PASS; without gates INSUFFICIENT."""
    found = {gate.status for gate in gates}
    for status in (GateStatus.FAIL, GateStatus.INSUFFICIENT):
        if status in found:
            return status
    return GateStatus.PASS if found else GateStatus.INSUFFICIENT


def verdict_sentence(gates: Sequence[GateResult], alerts: int) -> str:
    """Return the verdict in one sentence: the first gate that did not pass, or how many did."""
    tail = "" if alerts == 0 else f" {alerts} alert{'s' if alerts > 1 else ''} to read below."
    if not gates:
        return "No gate was set, so nothing was proven either way." + tail
    for status in (GateStatus.FAIL, GateStatus.INSUFFICIENT):
        open_gates = [gate for gate in gates if gate.status is status]
        if open_gates:
            more = len(open_gates) - 1
            also = f" ({more} more {'gates' if more > 1 else 'gate'} likewise)" if more else ""
            return open_gates[0].sentence + also + tail
    who = "The only gate" if len(gates) == 1 else f"All {len(gates)} gates"
    return f"{who} passed.{tail}"


def exit_code(status: GateStatus) -> int:
    """Return the exit code of a verdict: 0 pass, 1 fail, 2 insufficient evidence."""
    return {GateStatus.PASS: 0, GateStatus.FAIL: 1, GateStatus.INSUFFICIENT: 2}[status]


def _status_at_most(rate: RateRow, limit: float) -> GateStatus:
    if rate.total == 0:
        return GateStatus.INSUFFICIENT
    if rate.upper <= limit:
        return GateStatus.PASS
    return GateStatus.FAIL if rate.lower > limit else GateStatus.INSUFFICIENT


def _judgement(status: GateStatus, limit: float) -> str:
    allowed = f"the {limit_words(limit)} allowed"
    return {
        GateStatus.PASS: f"at most {allowed}",
        GateStatus.FAIL: f"more than {allowed}",
        GateStatus.INSUFFICIENT: f"too few samples to prove it above or below {allowed}",
    }[status]


def _at_most(name: str, what: str, limit: float, rate: RateRow) -> GateResult:
    status = _status_at_most(rate, limit)
    return GateResult(
        name=name,
        status=status,
        limit=limit,
        value=rate.value,
        lower=rate.lower if rate.total else None,
        upper=rate.upper if rate.total else None,
        sentence=f"{what} is {rate_words(rate)}: {_judgement(status, limit)}.",
    )


def _apcer(limit: float, pad: PadDocument) -> GateResult:
    results = [_at_most("max_apcer", f"APCER of {row.species}", limit, row.apcer) for row in pad.species]
    if not results:
        return _at_most("max_apcer", "APCER", limit, pad.apcer_pooled)
    status = verdict(results)
    worst = [result for result in results if result.status is status]
    if status is GateStatus.INSUFFICIENT:
        return max(worst, key=lambda result: -1.0 if result.upper is None else result.upper)
    return max(worst, key=lambda result: -1.0 if result.value is None else result.value)


def _accuracy(limit: float, errors: RateRow) -> GateResult:
    status = _status_at_most(errors, 1 - limit)
    value = None if errors.value is None else 1 - errors.value
    lower, upper = (1 - errors.upper, 1 - errors.lower) if errors.total else (None, None)
    return _at_least("min_accuracy", "Accuracy", limit, value, lower, upper, status)


def _auc(limit: float, auc: Value | None) -> GateResult | None:
    if auc is None:
        return None
    status = GateStatus.INSUFFICIENT
    if auc.lower is not None and auc.upper is not None:
        if auc.lower >= limit:
            status = GateStatus.PASS
        elif auc.upper < limit:
            status = GateStatus.FAIL
    return _at_least("min_auc", "AUC", limit, auc.value, auc.lower, auc.upper, status)


def _at_least(
    name: str,
    what: str,
    limit: float,
    value: float | None,
    lower: float | None,
    upper: float | None,
    status: GateStatus,
) -> GateResult:
    if value is None:
        text = f"{what} is undefined: the test holds no samples to compute it."
    else:
        interval = "" if lower is None or upper is None else f" (95 % CI {lower:.4f}–{upper:.4f})"
        words = {
            GateStatus.PASS: f"at least the {limit:g} asked for",
            GateStatus.FAIL: f"less than the {limit:g} asked for",
            GateStatus.INSUFFICIENT: f"too few samples to prove it above or below the {limit:g} asked for",
        }[status]
        text = f"{what} is {value:.4f}{interval}: {words}."
    return GateResult(
        name=name, status=status, limit=limit, value=value, lower=lower, upper=upper, sentence=text
    )


def _no_response(limit: float, accounting: Accounting) -> GateResult:
    # A count of this very set, not an estimate: no interval, so small sets can pass.
    share = accounting.no_response / accounting.total if accounting.total else None
    status = GateStatus.INSUFFICIENT
    if share is not None:
        status = GateStatus.PASS if share <= limit else GateStatus.FAIL
    counts = f"{accounting.no_response} of {accounting.total} samples got no answer ({percent(share)})"
    judgement = "more than" if status is GateStatus.FAIL else "at most"
    return GateResult(
        name="max_no_response",
        status=status,
        limit=limit,
        value=share,
        lower=None,
        upper=None,
        sentence=f"{counts}: {judgement} the {limit_words(limit)} allowed."
        if accounting.total
        else "The test set is empty.",
    )


def _group_gap(limit: float, tables: Sequence[GroupGapTable]) -> GateResult:
    rows = [(table, row) for table in tables for row in table.groups if row.difference is not None]
    if not rows:
        return GateResult(
            name="max_group_gap",
            status=GateStatus.INSUFFICIENT,
            limit=limit,
            value=None,
            lower=None,
            upper=None,
            sentence="No two groups are large enough to compare.",
        )
    failed = [(table, row) for table, row in rows if (row.lower or 0.0) > limit]
    table, row = max(failed or rows, key=lambda pair: pair[1].difference or 0.0)
    judged = [one for _, one in rows if one.verdict != "insufficient"]
    proven = bool(judged) and all((one.upper if one.upper is not None else 1.0) <= limit for one in judged)
    status = GateStatus.FAIL if failed else GateStatus.PASS if proven else GateStatus.INSUFFICIENT
    return GateResult(
        name="max_group_gap",
        status=status,
        limit=limit,
        value=row.difference,
        lower=row.lower,
        upper=row.upper,
        sentence=(
            f"{table.metric} of {table.attribute}={row.group} is {rate_words(row.rate)}, of the others "
            f"{rate_words(row.rest)}: a gap of {percent(row.difference)}, {_judgement(status, limit)}."
        ),
    )


def _regression(margin: float | None, baseline: BaselineComparison | None) -> GateResult | None:
    if margin is None or baseline is None:
        return None
    changes = [one for one in baseline.changes if one.difference is not None and one.upper is not None]
    if not changes:
        return GateResult(
            name="regression",
            status=GateStatus.INSUFFICIENT,
            limit=margin,
            value=None,
            lower=None,
            upper=None,
            sentence="The baseline answered none of these samples, so nothing can be compared.",
        )
    results = [_change(margin, baseline, change) for change in changes]
    # Single species are too small to prove that nothing changed; they can fail, not hold up, the gate.
    results = [
        result
        for result, change in zip(results, changes, strict=True)
        if not change.metric.startswith("APCER of ") or result.status is GateStatus.FAIL
    ]
    status = verdict(results)
    return max((result for result in results if result.status is status), key=lambda one: one.value or -1.0)


def _change(margin: float, baseline: BaselineComparison, change: MetricChange) -> GateResult:
    difference, lower, upper = change.difference or 0.0, change.lower or 0.0, change.upper or 0.0
    if upper <= margin:
        status, words = GateStatus.PASS, f"no more than the {limit_words(margin)} allowed"
    elif lower > 0 and difference > margin:
        status, words = GateStatus.FAIL, f"worse than the {limit_words(margin)} allowed"
    else:
        status, words = (
            GateStatus.INSUFFICIENT,
            f"too few samples to rule out a rise of {limit_words(margin)}",
        )
    return GateResult(
        name="regression",
        status=status,
        limit=margin,
        value=difference,
        lower=lower,
        upper=upper,
        sentence=(
            f"{capital(change.metric)} went from {percent(change.baseline)} ({baseline_words(baseline)}) to "
            f"{percent(change.current)} on the same samples, {signed_points(difference)} "
            f"(95 % CI {points_interval(lower, upper)}): {words}."
        ),
    )


def _profile(profile: ProfileDocument) -> GateResult:
    # The worst criterion: its own row holds the interval that decided.
    row = next(one for one in profile.rows if one.status is profile.status)
    return GateResult(
        name=f"profile {profile.name}",
        status=profile.status,
        limit=row.limit,
        value=row.value,
        lower=row.lower,
        upper=row.upper,
        sentence=profile.sentence,
    )


def _drift(rows: Sequence[DriftRow]) -> GateResult:
    drifted = [row for row in rows if row.verdict == "alert"]
    judged = [row for row in rows if row.verdict != "insufficient"]
    status = GateStatus.FAIL if drifted else GateStatus.PASS if judged else GateStatus.INSUFFICIENT
    if drifted:
        text = f"{len(drifted)} of {len(rows)} features drifted: {', '.join(row.feature for row in drifted)}."
    elif judged:
        text = f"None of {len(judged)} features drifted from the reference."
    else:
        text = "There is no reference profile, or too little data, to tell drift."
    return GateResult(
        name="drift",
        status=status,
        limit=0.0,
        value=float(len(drifted)) if judged else None,
        lower=None,
        upper=None,
        sentence=text,
    )
