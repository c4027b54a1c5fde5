"""Gaps between training and validation where no accuracy of training is known."""

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level, noise

__all__ = ["gap_beside_errors", "gap_of_errors", "gap_of_losses"]

_REMEDY = (
    "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation epoch."
)
# As a square, four times the loss is twice the error; from fifty times on the two are hardly on one scale.
_TWICE_THE_ERROR = 4.0
_ONE_SCALE = 50.0


def gap_beside_errors(course: Course) -> Finding | None:
    """A training loss near nothing beside a validation loss of many errors; the training accuracy is not
    given.
    """
    if course.loss is None or course.val_loss is None or course.val_accuracy is None:
        return None
    low, high = end_level(course.loss, 2), end_level(course.val_loss, 2)
    right = end_level(course.val_accuracy, 2)
    if course.accuracy is not None or not (
        0 <= low < 0.3 and high > max(0.6, 5 * low) and high < 10 and 0.2 < right < 0.9
    ):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.7,
        f"The training loss is {low:.3g}, the validation loss {high:.3g} with {1 - right:.1%} of the answers "
        "wrong: training is known by heart, and validation answered wrongly with confidence.",
        _REMEDY,
        refuted_by="the same loss on a fresh part of the training data as on validation",
        details={"loss": low, "val_loss": high},
    )


def gap_of_errors(course: Course) -> Finding | None:
    """A number is predicted: mean absolute error twice and loss four times as large on validation."""
    errors, held = course.curves.get("mean_absolute_error"), course.curves.get("val_mean_absolute_error")
    if errors is None or held is None or course.loss is None or course.val_loss is None:
        return None
    if course.accuracy is not None and end_level(course.accuracy) > 0.5:
        # Classes are told: there the errors are those of probabilities.
        return None
    low, high = end_level(errors), end_level(held)
    ratio = end_level(course.val_loss) / max(end_level(course.loss), 1e-12)
    if low <= 0 or high < 2 * low or ratio < _TWICE_THE_ERROR:
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


def gap_of_losses(course: Course) -> Finding | None:
    """Nothing but losses is known: that of validation is many times as large, and steadily so."""
    if course.loss is None or course.val_loss is None:
        return None
    if course.accuracy is not None or course.val_accuracy is not None:
        return None
    low, high = end_level(course.loss, 2), end_level(course.val_loss, 2)
    if low <= 0 or not _TWICE_THE_ERROR <= high / low < _ONE_SCALE or noise(course.val_loss) > 0.25 * high:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.65,
        f"The loss is {low:.4g} on training and {high:.4g} on validation, {high / low:.1f} times as large"
        + ("" if len(course) > 3 else " in a log too short to show the turn")
        + ". For a squared error, four times the loss is twice the error.",
        _REMEDY,
        refuted_by="the same loss on a fresh part of the training data as on validation",
        details={"loss": low, "val_loss": high},
    )
