"""Bias as a part of the report: error rates group by group, and classes answered too often."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from lifesign.evaluation.analysis.alarm_budget import DIFFERENTIAL_PERFORMANCE, PREDICTION_BIAS
from lifesign.evaluation.analysis.group_errors import ErrorKind, GroupErrors, error_kinds, miss_kinds
from lifesign.evaluation.analysis.rates import optional, rate_row
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.metrics.bias import GroupGap, GroupGaps, GroupVerdict, group_gaps, smoothed_ratio
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.prediction_bias import PredictionBias, flow_design_effects, prediction_bias
from lifesign.evaluation.report.document import (
    GroupGapRow,
    GroupGapTable,
    GroupSummary,
    PredictionBiasRow,
)
from lifesign.evaluation.report.wording import capital, percent

__all__ = ["class_bias", "gap_tables", "group_summaries", "prediction_bias_rows"]

_MARGIN = 0.05
_MIN_SIZE = 20
_REQUIRED_GAP = 0.1
_GROUPS = range(2, 21)
_CLASSES_SHOWN = 5


def gap_tables(columns: RunPredictions) -> tuple[GroupGapTable, ...]:
    """Return one table per slice column and kind of error, for columns with 2 to 20 values.

    BPCER, APCER and both together of a liveness model; the error rate and the miss rate of every class of
    a classifier, of which only those of small models and those in alert are returned. A liveness column
    that does not vary among bona fide presentations (medium, visible border) describes the attack
    instrument and nobody who could be treated unequally: the species table covers it. Crosses are left to
    the search for the worst slices.

    The report's share of false alarms is divided (Bonferroni) by the tables in which anything can be
    found, those with two groups of enough samples, half of it for the miss rates; and by the groups
    within a table (Holm). Counts are divided by the design effect of subjects who gave several samples,
    and an exchange of whole subjects must agree.
    """
    main = list(_compared(columns, error_kinds(columns)))
    missed = list(_compared(columns, miss_kinds(columns))) if main else []
    share = DIFFERENTIAL_PERFORMANCE / (2 if missed else 1)
    tables = [_table(column, split, share / _testable(main)) for column, split in main]
    others = [_table(column, split, share / _testable(missed)) for column, split in missed]
    if len(columns.spec.class_names) > _CLASSES_SHOWN:
        others = [one for one in others if any(row.verdict == "alert" for row in one.groups)]
    place = {column: index for index, column in enumerate(columns.spec.slices)}
    return tuple(sorted([*tables, *others], key=lambda table: place[table.attribute]))


def _compared(columns: RunPredictions, kinds: Iterable[ErrorKind]) -> Iterator[tuple[str, GroupErrors]]:
    """Yield the columns and kinds of error that are compared, kind by kind."""
    grouped = [(name, columns.slice_codes(name)) for name in columns.group_columns]
    kept: set[str] | None = None
    for kind in kinds:
        splits = {column: GroupErrors.split(kind, codes) for column, codes in grouped}
        if kept is None:
            kept = {column for column, split in splits.items() if len(split.names) in _GROUPS}
        for column, split in splits.items():
            if column in kept and len(split.names) > 1:
                yield column, split


def _testable(compared: Sequence[tuple[str, GroupErrors]]) -> int:
    # Sizes do not depend on the errors, so leaving small tables out does not bias the others.
    large = (sum(rate.total >= _MIN_SIZE for rate in split.rates.values()) > 1 for _, split in compared)
    return max(1, sum(large))


def class_bias(matrix: ConfusionMatrix, columns: RunPredictions) -> PredictionBias:
    """Return the bias towards classes, subjects who gave several samples taken into account."""
    scored = columns.responded
    subjects = columns.subject_index[scored]
    effects = None
    if (subjects >= 0).any():
        effects = flow_design_effects(
            columns.true[scored],
            columns.predicted[scored],
            subjects,
            classes=len(columns.spec.class_names),
        )
    return prediction_bias(
        matrix, alpha=PREDICTION_BIAS, margin=_MARGIN, min_size=_MIN_SIZE, design_effects=effects
    )


def prediction_bias_rows(bias: PredictionBias) -> tuple[PredictionBiasRow, ...]:
    """Return a row per class, p-values corrected over the classes."""
    return tuple(
        PredictionBiasRow(
            class_name=one.class_name,
            true_share=optional(one.true_share),
            predicted_share=optional(one.predicted_share),
            difference=optional(one.difference),
            favour=optional(one.favour),
            p_value=optional(one.adjusted_p),
            verdict="alert" if one.material else "ok",
        )
        for one in bias.classes
    )


def group_summaries(tables: Sequence[GroupGapTable]) -> tuple[GroupSummary, ...]:
    """Return largest difference, smoothed ratio and worst group per attribute and kind of error.

    Over the groups of enough samples; a summary of what was seen, proof is in the tables' verdicts.
    """
    found = []
    for table in tables:
        rows = [row for row in table.groups if row.rate.total >= _MIN_SIZE and row.rate.value is not None]
        if len(rows) > 1:
            worst = max(rows, key=_value)
            best = min(rows, key=_value)
            found.append(
                GroupSummary(
                    attribute=table.attribute,
                    metric=table.metric,
                    groups=len(rows),
                    worst_group=worst.group,
                    best_group=best.group,
                    difference=_value(worst) - _value(best),
                    ratio=smoothed_ratio(
                        Rate(worst.rate.errors, worst.rate.total), Rate(best.rate.errors, best.rate.total)
                    ),
                    proven=any(row.verdict == "alert" for row in rows),
                )
            )
    return tuple(found)


def _value(row: GroupGapRow) -> float:
    return row.rate.value or 0.0


def _table(column: str, split: GroupErrors, alpha: float) -> GroupGapTable:
    gaps = group_gaps(
        split.rates,
        alpha=alpha,
        margin=_MARGIN,
        min_size=_MIN_SIZE,
        required_gap=_REQUIRED_GAP,
        design_effects=split.design_effects,
        second=split.second_p_value,
    )
    return GroupGapTable(
        attribute=column,
        metric=split.kind.name,
        margin=_MARGIN,
        alpha=float(f"{alpha:.3g}"),
        groups=tuple(_row(gap) for gap in gaps.groups),
        sentence=_sentence(column, split.kind.name, gaps, split.rates),
    )


def _row(gap: GroupGap) -> GroupGapRow:
    return GroupGapRow(
        group=gap.group,
        rate=rate_row(gap.rate),
        rest=rate_row(gap.rest),
        difference=optional(gap.difference),
        lower=optional(gap.interval.lower),
        upper=optional(gap.interval.upper),
        p_value=optional(gap.p_value),
        q_value=optional(gap.q_value),
        verdict=gap.verdict.value,
        words=_words(gap),
    )


def _words(gap: GroupGap) -> str:
    if gap.verdict is not GroupVerdict.INSUFFICIENT:
        return ""
    fewer = min(gap.rate.total, gap.rest.total)
    seen = gap.minimum_detectable
    could = f": a gap under {percent(min(1.0, seen))} could be missed" if np.isfinite(seen) else ""
    return f"insufficient evidence (n = {fewer}){could}"


def _sentence(column: str, kind: str, gaps: GroupGaps, rates: Mapping[str, Rate]) -> str:
    unknown = sum(gap.verdict.value == "insufficient" for gap in gaps.groups)
    parts = []
    if gaps.worst is not None and gaps.best is not None:
        parts.append(
            f"{capital(kind)} by {column} runs from {percent(rates[gaps.best].value)} ({gaps.best}) to "
            f"{percent(rates[gaps.worst].value)} ({gaps.worst})."
        )
    if gaps.alerts:
        parts.append(f"Proven worse than the others: {_names([gap.group for gap in gaps.alerts])}.")
    elif unknown < len(gaps.groups):
        parts.append("No group is proven worse than the others by the margin.")
    if unknown:
        known = [gap.minimum_detectable for gap in gaps.groups if np.isfinite(gap.minimum_detectable)]
        seen = f"; a gap under {percent(min(1.0, max(known)))} could be missed" if known else ""
        parts.append(f"{unknown} of {len(gaps.groups)} groups have too few samples to tell{seen}.")
    return " ".join(parts) or f"No samples to compare {kind} by {column}."


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
