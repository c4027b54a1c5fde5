"""Two models on the same samples: which errors are new, and is that more than chance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.evaluation.analysis.codes import CodeArray
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.sample_ids import matched_rows
from lifesign.evaluation.metrics.clustering import paired_design_effect
from lifesign.evaluation.metrics.comparison import Comparison, compare_errors, mcnemar_exact
from lifesign.evaluation.metrics.multiplicity import holm
from lifesign.evaluation.report.document import FlippedSample, MetricChange
from lifesign.evaluation.report.wording import NON_RESPONSE_RATES, changed_words, species_apcer
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = [
    "ErrorChange",
    "PairedRun",
    "change_row",
    "error_changes",
    "flipped_samples",
    "mcnemar_p_value",
    "pair_runs",
    "require_same_labels",
    "response_changes",
]

_ALPHA = 0.01
_MATERIAL = 0.005  # a rise below half a point is written down, not alerted
_ALIKE = 0.02  # "same" needs the whole interval within this of 0; else the samples cannot tell
_MIN_SLICE = 20
_MIN_RISE = 3


@dataclass(frozen=True)
class PairedRun:
    """Samples of both models, ``(n,)``, and which of them each got wrong.

    Either those that both answered, of which wrong answers are wrong; or all that both were asked about, of
    which those without an answer are.

    ``rows`` and ``before_rows``, int32 ``(n,)``, are their places in ``columns`` and ``before``.
    """

    columns: RunPredictions
    before: RunPredictions
    rows: NDArray[np.int32]
    before_rows: NDArray[np.int32]
    before_wrong: NDArray[np.bool_]
    now_wrong: NDArray[np.bool_]

    @cached_property
    def subjects(self) -> CodeArray | None:
        """Numbers of the subjects, ``(n,)``, −1 for an unknown one; ``None`` where none is known."""
        found = self.columns.subject_index[self.rows]
        return found if (found >= 0).any() else None

    @property
    def newly_wrong(self) -> NDArray[np.bool_]:
        """Which samples were right before and are wrong now, bool ``(n,)``."""
        return self.now_wrong & ~self.before_wrong

    @property
    def newly_right(self) -> NDArray[np.bool_]:
        """Which samples were wrong before and are right now, bool ``(n,)``."""
        return self.before_wrong & ~self.now_wrong


@dataclass(frozen=True)
class ErrorChange:
    """One error rate before and now; ``inside`` bool ``(n,)``, the exact McNemar p-value, Holm-corrected."""

    name: str
    inside: NDArray[np.bool_]
    comparison: Comparison
    p_value: float


def pair_runs(columns: RunPredictions, before: RunPredictions) -> tuple[PairedRun, PairedRun]:
    """Match two models' predictions by sample id: what both answered, and what both were asked about.

    The labels of ``columns`` are those that count.
    """
    there = matched_rows(columns.source, before.source)
    rows = np.flatnonzero(there >= 0).astype(np.int32)
    theirs = there[rows]
    asked = PairedRun(columns, before, rows, theirs, ~before.responded[theirs], ~columns.responded[rows])
    both = ~(asked.before_wrong | asked.now_wrong)
    rows, theirs = rows[both], theirs[both]
    answered = PairedRun(
        columns,
        before,
        rows,
        theirs,
        before.predicted[theirs] != columns.true[rows],
        columns.predicted[rows] != columns.true[rows],
    )
    return answered, asked


def require_same_labels(paired: PairedRun) -> None:
    """Refuse a comparison of two models that were not judged by the same labels.

    Raises:
        DatasetError: a sample has different labels.
    """
    columns, rows, theirs = paired.columns, paired.rows, paired.before_rows
    differing = np.flatnonzero(paired.before.true[theirs] != columns.true[rows])
    if differing.size:
        names, place = columns.spec.class_names, int(differing[0])
        sample = columns.rows([int(rows[place])], ["sample_id"])[0]["sample_id"]
        raise DatasetError(
            f"expected each sample under one label, got {sample!r} as "
            f"{names[int(paired.before.true[theirs[place]])]} and as {names[int(columns.true[rows[place]])]} "
            f"({differing.size:,} samples differ)"
        )


_Kinds = Iterable[tuple[str, NDArray[np.bool_]]]


def _overall_kinds(paired: PairedRun, names: tuple[str, str, str]) -> _Kinds:
    """Yield the kinds of error by what they are called of bona fide, of attacks, and of a classifier."""
    bona_fide, attack, any_class = names
    spec, true = paired.columns.spec, paired.columns.true[paired.rows]
    if spec.task == "classification":
        yield any_class, np.ones(len(true), dtype=np.bool_)
        return
    yield bona_fide, true == spec.class_names.index(BONA_FIDE)
    yield attack, true == spec.class_names.index(ATTACK)


def _species_kinds(paired: PairedRun) -> _Kinds:
    if paired.columns.spec.task == "liveness":
        groups = paired.columns.groups
        for index, name in enumerate(groups.names):
            if name != BONA_FIDE:
                yield species_apcer(name), groups.index[paired.rows] == index


def error_changes(answered: PairedRun) -> tuple[ErrorChange, ...]:
    """Return the change of every kind of error.

    Liveness: BPCER, APCER over all attacks, and APCER of every species; classifiers: the error rate.
    p-values are exact McNemar, on counts over the design effect of subjects where known, corrected by Holm,
    overall rates and species apart; limits are by subjects where known.
    """
    # Two families: the overall rates are not weakened by however many species there are.
    overall = _overall_kinds(answered, ("BPCER", "APCER", "error rate"))
    return (*_changes(answered, overall), *_changes(answered, _species_kinds(answered)))


def response_changes(asked: PairedRun) -> tuple[ErrorChange, ...]:
    """Return the change of the non-response rates, as ``error_changes``; empty where all was answered.

    Who answers less errs less among its answers, so errors alone would hide it. Liveness: BPNRR and APNRR.
    """
    if not (asked.before_wrong | asked.now_wrong).any():
        return ()
    return _changes(asked, _overall_kinds(asked, NON_RESPONSE_RATES))


def _changes(paired: PairedRun, kinds: _Kinds) -> tuple[ErrorChange, ...]:
    codes = paired.columns.subject_index[paired.rows]
    found = []
    for name, inside in kinds:
        people = codes[inside]
        one = compare_errors(
            paired.before_wrong[inside], paired.now_wrong[inside], people if (people >= 0).any() else None
        )
        found.append((name, inside, one, mcnemar_p_value(paired, inside)))
    corrected = holm(np.array([p for *_, p in found], dtype=np.float64))
    return tuple(
        ErrorChange(name, inside, one, float(p))
        for (name, inside, one, _), p in zip(found, corrected, strict=True)
    )


def mcnemar_p_value(paired: PairedRun, inside: NDArray[np.bool_]) -> float:
    """Return the exact McNemar p-value of some samples, bool ``(n,)``; ``nan`` where there are none.

    Of counts over the design effect of subjects where they are known.
    """
    if not inside.any():
        return float("nan")
    change = paired.now_wrong[inside].astype(np.int8) - paired.before_wrong[inside]
    effect = paired_design_effect(change, paired.columns.subject_index[paired.rows[inside]])
    return mcnemar_exact(round(int((change < 0).sum()) / effect), round(int((change > 0).sum()) / effect))


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
        worst_slice=_worst_slice(paired, change) if verdict == "worse" else "",
    )


def _verdict(one: Comparison, p_value: float) -> Literal["better", "worse", "same", "insufficient"]:
    if one.counts.total == 0:
        return "insufficient"
    if p_value <= _ALPHA and abs(one.delta) >= _MATERIAL and 0.0 not in one.interval:
        return "worse" if one.delta > 0 else "better"
    alike = one.interval.lower >= -_ALIKE and one.interval.upper <= _ALIKE
    return "same" if alike else "insufficient"


def _worst_slice(paired: PairedRun, change: ErrorChange) -> str:
    """Return the slice in which the rise is surest, with its counts.

    Surest by McNemar's z = (newly wrong - newly right) / sqrt(newly wrong + newly right): the largest
    rise in percent would mostly be that of a small slice. A value that all samples have is no slice.
    """
    best, words = 0.0, ""
    inside, (lost, won) = change.inside, changed_words(change.name)
    newly_wrong, newly_right = paired.newly_wrong, paired.newly_right
    for name, value, members in _slices(paired):
        rows = inside & members
        worse, better = int(newly_wrong[rows].sum()), int(newly_right[rows].sum())
        sureness = (worse - better) / max(1, worse + better) ** 0.5
        if _MIN_SLICE <= rows.sum() < inside.sum() and worse - better >= _MIN_RISE and sureness > best:
            best = sureness
            words = f"{name}={value} ({worse} {lost}, {better} {won} of {rows.sum()})"
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
    changed = np.flatnonzero(paired.now_wrong != paired.before_wrong)
    now = paired.columns.score[paired.rows[changed]].astype(np.float64)
    before = paired.before.score[paired.before_rows[changed]].astype(np.float64)
    worse = paired.now_wrong[changed]
    order = np.lexsort((changed, -np.abs(now - before), ~worse))[:limit]
    columns, rows = paired.columns, paired.rows[changed[order]]
    texts = columns.rows(rows.tolist(), ["sample_id", "path", "pai_species"])
    return tuple(
        FlippedSample(
            sample_id=text["sample_id"] or "",
            path=text["path"] or "",
            label=columns.spec.class_names[int(columns.true[row])],
            species=text["pai_species"] or None,
            baseline_score=optional(float(before[place])),
            current_score=optional(float(now[place])),
            regression=bool(worse[place]),
        )
        for row, place, text in zip(rows.tolist(), order.tolist(), texts, strict=True)
    )
