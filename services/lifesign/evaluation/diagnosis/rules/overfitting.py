"""Training goes on improving while validation has turned."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level, noise, sampling_error, trend

__all__ = ["accuracy_gap", "overfitting"]

_Floats = NDArray[np.float64]


def overfitting(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training improves on while validation has turned; or a wide gap where the turn cannot be seen."""
    found = None
    if course is not None:
        rules = (_turned_loss, _turned_at_once, _turned_accuracy, _wide_gap, _gap_of_errors, _stands_still)
        found = next((one for rule in rules if (one := rule(course)) is not None), None)
    found = found or _gap_of_evaluations(evidence)
    if found is not None:
        yield found


def _turned_loss(course: Course) -> Finding | None:
    loss, validated = course.loss, course.val_loss
    if validated is None or course.best is None or len(course) < 4:
        return None
    # Of a long rough curve the turn is that of its running median.
    smooth = _running_median(validated) if len(course) >= 20 else validated
    turn, end = course.best, len(course) - 1
    if end - turn < 2:
        return None
    least = float(validated[turn])
    after = validated[turn + 1 :]
    late = end_level(after) if smooth is validated else end_level(smooth, 5)
    level = least if smooth is validated else float(np.nanmin(smooth))
    rise = late - level
    rough = noise(validated) / (1 if smooth is validated else 2)
    # One low epoch of a rough curve is no turn: the rise must stand out of the roughness.
    if rise <= max(0.05 * abs(least), 2.5 * rough) or np.nanmean(after > least) < 1:
        return None
    if trend(validated[turn:]) < 0.2 and rise < 0.5 * abs(least):
        return None
    if loss is not None:
        fell = float(loss[turn] - end_level(loss, 2))
        if fell <= max(0.03 * abs(float(loss[turn])), 0):
            return None
    gap = accuracy_gap(course)
    reached = (
        "" if loss is None else f" while the training loss goes on from {loss[turn]:.4g} to {loss[-1]:.4g}"
    )
    # Where accuracies are as good as before and the gap is small, the rise is one of confidence.
    mild = gap is not None and gap < 0.03 and rise < 0.3 * abs(least)
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if mild else Severity.WARNING,
        0.93 if rise > 0.2 * abs(least) else 0.75,
        f"Validation loss is least at epoch {turn + 1} ({least:.4g}) and rises to {validated[-1]:.4g} at "
        f"epoch {end + 1} ({validated[-1] / least - 1:+.0%}){reached}."
        + (
            ""
            if gap is None
            else f" Over the last epochs accuracy is {gap:.1%} better on training than on validation."
        ),
        f"Keep the weights of epoch {turn + 1} (early stopping with restore_best_weights); then more data, "
        "augmentation, dropout, weight decay or a smaller model.",
        refuted_by=f"a larger validation set whose loss goes on falling after epoch {turn + 1}",
        excluded=("divergence: the training loss falls",) if loss is not None else (),
        details={
            "turn_epoch": turn + 1,
            "turn_epoch_overall": course.rows[turn],
            "best_val_loss": least,
            "last_val_loss": float(validated[-1]),
            **_best_accuracy(course),
        },
    )


def _turned_at_once(course: Course) -> Finding | None:
    """A short log in which validation loss rises from the first epoch on while training falls."""
    validated, loss = course.val_loss, course.loss
    if validated is None or not 3 <= len(course) <= 6 or not np.isfinite(validated).all():
        return None
    rise = float(validated[-1] / validated[0] - 1) if validated[0] > 0 else 0.0
    falls = loss is None or float(loss[-1]) < 0.9 * float(loss[0])
    if not (np.all(np.diff(validated) > 0) and rise > 0.1 and falls):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.72,
        f"Validation loss rises from the first epoch on, {validated[0]:.4g} to {validated[-1]:.4g} "
        f"({rise:+.0%}) in {len(course)}"
        + ("" if loss is None else f", while training falls from {loss[0]:.4g} to {loss[-1]:.4g}")
        + ".",
        "One epoch is enough here: keep its weights; a smaller learning rate, dropout or weight decay move "
        "the turn.",
        refuted_by="a larger validation set whose loss goes on falling",
        details={"turn_epoch": 1, "turn_epoch_overall": course.rows[0]},
    )


def _running_median(values: _Floats) -> _Floats:
    """Return the median of five neighbours; the ends keep what they have."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5)
    return np.asarray(np.nanmedian(windows, axis=1), float)


def _best_accuracy(course: Course) -> dict[str, float]:
    if course.val_accuracy is None:
        return {}
    best = int(np.nanargmax(course.val_accuracy))
    return {"best_val_acc": float(course.val_accuracy[best]), "best_val_acc_epoch": best + 1}


def accuracy_gap(course: Course) -> float | None:
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return end_level(course.accuracy) - end_level(course.val_accuracy)


def _turned_accuracy(course: Course) -> Finding | None:
    """Only accuracies are known: validation stops or falls while training goes on."""
    trained, validated = course.accuracy, course.val_accuracy
    if course.val_loss is not None or trained is None or validated is None or len(course) < 4:
        return None
    turn = int(np.nanargmax(validated))
    gap = end_level(trained, 2) - end_level(validated, 2)
    gained = float(trained[-1] - trained[turn])
    error = course.validation_error(float(np.nanmax(validated)))
    if gap <= max(0.1, 4 * error) or len(course) - 1 - turn < 2 or gained <= 0.01:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.8,
        f"Validation accuracy is best at epoch {turn + 1} ({validated[turn]:.1%}), while training accuracy "
        f"goes on to {trained[-1]:.1%}: {gap:.1%} apart at the end.",
        "Early stopping on validation, more data or augmentation, dropout, weight decay or a smaller model.",
        refuted_by="the gap closing on a larger validation set",
        details={"turn_epoch": turn + 1, "gap": round(gap, 4), **_best_accuracy(course)},
    )


def _wide_gap(course: Course) -> Finding | None:
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
    short = len(course) <= 3
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


def _gap_of_errors(course: Course) -> Finding | None:
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


def _stands_still(course: Course) -> Finding | None:
    """Validation gains nothing more while training goes on: the turn has come, though nothing is lost yet."""
    if course.loss is None or course.val_loss is None or course.best is None or len(course) < 5:
        return None
    since = len(course) - 1 - course.best
    fell = float(course.loss[course.best] - course.loss[-1])
    if since < 2 or fell < 0.08 * abs(float(course.loss[course.best])):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.INFO,
        0.6,
        f"Validation loss is least at epoch {course.best + 1} ({course.val_loss[course.best]:.4g}) and has "
        f"gained nothing in {since} epochs ({course.val_loss[-1]:.4g}), while training falls from "
        f"{course.loss[course.best]:.4g} to {course.loss[-1]:.4g}.",
        f"Keep the weights of epoch {course.best + 1}; nothing is lost yet.",
        refuted_by="a lower validation loss in the next epochs",
        details={"turn_epoch": course.best + 1, "turn_epoch_overall": course.rows[course.best]},
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


def _gap_of_evaluations(evidence: Evidence) -> Finding | None:
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
