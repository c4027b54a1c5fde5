"""Training and validation loss on different scales."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.setup import Setup
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["loss_not_comparable"]

_Floats = NDArray[np.float64]

_Reason = tuple[str, float]
"""What speaks for it, as a clause, and with which confidence."""


def loss_not_comparable(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training and validation loss on different scales, so that their gap proves nothing.

    Told by the median over the epochs of validation loss over training loss, held against the gap of the
    accuracies; ``details`` has it.
    """
    if course is None or course.loss is None or course.val_loss is None:
        return
    setup = evidence.setup
    weighted = setup.has_weights or setup.has_penalty or setup.says(r"mixup|cutmix|label smoothing")
    ratio, gap = float(np.nanmedian(_ratios(course.loss, course.val_loss))), _usual_gap(course)
    found = (
        _lower_on_validation(ratio, gap)
        or _same_factor_throughout(course, ratio, gap)
        or _more_than_errors_cost(course)
        or _far_apart(course, ratio, gap)
        or (_weighted(ratio, gap, by_sample=setup.has_weights) if weighted else None)
    )
    if found is None:
        return
    reason, confidence = found
    yield Finding(
        Code.LOSS_NOT_COMPARABLE,
        Severity.WARNING if (weighted and confidence > 0.4) or confidence >= 0.7 else Severity.INFO,
        0.95 if weighted and not 0.02 < ratio < 50 else min(0.9, confidence + (0.25 if weighted else 0)),
        f"{reason[0].upper()}{reason[1:]}{_by_the_notes(setup) if weighted else ''}.",
        "Compare accuracies, or evaluate the training data without weights, penalties and dropout.",
        refuted_by="evaluate() on the training data giving the printed training loss",
        details={"val_over_train_loss": round(ratio, 3)},
    )


def _by_the_notes(setup: Setup) -> str:
    quoted = setup.quote("weight", "regulari", "smoothing", "l2", "mixup")
    return f"; by the notes the training loss carries more ({quoted})"


def _ratios(loss: _Floats, validated: _Floats) -> _Floats:
    return validated / np.where(loss == 0, np.nan, loss)


def _usual_gap(course: Course) -> float | None:
    """Return how much better accuracy usually is on training than on validation."""
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return float(np.nanmedian(course.accuracy - course.val_accuracy))


def _lower_on_validation(ratio: float, gap: float | None) -> _Reason | None:
    """The validation loss is far lower though validation accuracy is not far better."""
    if gap is None or not (
        (ratio < 0.7 and gap > -0.03) or (ratio < 0.5 and gap > -0.08) or (ratio < 0.9 and gap > 0.03)
    ):
        return None
    return (
        f"the validation loss is {ratio:.2f} times the training loss although accuracy is {abs(gap):.1%} "
        f"{'worse' if gap > 0 else 'better'} on validation",
        0.55,
    )


def _same_factor_throughout(course: Course, ratio: float, gap: float | None) -> _Reason | None:
    """The validation loss is more than 2.5 times as high, by one factor (to 8 %), at the same accuracy."""
    if course.loss is None or course.val_loss is None or gap is None or len(course) < 2:
        return None
    ratios = _ratios(course.loss, course.val_loss)
    is_constant = bool(np.nanstd(ratios) < 0.08 * np.nanmean(ratios))
    if not (ratio > 2.5 and abs(gap) < 0.02 and is_constant):
        return None
    return (
        f"the validation loss is {ratio:.2f} times the training loss in every epoch at the same accuracy",
        0.7,
    )


def _more_than_errors_cost(course: Course) -> _Reason | None:
    """The training loss is above .25 and 20 times the error rate where hardly an answer is wrong."""
    if course.loss is None or course.accuracy is None or not end_level(course.accuracy) > 0.985:
        return None
    wrong, late = 1 - end_level(course.accuracy), end_level(course.loss)
    if not (late > 0.25 and late > 20 * max(wrong, 0.002)):
        return None
    return (
        f"a training loss of {late:.3g} at {1 - wrong:.2%} right is more than wrong answers account for: a "
        "penalty or smoothed labels are in it",
        0.6,
    )


def _far_apart(course: Course, ratio: float, gap: float | None) -> _Reason | None:
    """Without accuracies: the losses are a factor of 50 apart."""
    if gap is not None or course.val_loss is None:
        return None
    if not (ratio < 0.02 or (ratio > 50 and float(np.nanmedian(course.val_loss)) > 10)):
        return None
    return f"the validation loss is {ratio:.3g} times the training loss: the two are not on one scale", 0.75


def _weighted(ratio: float, gap: float | None, *, by_sample: bool) -> _Reason | None:
    """The notes say so, and accuracies are less than 10 points apart; a penalty must show in the ratio."""
    if (gap is not None and not abs(gap) < 0.1) or not (by_sample or ratio > 1.8 or ratio < 0.6):
        return None
    return (
        f"the validation loss is {ratio:.2f} times the training loss, accuracies are "
        f"{abs(gap or 0):.1%} apart",
        0.3 if by_sample and 0.8 < ratio < 1.25 else 0.5,
    )
