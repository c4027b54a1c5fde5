"""Accuracy where the target is a number: exact equality, or a figure that the loss leaves no room for."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.guesses import is_squared_guess
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["accuracy_of_a_number"]

_Floats = NDArray[np.float64]
_ERRORS_OF_A_NUMBER = (
    "mean_squared_logarithmic_error",
    "msle",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mape",
    "root_mean_squared_error",
    "rmse",
)


def accuracy_of_a_number(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Accuracy of a regression: exact equality, which hardly ever happens."""
    found = _beside_errors_of_a_number(evidence)
    if found is None and (course is None or len(course) == 1):
        found = _evaluated_never_equal(evidence) or _evaluated_below_errors(evidence)
    if found is None and course is not None and course.loss is not None:
        accuracies = [values for values in (course.accuracy, course.val_accuracy) if values is not None]
        if accuracies:
            top = max(float(np.nanmax(values)) for values in accuracies)
            found = (
                _large_losses(evidence, course, course.loss, top)
                or _loss_below_errors(evidence, course)
                or _never_equal(evidence, course, course.loss, top)
            )
    found = found or _named_in_words(evidence, course)
    if found is not None:
        yield found


def _named_in_words(evidence: Evidence, course: Course | None) -> Finding | None:
    """No figures, but notes of a regression that is judged by accuracy."""
    setup, words = evidence.setup, (r"\bacc\b", r"\baccuracy\b", r"\bval_acc")
    if course is not None or evidence.evaluations or evidence.matrix is not None:
        return None
    if not setup.is_regression or not setup.says(*words):
        return None
    return Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.WARNING,
        0.75,
        f"By the notes a number is predicted and an accuracy is looked at ({setup.quote(*words)}): it counts "
        "exact equality, or which of several outputs is largest, and says nothing of the error.",
        "Report the mean absolute error (in the target's unit) or R² instead.",
        refuted_by="a target of classes",
    )


def _beside_errors_of_a_number(evidence: Evidence) -> Finding | None:
    for one in evidence.evaluations:
        continuous = {"r2", "mae", "rmse", "mean_absolute_error", "r2_score", "r_square"} & {
            name.lower() for name in one.metrics
        }
        if continuous and one.accuracy is not None and one.accuracy < 0.1:
            return Finding(
                Code.METRIC_TASK_MISMATCH,
                Severity.WARNING,
                0.9,
                f"Accuracy {one.accuracy:.3g} beside {', '.join(sorted(continuous))} on {one.split}: a "
                "continuous prediction hardly ever equals its target.",
                "Report the mean absolute error (in the target's unit) or R² alone.",
                refuted_by="a target of classes",
            )
    return None


def _large_losses(evidence: Evidence, course: Course, loss: _Floats, top: float) -> Finding | None:
    """Accuracy 0 at losses that no cross-entropy has; ``top`` is the best accuracy of the course, 0–1."""
    if not (top <= 0.001 and len(course) >= 3 and float(np.nanmin(loss)) > 20) or evidence.classes:
        return None
    return Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.WARNING,
        0.85,
        f"Accuracy is {top:.3g} on all data in all {len(course)} epochs, with losses of "
        f"{np.nanmin(loss):.4g} and more: that is the error of a number, which never equals its target, "
        "not of a class.",
        "Report the mean absolute error (in the target's unit) or R² instead.",
        refuted_by="a target of classes",
        excluded=("a missing class: the accuracy on the training data is as low",),
        details={"highest_accuracy": top},
    )


def _never_equal(evidence: Evidence, course: Course, loss: _Floats, top: float) -> Finding | None:
    """Accuracy stays near 0 where notes, loss or curves tell of a number as the target."""
    falls = len(course) >= 2 and np.nanmin(loss) < 0.6 * np.nanmax(loss)
    worded = evidence.setup.is_regression
    by_figures = (
        falls and top <= 0.05 and (not course.classes or top < 0.5 / course.classes) and len(course) >= 3
    )
    squared = (
        evidence.setup.loss in ("mse", "mae")
        and top <= 0.02
        and evidence.setup.output.activation != "softmax"
    )
    named = top <= 0.02 and not evidence.classes and _loss_of_a_number(course)
    if not (worded or squared or named or (by_figures and _stands_still(evidence, course))):
        return None
    return Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.WARNING,
        # A loss below 0 is first of all one of labels that are none.
        0.5 if float(np.nanmin(loss)) < 0 else 0.95 if worded else 0.75,
        f"Accuracy stays at {top:.4g} or below"
        + (
            f" while the training loss falls from {np.nanmax(loss):.4g} to {np.nanmin(loss):.4g}"
            if falls
            else ""
        )
        + ": for a continuous target it counts exact equality, which says nothing.",
        "Report the mean absolute error (in the target's unit) or R² instead.",
        refuted_by="a target of classes",
        excluded=("a missing class: the accuracy on the training data is as low",),
        details={"highest_accuracy": round(top, 4)},
    )


def _stands_still(evidence: Evidence, course: Course) -> bool:
    """Whether accuracies move by less than 2 points; one or two equalities of a small set are no learning."""
    sizes = (evidence.train_size, course.counted_validation)
    return all(
        np.nanmax(values) - np.nanmin(values) < max(0.02, 2.5 / (n or 1000))
        for values, n in zip((course.accuracy, course.val_accuracy), sizes, strict=True)
        if values is not None
    )


def _loss_of_a_number(course: Course) -> bool:
    """Whether the loss is one of the errors of a number that the log names beside it."""
    errors = (course.curves.get(name) for name in _ERRORS_OF_A_NUMBER)
    return any(
        values is not None and course.loss is not None and np.allclose(values, course.loss, rtol=1e-3)
        for values in errors
    )


def _loss_below_errors(evidence: Evidence, course: Course) -> Finding | None:
    """A wrong answer has at most probability 1/2 for the truth: a cross-entropy below ln 2 per error is
    none.
    """
    if evidence.setup.loss in ("mse", "mae") and not evidence.setup.is_regression:
        return None
    if is_squared_guess(evidence, course):
        return None
    for name, loss, accuracy in (
        ("validation", course.val_loss, course.val_accuracy),
        ("training", course.loss, course.accuracy),
    ):
        if loss is None or accuracy is None or evidence.setup.has_weights:
            continue
        least = end_level(loss)
        wrong = 1 - end_level(accuracy)
        if wrong < 0.3 or least <= 0 or least >= 0.2 * wrong * math.log(2):
            continue
        return Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.WARNING,
            0.8,
            f"A {name} loss of {least:.3g} leaves no room for {wrong:.0%} errors: each wrong answer alone "
            f"costs at least ln 2 = 0.693 of a cross-entropy, {wrong * math.log(2):.3g} together. The "
            "accuracy does not measure what the loss does, as with a continuous target.",
            "Report the mean absolute error (in the target's unit) or R² for a number, or check how labels "
            "reach the metric.",
            refuted_by="a target of classes and a cross-entropy",
            details={"loss": least, "error_rate": round(wrong, 4)},
        )
    return None


def _evaluated_never_equal(evidence: Evidence) -> Finding | None:
    """An evaluation by a squared or absolute error with an accuracy near 0, of one linear output."""
    if not evidence.setup.is_regression:
        return None
    for one in evidence.evaluations:
        if one.accuracy is not None and one.accuracy <= 0.05 and one.loss is not None and one.loss > 0:
            return Finding(
                Code.METRIC_TASK_MISMATCH,
                Severity.WARNING,
                0.9,
                f"Accuracy {one.accuracy:.3g} beside a loss of {one.loss:.4g} on {one.split or 'the data'}: "
                "for a continuous target it counts exact equality, which says nothing.",
                "Report the mean absolute error (in the target's unit) or R² instead.",
                refuted_by="a target of classes",
            )
    return None


def _evaluated_below_errors(evidence: Evidence) -> Finding | None:
    """The same of figures without a course.

    Where the loss is known as a cross-entropy of several classes the bound itself decides; elsewhere two sets
    far below it, so that it is no slip of one.
    """
    setup = evidence.setup
    if setup.has_weights or setup.loss in ("mse", "mae", "focal"):
        return None
    is_crossed = setup.loss is not None and "categorical_crossentropy" in setup.loss
    room = 0.97 if is_crossed else 0.2
    shown = [
        (one.loss, 1 - one.accuracy)
        for one in evidence.evaluations
        if one.loss is not None and one.accuracy is not None
    ]
    if len(shown) < (1 if is_crossed else 2) or any(
        not (wrong >= 0.5 and 0 < loss < room * wrong * math.log(2)) for loss, wrong in shown
    ):
        return None
    loss, wrong = shown[-1]
    return Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.WARNING,
        0.8,
        f"A loss of {loss:.3g} leaves no room for {wrong:.0%} errors: each wrong answer alone costs at least "
        f"ln 2 = 0.693 of a cross-entropy, {wrong * math.log(2):.3g} together. The accuracy does not measure "
        "what the loss does: "
        + ("it compares another coding of the labels." if is_crossed else "as with a continuous target."),
        "Name the accuracy that fits the labels (sparse_categorical_accuracy for integers, "
        "categorical_accuracy for one-hot), or report an error for a number.",
        refuted_by="the share of samples whose largest output is the label agreeing with the accuracy",
        details={"loss": loss, "error_rate": round(wrong, 4)},
    )
