"""A training that stops before its end: validation is best in the last epochs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import trend

__all__ = ["still_improving"]

_Floats = NDArray[np.float64]


def still_improving(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation is best in the last epochs: not finished."""
    if course is None or len(course) < 3:
        return
    values = course.val_loss
    word, sign = "loss", 1.0
    if values is None:
        values, word, sign = course.val_accuracy, "accuracy", -1.0
    if values is None:
        return
    # Some validate every few epochs only.
    epochs = np.flatnonzero(np.isfinite(values))
    values = sign * values[epochs]
    if len(values) < 3:
        return
    best = int(np.argmin(values))
    late = max(1, round(0.1 * len(values)))
    is_late = len(values) - 1 - best < late and trend(values) <= -0.5
    if not is_late and not _falls_together(course, values, best):
        return
    tail = values[-max(3, len(values) // 3) :]
    gained = float(tail[0] - np.nanmin(tail))
    whole = float(np.nanmax(values) - np.nanmin(values))
    steady = len(values) >= 4 and bool(np.all(np.diff(values) < 0)) and values[-1] < 0.995 * values[-2]
    if gained < max(0.02 * abs(float(tail[0])), 0.08 * whole) and not steady and is_late:
        return
    shown = sign * values
    yield Finding(
        Code.STILL_IMPROVING,
        Severity.INFO,
        0.85 if is_late and not _is_done(course) and _is_clear(course, values, steady) else 0.6,
        f"Validation {word} is best at epoch {course.epochs[epochs[best]]} of {course.epochs[-1]} "
        f"({shown[best]:.4g}) and still {'falls' if sign > 0 else 'rises'}: {shown[-len(tail)]:.4g} to "
        f"{shown[-1]:.4g} over the last {epochs[-1] - epochs[-len(tail)] + 1} epochs.",
        "Train longer, with early stopping.",
        refuted_by="the next epochs bringing nothing",
        excluded=("overfitting: validation has not turned",),
        details={"last_epoch": course.epochs[-1], f"best_val_{word}_epoch": course.epochs[epochs[best]]},
    )


def _is_clear(course: Course, values: _Floats, is_steady: bool) -> bool:
    """Whether more epochs are the first thing to say of it.

    Not of the first epochs of a longer run, in which the loss falls fast: those are as they should be.
    """
    planned, steps = course.curves.planned_epochs, values[-4:]
    goes_on = planned is not None and bool(course.curves.epochs) and course.curves.epochs[-1] < planned
    falls_fast = bool(np.mean(-np.diff(steps)) > 0.08 * abs(float(np.mean(steps))))
    poor = course.val_accuracy is not None and not _is_good(course)
    # Where the last epoch brings less than 2.5 %, more of them bring little, unless much is left to gain.
    gains = poor or bool(values[-1] < values[-2] - 0.025 * abs(float(values[-2])))
    clear = is_steady or (len(course) >= 5 and not _is_good(course))
    return gains and clear and not (falls_fast and goes_on)


def _falls_together(course: Course, values: _Floats, best: int) -> bool:
    """Whether training falls by 3 % and more in all, in every epoch, and validation is best at the end.

    A last epoch within 1 % of the one before is no turn where the others fell.
    """
    loss = course.loss
    if loss is None or np.any(np.diff(loss) >= 0) or loss[-1] > 0.97 * loss[0] or values[-1] >= values[0]:
        return False
    if _is_done(course):
        return False
    last = len(values) - 1
    near = len(values) >= 5 and best == last - 1 and trend(values) <= -0.8
    return best == last or (near and float(values[-1] - values[best]) < 0.01 * abs(float(values[best])))


def _is_done(course: Course) -> bool:
    """Whether hardly anything is left to gain."""
    return course.val_accuracy is not None and float(np.nanmax(course.val_accuracy[-3:])) > 0.93


def _is_good(course: Course) -> bool:
    """Whether the accuracy is more than half way from a constant answer to all right."""
    if course.val_accuracy is None:
        return False
    constant = course.constant_answer or 0.0
    return course.lift(float(np.nanmax(course.val_accuracy[-3:])), constant=constant) > 0.5
