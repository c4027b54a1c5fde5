"""Bias as a part of the report: error rates group by group, and classes answered too often."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.rates import optional, rate_row
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.tally import Tally
from lifesign.evaluation.metrics.bias import GroupGap, GroupGaps, PredictionBias, group_gaps
from lifesign.evaluation.metrics.clustering import rate_design_effect
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.report.document import GroupGapRow, GroupGapTable, PredictionBiasRow
from lifesign.evaluation.report.wording import percent
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["gap_tables", "prediction_bias_rows"]

_ALPHA = 0.01
_MARGIN = 0.05
_MIN_SIZE = 20
_GROUPS = range(2, 21)


def gap_tables(state: RunState, columns: PredictionColumns) -> tuple[GroupGapTable, ...]:
    """Return one table per slice column and kind of error, for columns with 2 to 20 values.

    A liveness column that does not vary among bona fide presentations (medium, visible border) describes
    the attack instrument and nobody who could be treated unequally: the species table covers it.

    The level .01 is shared (Bonferroni) by the tables in which anything can be found, those with two
    groups of enough samples, and by the groups within a table (Holm). Counts are divided by the design
    effect of subjects who gave several samples.
    """
    compared = [
        (column, kind, rates)
        for column in columns.spec.slices
        if len(_rates(state.slices[column], _kinds(columns.spec)[0])) in _GROUPS
        for kind in _kinds(columns.spec)
        if len(rates := _rates(state.slices[column], kind)) > 1
    ]
    alpha = _ALPHA / max(1, sum(_has_two_groups(rates) for _, _, rates in compared))
    return tuple(
        _table(column, kind, rates, alpha, _design_effect(columns, column, kind))
        for column, kind, rates in compared
    )


def prediction_bias_rows(bias: PredictionBias) -> tuple[PredictionBiasRow, ...]:
    """Return a row per class, p-values corrected over the classes."""
    return tuple(
        PredictionBiasRow(
            class_name=one.class_name,
            true_share=optional(one.true_share),
            predicted_share=optional(one.predicted_share),
            difference=optional(one.difference),
            p_value=optional(one.adjusted_p),
            verdict="alert" if one.material else "ok",
        )
        for one in bias.classes
    )


def _kinds(spec: AnalysisSpec) -> tuple[str, ...]:
    return ("BPCER", "APCER") if spec.task == "liveness" else ("error rate",)


def _rates(values: Mapping[str, Tally], kind: str) -> dict[str, Rate]:
    rates = {}
    for value, tally in sorted(values.items()):
        if tally.pad is None:
            rates[value] = tally.confusion.errors
        else:
            rates[value] = tally.pad.bpcer() if kind == "BPCER" else tally.pad.apcer_pooled()
    return {value: rate for value, rate in rates.items() if rate.total}


def _has_two_groups(rates: Mapping[str, Rate]) -> bool:
    # Sizes do not depend on the errors, so leaving small tables out does not bias the others.
    return sum(rate.total >= _MIN_SIZE for rate in rates.values()) > 1


def _design_effect(columns: PredictionColumns, column: str, kind: str) -> float:
    """Return how much alike the errors of one subject are within a group of ``column``.

    Within groups, because a difference between groups is what is looked for and no likeness of subjects.
    """
    subjects = np.asarray(columns.text("subject_id"), dtype=object)
    rows = columns.responded & _of_kind(columns, kind)
    if not rows.any() or not any(subjects[rows]):
        return 1.0
    wrong = (columns.predicted != columns.true)[rows]
    return rate_design_effect(wrong, subjects[rows], groups=columns.slice_codes(column).index[rows])


def _of_kind(columns: PredictionColumns, kind: str) -> NDArray[np.bool_]:
    if columns.spec.task == "classification":
        return np.ones(len(columns.true), dtype=np.bool_)
    wanted = BONA_FIDE if kind == "BPCER" else ATTACK
    return np.asarray(columns.true == columns.spec.class_names.index(wanted), dtype=np.bool_)


def _table(
    column: str, kind: str, rates: Mapping[str, Rate], alpha: float, design_effect: float
) -> GroupGapTable:
    gaps = group_gaps(rates, alpha=alpha, margin=_MARGIN, min_size=_MIN_SIZE, design_effect=design_effect)
    return GroupGapTable(
        attribute=column,
        metric=kind,
        margin=_MARGIN,
        alpha=float(f"{alpha:.3g}"),
        groups=tuple(_row(gap) for gap in gaps.groups),
        sentence=_sentence(column, kind, gaps, rates),
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
    )


def _sentence(column: str, kind: str, gaps: GroupGaps, rates: Mapping[str, Rate]) -> str:
    unknown = sum(gap.verdict.value == "insufficient" for gap in gaps.groups)
    parts = []
    if gaps.worst is not None and gaps.best is not None:
        parts.append(
            f"{kind} by {column} runs from {percent(rates[gaps.best].value)} ({gaps.best}) to "
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
