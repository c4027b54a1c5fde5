"""Gaps between training and validation where no accuracy of training is known."""

import re

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.accuracy_gaps import repeats_its_rows
from lifesign.evaluation.diagnosis.statistics import end_level, noise

__all__ = ["gap_beside_errors", "gap_of_errors", "gap_of_figures", "gap_of_losses"]

_REMEDY = (
    "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation epoch."
)
# As a square, four times the loss is twice the error; from fifty times on the two are hardly on one scale.
_TWICE_THE_ERROR = 4.0
_ONE_SCALE = 50.0
# Figures of evaluations, by how many times larger they are on other data where the error is twice as large.
_ERRORS = {"rmse": 2.0, "mae": 2.0, "mape": 2.0, "mse": _TWICE_THE_ERROR, "loss": _TWICE_THE_ERROR}
_SHARES = (
    *("auc", "roc_auc", "auroc", "f1", "f1_score", "macro_f1", "weighted_f1", "balanced_accuracy"),
    *("r2", "r2_score", "average_precision", "auprc", "dice", "iou", "kappa", "mcc", "score"),
)
_WIDE = 0.15


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
    squares, held_squares = (
        course.curves.get("mean_squared_error"),
        course.curves.get("val_mean_squared_error"),
    )
    loss = course.loss if course.loss is not None else squares
    val_loss = course.val_loss if course.val_loss is not None else held_squares
    if errors is None or held is None or loss is None or val_loss is None:
        return None
    if course.accuracy is not None and end_level(course.accuracy) > 0.5:
        # Classes are told: there the errors are those of probabilities.
        return None
    low, high = end_level(errors), end_level(held)
    ratio = end_level(val_loss) / max(end_level(loss), 1e-12)
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


def gap_of_figures(evidence: Evidence) -> Finding | None:
    """Training and other data by a score or an error other than accuracy, without any curve."""
    trained = [_plain(one) for one in evidence.evaluations if one.is_of_training]
    others = [one for one in evidence.evaluations if one.is_of_validation or one.is_of_test]
    if evidence.scored or not trained or not others:
        return None
    low, high = trained[-1], _plain(others[-1])
    shared = [name for name in low if name in high]
    name = next((name for name in shared if _is_wide(name, low[name], high[name])), None)
    if name is None:
        return None
    repeats = repeats_its_rows(evidence) and name in _SHARES and high[name] > 0.8
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if repeats else Severity.WARNING,
        0.7,
        f"{name} is {low[name]:.4g} on training and {high[name]:.4g} on {others[-1].split}"
        + (f", {high[name] / low[name]:.1f} times as large." if name in _ERRORS else "."),
        _REMEDY,
        refuted_by="the same figure on a fresh part of the training data as on the other",
        details={"train": low[name], "other": high[name]},
    )


def _plain(evaluation: Evaluation) -> dict[str, float]:
    return {re.sub(r"\W+", "_", name.strip().lower()): value for name, value in evaluation.metrics.items()}


def _is_wide(name: str, trained: float, other: float) -> bool:
    if name in _SHARES:
        return 0.5 < trained <= 1 and trained - other > _WIDE
    factor = _ERRORS.get(name)
    return factor is not None and trained > 0 and factor <= other / trained < _ONE_SCALE
