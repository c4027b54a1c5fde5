"""Is the one model worse than the other by more than a margin? From two sides to a document."""

import math
from collections.abc import Sequence

import numpy as np

from lifesign import __version__
from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.analysis.pairing import (
    ErrorChange,
    PairedRun,
    change_row,
    error_changes,
    flipped_samples,
    pair_runs,
    require_same_labels,
    response_changes,
)
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.comparison.areas import area_changes
from lifesign.evaluation.comparison.classes import class_changes
from lifesign.evaluation.comparison.document import ComparisonDocument, ErrorChangeRow, LeftOut
from lifesign.evaluation.comparison.sides import Side
from lifesign.evaluation.metrics.comparison import NonInferiority
from lifesign.evaluation.report.document import GateStatus
from lifesign.evaluation.report.wording import (
    capital,
    is_species_apcer,
    limit_words,
    percent,
    points_interval,
    signed_points,
)

__all__ = ["compare_sides"]

_STATUS = {
    NonInferiority.NON_INFERIOR: GateStatus.PASS,
    NonInferiority.INFERIOR: GateStatus.FAIL,
    NonInferiority.UNDECIDED: GateStatus.INSUFFICIENT,
}


def compare_sides(baseline: Side, current: Side, *, margin: float, flips: int = 200) -> ComparisonDocument:
    """Return how ``current`` differs from ``baseline`` on the samples that both answered.

    The verdict is PASS where every overall error rate is proven to rise by at most ``margin``, FAIL where
    one is proven to rise by more; single species can fail it, not hold it up. Where samples are without an
    answer, so are the non-response rates of what both were asked about. At most ``flips`` samples
    whose decision changed are listed.

    Raises:
        ConfigurationError: the two have other classes, or frames against presentations.
        DatasetError: they have no sample in common, or one under different labels.
    """
    _require_alike(baseline, current)
    paired, asked = pair_runs(current.columns, baseline.columns)
    if not len(paired.rows):
        raise DatasetError(
            f"expected samples that both answered, got none in common of {baseline.name} "
            f"({len(baseline.columns.true):,} samples) and {current.name} ({len(current.columns.true):,})"
        )
    require_same_labels(paired)
    changes = [(paired, change) for change in error_changes(paired)]
    changes += [(asked, change) for change in response_changes(asked)]
    status, sentence = _verdict([change for _, change in changes], margin)
    spec, subjects = current.columns.spec, paired.subjects
    return ComparisonDocument(
        tool_version=__version__,
        baseline=baseline.facts,
        current=current.facts,
        task=spec.task,
        class_names=spec.class_names,
        aggregate=spec.aggregate.value,
        common_samples=len(paired.rows),
        only_baseline=len(baseline.columns.true) - len(paired.rows),
        only_current=len(current.columns.true) - len(paired.rows),
        left_out=LeftOut(
            absent_in_current=len(baseline.columns.true) - len(np.unique(asked.before_rows)),
            absent_in_baseline=len(current.columns.true) - len(asked.rows),
            unanswered_by_baseline=int(asked.before_wrong.sum()),
            unanswered_by_current=int(asked.now_wrong.sum()),
        ),
        subjects=None if subjects is None else len(np.unique(subjects[subjects >= 0])),
        margin=margin,
        verdict=status,
        verdict_sentence=sentence,
        errors=tuple(_error_row(pairs, change, margin) for pairs, change in changes),
        areas=area_changes(paired, subjects),
        classes=class_changes(paired),
        regressions=int(paired.newly_wrong.sum()),
        improvements=int(paired.newly_right.sum()),
        flipped=flipped_samples(paired, limit=flips),
    )


def _require_alike(baseline: Side, current: Side) -> None:
    one, two = baseline.columns.spec, current.columns.spec
    if set(one.class_names) != set(two.class_names):
        raise ConfigurationError(
            f"expected two models of the same classes, got {list(one.class_names)} of {baseline.name} and "
            f"{list(two.class_names)} of {current.name}"
        )
    if one.class_names != two.class_names:
        raise ConfigurationError(
            f"expected the classes in one order, got {list(one.class_names)} of {baseline.name} and "
            f"{list(two.class_names)} of {current.name}; give --class-names"
        )
    if one.aggregate is not two.aggregate:
        raise ConfigurationError(
            f"expected both aggregated alike, got {one.aggregate} of {baseline.name} and {two.aggregate} of "
            f"{current.name}; give --aggregate for both"
        )


def _error_row(paired: PairedRun, change: ErrorChange, margin: float) -> ErrorChangeRow:
    one = change.comparison
    by_subjects = one.method == "subject_sign_flip"
    return ErrorChangeRow(
        **change_row(paired, change).model_dump(),
        interval_method=one.interval.method,
        subject_p_value=optional(one.p_value) if by_subjects else None,
        non_inferiority=_judged(change, margin).value,
    )


def _judged(change: ErrorChange, margin: float) -> NonInferiority:
    # Without samples the limits are nan, which compare as neither.
    return change.comparison.non_inferiority(margin)


def _verdict(changes: Sequence[ErrorChange], margin: float) -> tuple[GateStatus, str]:
    """Return the worst status that counts and a sentence about the change that decides it."""
    judged = [
        (change, _STATUS[_judged(change, margin)]) for change in changes if change.comparison.counts.total
    ]
    counted = [
        (change, status)
        for change, status in judged
        if status is GateStatus.FAIL or not is_species_apcer(change.name)
    ]
    for status in (GateStatus.FAIL, GateStatus.INSUFFICIENT, GateStatus.PASS):
        found = [change for change, one in counted if one is status]
        if found:
            worst = max(found, key=lambda change: _sortable(change.comparison.interval.upper))
            return status, _sentence(worst, status, margin)
    return GateStatus.INSUFFICIENT, "There is no sample to compare."


def _sortable(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _sentence(change: ErrorChange, status: GateStatus, margin: float) -> str:
    one = change.comparison
    words = {
        GateStatus.PASS: f"no error rate rises by more than {limit_words(margin)}",
        GateStatus.FAIL: f"worse by more than the {limit_words(margin)} allowed",
        GateStatus.INSUFFICIENT: f"too few samples to rule out a rise of {limit_words(margin)}",
    }[status]
    return (
        f"{capital(change.name)} went from {percent(one.baseline.value)} to {percent(one.current.value)} on "
        f"the same {one.counts.total:,} samples, {signed_points(one.delta)} "
        f"(95 % CI {points_interval(one.interval.lower, one.interval.upper)}): {words}."
    )
