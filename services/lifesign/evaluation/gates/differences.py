"""Gates of what differs: groups, the baseline, the reference, and the limits of a profile."""

import math
from collections.abc import Sequence

from lifesign.evaluation.gates.rates import judgement_words
from lifesign.evaluation.gates.verdicts import status_at_most, unproven, verdict
from lifesign.evaluation.report.document import (
    BaselineComparison,
    DriftRow,
    GateResult,
    GateStatus,
    GroupGapRow,
    GroupGapTable,
    MetricChange,
    ProfileDocument,
)
from lifesign.evaluation.report.wording import (
    baseline_words,
    capital,
    is_species_apcer,
    limit_words,
    percent,
    points_interval,
    rate_words,
    signed_points,
)

__all__ = ["drift_gate", "group_gap_gate", "profile_gate", "regression_gate"]


def group_gap_gate(limit: float, tables: Sequence[GroupGapTable]) -> GateResult:
    """Return whether no group's error rate exceeds that of the others by more than the limit: the worst.

    By the intervals of the tables against this limit; a table's verdicts are about its own margin. A group
    too small to be proven within the limit holds the gate up.
    """
    results = [
        _gap(limit, table, row) for table in tables for row in table.groups if row.difference is not None
    ]
    if not results:
        return unproven("max_group_gap", limit, "No two groups are large enough to compare.")
    status = verdict(results)
    return max((one for one in results if one.status is status), key=_decisive)


def _gap(limit: float, table: GroupGapTable, row: GroupGapRow) -> GateResult:
    difference, (lower, upper) = row.difference or 0.0, _interval(row)
    status = status_at_most(lower, upper, limit)
    return GateResult(
        name="max_group_gap",
        status=status,
        limit=limit,
        value=difference,
        lower=lower,
        upper=upper,
        sentence=(
            f"{table.metric} of {table.attribute}={row.group} is {rate_words(row.rate)}, of the others "
            f"{rate_words(row.rest)}: a gap of {signed_points(difference)} (95 % CI of all groups at once "
            f"{points_interval(lower, upper)}), {judgement_words(status, limit)}."
        ),
    )


def _interval(row: GroupGapRow | MetricChange) -> tuple[float, float]:
    """Return the limits of a difference of rates; where one is not known, it may be anything."""
    return -1.0 if row.lower is None else row.lower, 1.0 if row.upper is None else row.upper


def _decisive(result: GateResult) -> float:
    """Return how bad a result is among those of its status: if failed how bad it is, else may be."""
    found = result.value if result.status is GateStatus.FAIL else result.upper
    return -math.inf if found is None else found


def regression_gate(margin: float | None, baseline: BaselineComparison | None) -> GateResult | None:
    """Return whether no error rate rose over the baseline by more than the margin: the worst change."""
    if margin is None or baseline is None:
        return None
    changes = [one for one in baseline.changes if one.difference is not None and one.upper is not None]
    if not changes:
        return unproven(
            "regression", margin, "The baseline answered none of these samples, so nothing can be compared."
        )
    results = [_change(margin, baseline, change) for change in changes]
    # Single species are too small to prove that nothing changed; they can fail, not hold up, the gate.
    results = [
        result
        for result, change in zip(results, changes, strict=True)
        if not is_species_apcer(change.metric) or result.status is GateStatus.FAIL
    ]
    status = verdict(results)
    return max((one for one in results if one.status is status), key=_decisive)


def _change(margin: float, baseline: BaselineComparison, change: MetricChange) -> GateResult:
    difference, (lower, upper) = change.difference or 0.0, _interval(change)
    status = status_at_most(lower, upper, margin)
    words = {
        GateStatus.PASS: f"no more than the {limit_words(margin)} allowed",
        GateStatus.FAIL: f"worse than the {limit_words(margin)} allowed",
        GateStatus.INSUFFICIENT: f"too few samples to rule out a rise of {limit_words(margin)}",
    }[status]
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


def profile_gate(profile: ProfileDocument) -> GateResult:
    """Return the profile's verdict as a gate."""
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


def drift_gate(rows: Sequence[DriftRow]) -> GateResult:
    """Return whether the data have not drifted from the reference."""
    drifted = [row for row in rows if row.verdict == "alert"]
    judged = [row for row in rows if row.verdict != "insufficient"]
    status = GateStatus.FAIL if drifted else GateStatus.PASS if judged else GateStatus.INSUFFICIENT
    if drifted:
        text = f"{len(drifted)} of {len(rows)} features drifted: {', '.join(row.feature for row in drifted)}."
    elif judged:
        text = f"None of {len(judged)} features drifted from the reference."
    else:
        text = "There is no reference profile, or too few samples or people, to tell drift."
    return GateResult(
        name="drift",
        status=status,
        limit=0.0,
        value=float(len(drifted)) if judged else None,
        lower=None,
        upper=None,
        sentence=text,
    )
