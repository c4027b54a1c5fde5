"""Gaps between training and other data where a log does not show the turn."""

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error

__all__ = ["accuracy_gap", "end_apart", "gap_of_errors", "gap_of_evaluations", "gap_to_test", "wide_gap"]


def accuracy_gap(course: Course) -> float | None:
    """Return how much better the accuracy is on training than on validation at the end, 0–1."""
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return end_level(course.accuracy) - end_level(course.val_accuracy)


def wide_gap(course: Course) -> Finding | None:
    """A gap in accuracy far beyond sampling error where the log does not show the turn."""
    trained, validated = course.accuracy, course.val_accuracy
    loss, val_loss = course.loss, course.val_loss
    if trained is None and validated is not None and loss is not None and val_loss is not None:
        return _gap_of_losses(course)
    if trained is None or validated is None:
        return None
    gap = accuracy_gap(course) or 0.0
    last = end_level(validated)
    error = course.validation_error(last)
    short = len(course) <= 3 and not course.begins_after(5)
    constant = course.constant_answer or 0.0
    ratio = None
    if loss is not None and val_loss is not None and loss[-1] > 0:
        ratio = float(val_loss[-1] / loss[-1])
    # Of many classes a good accuracy may be .15: then the gap counts by what it is of.
    clear = gap > max(0.12 if not short else 0.15, 4 * error) and np.nanmax(trained) >= 0.7
    wide = gap > max(0.08, 4 * error) and gap > 0.35 * float(np.nanmax(trained)) and (ratio or 0) >= 1.3
    if not (clear or wide) or (ratio is not None and ratio < 1.5 and not wide):
        return None
    # Worse than a guess, or a loss that unsure answers never cost: something else than a fit too close.
    absurd = val_loss is not None and course.is_absurd(end_level(val_loss))
    if absurd and last < max(1.3 * constant, 0.2):
        return None
    if val_loss is not None and len(course) >= 2 and course.best == len(course) - 1 and gap < 0.25:
        # Still falling: the gap is no turn yet.
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.6 if last < 1.2 * constant else 0.8 if gap > 0.2 else 0.65,
        f"Accuracy is {end_level(trained):.1%} on training and {last:.1%} on validation, {gap:.1%} "
        f"apart{f' where sampling explains {2 * error:.1%}' if course.counted_validation else ''}"
        + ("" if ratio is None else f"; the validation loss is {ratio:.1f} times the training loss")
        + (". The log is too short to show the turn." if short else "."),
        "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation "
        "epoch.",
        refuted_by="the same accuracy on a fresh part of the training data as on validation",
        details={"gap": round(gap, 4)},
    )


def _gap_of_losses(course: Course) -> Finding | None:
    """A training loss near nothing beside a validation loss of many errors; the training accuracy is not
    given.
    """
    if course.loss is None or course.val_loss is None or course.val_accuracy is None:
        return None
    low, high = end_level(course.loss, 2), end_level(course.val_loss, 2)
    right = end_level(course.val_accuracy, 2)
    if not (0 <= low < 0.3 and high > max(0.6, 5 * low) and high < 10 and 0.2 < right < 0.9):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.7,
        f"The training loss is {low:.3g}, the validation loss {high:.3g} with {1 - right:.1%} of the answers "
        "wrong: training is known by heart, and validation answered wrongly with confidence.",
        "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation "
        "epoch.",
        refuted_by="the same loss on a fresh part of the training data as on validation",
        details={"loss": low, "val_loss": high},
    )


def gap_of_errors(course: Course) -> Finding | None:
    """A number is predicted: loss and mean absolute error many times as large on validation."""
    errors, held = course.curves.get("mean_absolute_error"), course.curves.get("val_mean_absolute_error")
    if errors is None or held is None or course.loss is None or course.val_loss is None:
        return None
    low, high = end_level(errors), end_level(held)
    ratio = end_level(course.val_loss) / max(end_level(course.loss), 1e-12)
    if low <= 0 or high < 2.5 * low or ratio < 6:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.75,
        f"The mean absolute error is {low:.3g} on training and {high:.3g} on validation, the loss "
        f"{ratio:.1f} times as large: training is known by heart.",
        "More data, dropout, weight decay or a smaller model; stop at the best validation epoch.",
        refuted_by="the same error on a fresh part of the training data as on validation",
        details={"mae": low, "val_mae": high},
    )


def end_apart(course: Course) -> Finding | None:
    """Only the end is given: training is known by heart, and validation is not."""
    loss, validated, gap = course.loss, course.val_loss, accuracy_gap(course)
    if loss is None or validated is None or gap is None or course.val_accuracy is None or len(course) > 3:
        return None
    right = end_level(course.val_accuracy)
    if gap < max(0.015, 4 * course.validation_error(right)) or right < 0.5:
        return None
    if end_level(loss) > 0.1 * end_level(validated) or 1 - right < 5 * (1 - right - gap):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.65,
        f"At the end the loss is {end_level(loss):.3g} on training and {end_level(validated):.3g} on "
        f"validation, the error rate {1 - right - gap:.2%} and {1 - right:.2%}, where sampling explains "
        f"{2 * course.validation_error(right):.2%}.",
        "Look at the whole history for the epoch of the least validation loss and keep its weights.",
        refuted_by="a validation loss that was never lower",
        details={"gap": round(gap, 4)},
    )


def gap_of_evaluations(evidence: Evidence) -> Finding | None:
    """Train and test figures without any curve."""
    trained = [one for one in evidence.scored if one.is_of_training]
    held = [one for one in evidence.scored if one.is_of_validation or one.is_of_test]
    if not trained or not held:
        return None
    best, worst = trained[-1], held[-1]
    gap = (best.accuracy or 0) - (worst.accuracy or 0)
    if gap < max(0.1, 4 * sampling_error(worst.accuracy or 0, worst.n or 500)):
        return None
    # Full trees and nearest neighbours repeat their training rows by construction.
    repeats = (
        evidence.setup.says(r"forest", r"\btrees?\b", r"nearest neigh", r"\bknn\b")
        and (worst.accuracy or 0) > 0.8
    )
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if repeats else Severity.WARNING,
        0.75,
        f"Accuracy is {best.accuracy:.1%} on training and {worst.accuracy:.1%} on {worst.split}, {gap:.1%} "
        "apart.",
        "More data or augmentation, regularisation or a smaller model.",
        details={"gap": round(gap, 4)},
    )


def gap_to_test(evidence: Evidence, course: Course | None) -> Finding | None:
    """A log without validation and the figures of a test."""
    if course is None or course.accuracy is None or course.val_accuracy is not None:
        return None
    held = [one for one in evidence.scored if one.is_of_validation or one.is_of_test]
    if not held or held[-1].accuracy is None:
        return None
    trained, tested, n = float(course.accuracy[-1]), held[-1].accuracy, held[-1].n or 500
    gap = trained - tested
    if gap < max(0.1, 3 * sampling_error(tested, n)) or trained < 0.8:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.7,
        f"Accuracy is {trained:.1%} on training after {len(course)} epochs and {tested:.1%} on "
        f"{held[-1].split or 'test'}, {gap:.1%} apart where sampling explains "
        f"{2 * sampling_error(tested, n):.1%}.",
        "Hold out a validation set and stop early; more data, dropout, weight decay or a smaller model.",
        refuted_by="the same accuracy on a fresh part of the training data as on the test",
        details={"gap": round(gap, 4)},
    )
