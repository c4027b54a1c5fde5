"""Training and validation loss on different scales."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["loss_not_comparable"]


def loss_not_comparable(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training and validation loss on different scales, so that their gap proves nothing."""
    if course is None or course.loss is None or course.val_loss is None:
        return
    setup = evidence.setup
    weighted = setup.has_weights or setup.has_penalty or setup.says(r"mixup|cutmix|label smoothing")
    loss, validated = course.loss, course.val_loss
    ratio = float(np.nanmedian(validated / np.where(loss == 0, np.nan, loss)))
    gap = None
    if course.accuracy is not None and course.val_accuracy is not None:
        gap = float(np.nanmedian(course.accuracy - course.val_accuracy))
    reason = None
    confidence = 0.0
    if gap is not None and ((ratio < 0.7 and gap > -0.03) or (ratio < 0.5 and gap > -0.08)):
        reason = (
            f"the validation loss is {ratio:.2f} times the training loss although accuracy is {abs(gap):.1%} "
            f"{'worse' if gap > 0 else 'better'} on validation"
        )
        confidence = 0.55
    elif (
        gap is not None
        and ratio > 2.5
        and abs(gap) < 0.02
        and len(course) >= 2
        and _is_constant_ratio(loss, validated)
    ):
        reason = (
            f"the validation loss is {ratio:.2f} times the training loss in every epoch at the same accuracy"
        )
        confidence = 0.7
    elif course.accuracy is not None and end_level(course.accuracy) > 0.985:
        wrong = 1 - end_level(course.accuracy)
        late = end_level(loss)
        if late > 0.25 and late > 20 * max(wrong, 0.002):
            reason = (
                f"a training loss of {late:.3g} at {1 - wrong:.2%} right is more than wrong answers account "
                "for: a penalty or smoothed labels are in it"
            )
            confidence = 0.6
    if (
        reason is None
        and gap is None
        and (ratio < 0.02 or (ratio > 50 and float(np.nanmedian(validated)) > 10))
    ):
        reason = f"the validation loss is {ratio:.3g} times the training loss: the two are not on one scale"
        confidence = 0.75
    if setup.has_weights and reason is None and (gap is None or abs(gap) < 0.1):
        reason = (
            f"the validation loss is {ratio:.2f} times the training loss, accuracies are {abs(gap or 0):.1%} "
            "apart"
        )
        confidence = 0.5 if not 0.8 < ratio < 1.25 else 0.3
    elif weighted and reason is None and (ratio > 1.8 or ratio < 0.6) and (gap is None or abs(gap) < 0.1):
        reason = (
            f"the validation loss is {ratio:.2f} times the training loss, accuracies are {abs(gap or 0):.1%} "
            "apart"
        )
        confidence = 0.5
    if reason is None:
        return
    yield Finding(
        Code.LOSS_NOT_COMPARABLE,
        Severity.WARNING if (weighted and confidence > 0.4) or confidence >= 0.7 else Severity.INFO,
        0.95 if weighted and not 0.02 < ratio < 50 else min(0.9, confidence + (0.25 if weighted else 0)),
        reason[0].upper()
        + reason[1:]
        + (
            "; by the notes the training loss carries more "
            f"({setup.quote('weight', 'regulari', 'smoothing', 'l2', 'mixup')})."
            if weighted
            else "."
        ),
        "Compare accuracies, or evaluate the training data without weights, penalties and dropout.",
        refuted_by="evaluate() on the training data giving the printed training loss",
        details={"val_over_train_loss": round(ratio, 3)},
    )


def _is_constant_ratio(loss: np.ndarray, validated: np.ndarray) -> bool:
    ratios = validated / np.where(loss == 0, np.nan, loss)
    return bool(np.nanstd(ratios) < 0.08 * np.nanmean(ratios))
