"""Two models on the same samples: which errors are new, and is that more than chance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.evaluation.analysis.columns import PredictionColumns
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.metrics.clustering import paired_design_effect
from lifesign.evaluation.metrics.comparison import Comparison, compare_errors, mcnemar_exact
from lifesign.evaluation.metrics.multiplicity import holm
from lifesign.evaluation.report.document import FlippedSample, MetricChange
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = [
    "ErrorChange",
    "PairedRun",
    "change_row",
    "error_changes",
    "flipped_samples",
    "pair_runs",
    "require_same_labels",
]

_ALPHA = 0.01
_MATERIAL = 0.005  # a rise below half a point is written down, not alerted
_ALIKE = 0.02  # "same" needs the whole interval within this of 0; else the samples cannot tell
_MIN_SLICE = 20
_MIN_RISE = 3


@dataclass(frozen=True)
class PairedRun:
    """Samples that both models answered: bool and float64 arrays ``(n,)``.

    ``rows`` and ``before_rows``, int64 ``(n,)``, are their places in ``columns`` and ``before``.
    """

    columns: PredictionColumns
    before: PredictionColumns
    rows: NDArray[np.int64]
    before_rows: NDArray[np.int64]
    before_wrong: NDArray[np.bool_]
    now_wrong: NDArray[np.bool_]
    before_score: NDArray[np.float64]


@dataclass(frozen=True)
class ErrorChange:
    """One error rate before and now; ``inside`` bool ``(n,)``, the exact McNemar p-value, Holm-corrected."""

    name: str
    inside: NDArray[np.bool_]
    comparison: Comparison
    p_value: float


def pair_runs(columns: PredictionColumns, before: PredictionColumns) -> PairedRun:
    """Match two models' predictions by sample id; the labels of ``columns`` are those that count."""
    position = {sample: row for row, sample in enumerate(before.text("sample_id"))}
    there = np.array([position.get(sample, -1) for sample in columns.text("sample_id")], dtype=np.int64)
    both = (there >= 0) & columns.responded
    both[both] = before.responded[there[both]]
    rows, theirs = np.flatnonzero(both), there[both]
    return PairedRun(
        columns,
        before,
        rows,
        theirs,
        before.predicted[theirs] != columns.true[rows],
        columns.predicted[rows] != columns.true[rows],
        _score(before)[theirs],
    )


def require_same_labels(paired: PairedRun) -> None:
    """Refuse a comparison of two models that were not judged by the same labels.

    Raises:
        DatasetError: a sample has different labels.
    """
    columns, rows, theirs = paired.columns, paired.rows, paired.before_rows
    differing = np.flatnonzero(paired.before.true[theirs] != columns.true[rows])
    if differing.size:
        names, place = columns.spec.class_names, int(differing[0])
        raise DatasetError(
            f"expected each sample under one label, got {columns.cell('sample_id', int(rows[place]))!r} as "
            f"{names[int(paired.before.true[theirs[place]])]} and as {names[int(columns.true[rows[place]])]} "
            f"({differing.size:,} samples differ)"
        )


def _score(columns: PredictionColumns) -> NDArray[np.float64]:
    """P(bona fide), or the largest score of a classifier."""
    return columns.feature("score")


def _error_kinds(paired: PairedRun) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    spec, true = paired.columns.spec, paired.columns.true[paired.rows]
    if spec.task == "classification":
        yield "error rate", np.ones(len(true), dtype=np.bool_)
        return
    yield "BPCER", true == spec.class_names.index(BONA_FIDE)
    yield "APCER", true == spec.class_names.index(ATTACK)
    groups = paired.columns.groups
    for index, name in enumerate(groups.names):
        if name != BONA_FIDE:
            yield f"APCER of {name}", groups.index[paired.rows] == index


def error_changes(paired: PairedRun) -> tuple[ErrorChange, ...]:
    """Return the change of every kind of error.

    Liveness: BPCER, APCER over all attacks, and APCER of every species; classifiers: the error rate.
    p-values are exact McNemar, on counts over the design effect of subjects where known, corrected by Holm,
    overall rates and species apart; limits are by subjects where known.
    """
    change = paired.now_wrong.astype(np.int64) - paired.before_wrong
    codes = paired.columns.subject_index[paired.rows]
    subjects = np.asarray(paired.columns.text("subject_id"), dtype=object)[paired.rows]
    found = []
    for name, inside in _error_kinds(paired):
        people = subjects[inside] if any(subjects[inside]) else None
        one = compare_errors(paired.before_wrong[inside], paired.now_wrong[inside], people)
        found.append((name, inside, one, _p_value(one, paired_design_effect(change[inside], codes[inside]))))
    # Two families: the overall rates are not weakened by however many species there are.
    exact = np.array([p for *_, p in found], dtype=np.float64)
    corrected = [*holm(exact[:2]), *holm(exact[2:])]
    return tuple(
        ErrorChange(name, inside, one, float(p))
        for (name, inside, one, _), p in zip(found, corrected, strict=True)
    )


def _p_value(one: Comparison, effect: float) -> float:
    """Return the exact McNemar p-value of counts over a design effect; ``nan`` without samples."""
    counts = one.counts
    if not counts.total:
        return float("nan")
    return mcnemar_exact(
        round(counts.only_baseline_wrong / effect), round(counts.only_current_wrong / effect)
    )


def change_row(paired: PairedRun, change: ErrorChange) -> MetricChange:
    """Return a change as a row of a report."""
    one, p_value = change.comparison, change.p_value
    verdict = _verdict(one, p_value)
    return MetricChange(
        metric=change.name,
        baseline=optional(one.baseline.value),
        current=optional(one.current.value),
        difference=optional(one.delta),
        lower=optional(one.interval.lower),
        upper=optional(one.interval.upper),
        p_value=optional(p_value),
        verdict=verdict,
        samples=one.counts.total,
        newly_wrong=one.counts.only_current_wrong,
        newly_right=one.counts.only_baseline_wrong,
        worst_slice=_worst_slice(paired, change.inside) if verdict == "worse" else "",
    )


def _verdict(one: Comparison, p_value: float) -> Literal["better", "worse", "same", "insufficient"]:
    if one.counts.total == 0:
        return "insufficient"
    if p_value <= _ALPHA and abs(one.delta) >= _MATERIAL and 0.0 not in one.interval:
        return "worse" if one.delta > 0 else "better"
    alike = one.interval.lower >= -_ALIKE and one.interval.upper <= _ALIKE
    return "same" if alike else "insufficient"


def _worst_slice(paired: PairedRun, inside: NDArray[np.bool_]) -> str:
    """Return the slice in which the rise is surest, with its counts.

    Surest by McNemar's z = (newly wrong - newly right) / sqrt(newly wrong + newly right): the largest
    rise in percent would mostly be that of a small slice. A value that all samples have is no slice.
    """
    best, words = 0.0, ""
    for name, value, members in _slices(paired):
        rows = inside & members
        worse = int((paired.now_wrong & ~paired.before_wrong)[rows].sum())
        better = int((paired.before_wrong & ~paired.now_wrong)[rows].sum())
        sureness = (worse - better) / max(1, worse + better) ** 0.5
        if _MIN_SLICE <= rows.sum() < inside.sum() and worse - better >= _MIN_RISE and sureness > best:
            best = sureness
            words = f"{name}={value} ({worse} newly wrong, {better} newly right of {rows.sum()})"
    return words


def _slices(paired: PairedRun) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield column, value and members, bool ``(n,)``, of every species and slice value."""
    columns = paired.columns
    named = {"pai_species": columns.groups} if columns.spec.task == "liveness" else {}
    named |= {column: columns.slice_codes(column) for column in columns.spec.slices}
    for name, codes in named.items():
        index = codes.index[paired.rows]
        for code, value in enumerate(codes.names):
            if not (name == "pai_species" and value == BONA_FIDE):
                yield name, value, index == code


def flipped_samples(paired: PairedRun, *, limit: int) -> tuple[FlippedSample, ...]:
    """Return the samples whose decision changed for better or worse, regressions and large moves first."""
    now = _score(paired.columns)[paired.rows]
    changed = np.flatnonzero(paired.now_wrong != paired.before_wrong)
    moved = np.abs(now - paired.before_score)
    order = sorted(changed.tolist(), key=lambda row: (not paired.now_wrong[row], -moved[row], row))
    columns = paired.columns
    return tuple(
        FlippedSample(
            sample_id=columns.cell("sample_id", int(paired.rows[row])) or "",
            label=columns.spec.class_names[int(columns.true[paired.rows[row]])],
            species=columns.cell("pai_species", int(paired.rows[row])) or None,
            baseline_score=optional(float(paired.before_score[row])),
            current_score=optional(float(now[row])),
            regression=bool(paired.now_wrong[row]),
            path=columns.cell("path", int(paired.rows[row])) or "",
        )
        for row in order[:limit]
    )
