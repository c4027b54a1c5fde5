"""Alerts of groups that do worse than the others: one per attribute and kind of error."""

from collections.abc import Iterable, Sequence

from lifesign.evaluation.report.document import Alert, AlertSeverity, GroupGapRow, GroupGapTable
from lifesign.evaluation.report.wording import p_words, percent, points_interval, signed_points

__all__ = ["gap_alerts"]


def gap_alerts(tables: Sequence[GroupGapTable]) -> Iterable[Alert]:
    """One alert per attribute and kind of error, for what another kind has not told yet.

    BPCER and APCER come before the error rate of both; the miss rates of single classes come last and
    share an alert.
    """
    told: set[tuple[str, str]] = set()
    missed: dict[str, list[tuple[GroupGapTable, GroupGapRow]]] = {}
    for table in tables:
        rows = [(table, row) for row in table.groups if row.verdict == "alert"]
        fresh = [(one, row) for one, row in rows if (table.attribute, row.group) not in told]
        if table.metric.startswith("miss rate of "):
            missed.setdefault(table.attribute, []).extend(fresh)
            continue
        alerted = rows if table.metric in ("BPCER", "APCER") else fresh
        told |= {(table.attribute, row.group) for _, row in rows}
        if alerted:
            yield _gap_alert(alerted)
    yield from (_gap_alert(found) for found in missed.values() if found)


def _gap_alert(found: Sequence[tuple[GroupGapTable, GroupGapRow]]) -> Alert:
    table, worst = max(found, key=lambda pair: pair[1].difference or 0.0)
    others = [
        row.group if one is table else f"{row.group} ({one.metric})" for one, row in found if row is not worst
    ]
    also = f" Likewise {', '.join(others)}." if others else ""
    severe = (worst.difference or 0.0) >= 2 * table.margin
    return Alert(
        kind="differential_performance",
        severity=AlertSeverity.CRITICAL if severe else AlertSeverity.WARNING,
        title=f"{table.metric} is higher for {table.attribute} {worst.group}",
        sentence=_gap_sentence(table, worst) + also,
        remedy=(
            f"Collect and train on more samples of {table.attribute}={worst.group}, and check whether "
            "lighting or device explain the gap before releasing."
        ),
        evidence={
            "attribute": table.attribute,
            "metric": table.metric,
            "group": worst.group,
            "rate": worst.rate.value,
            "rest": worst.rest.value,
            "difference": worst.difference,
            "lower": worst.lower,
            "upper": worst.upper,
            "q_value": worst.q_value,
            "groups": list(dict.fromkeys(row.group for _, row in found)),
        },
    )


def _gap_sentence(table: GroupGapTable, row: GroupGapRow) -> str:
    limits = ""
    if row.lower is not None and row.upper is not None:
        limits = f" (95 % CI, all groups at once, {points_interval(row.lower, row.upper)})"
    return (
        f"{table.attribute}={row.group}: {table.metric} {percent(row.rate.value)} "
        f"({row.rate.errors:,}/{row.rate.total:,}) against {percent(row.rest.value)} of the others "
        f"({row.rest.errors:,}/{row.rest.total:,}), a gap of {signed_points(row.difference or 0.0)}{limits}, "
        f"corrected {p_words(row.q_value)}."
    )
