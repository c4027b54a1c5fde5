"""Training goes on improving while validation has turned."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.accuracy_gaps import (
    accuracy_gap,
    end_apart,
    gap_of_evaluations,
    gap_to_test,
    score_gap,
    validation_jumps,
    wide_gap,
)
from lifesign.evaluation.diagnosis.rules.loss_gaps import (
    gap_beside_errors,
    gap_of_errors,
    gap_of_figures,
    gap_of_losses,
)
from lifesign.evaluation.diagnosis.statistics import end_level, noise, trend

__all__ = ["overfitting"]

_Floats = NDArray[np.float64]
_MILD = 0.03  # accuracies that are no further apart are as good as each other


def overfitting(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training improves on while validation has turned; or a wide gap where the turn cannot be seen."""
    found = None
    if course is not None:
        rules = (
            _turned_loss,
            _turned_at_once,
            _turned_accuracy,
            wide_gap,
            gap_beside_errors,
            gap_of_errors,
            _turned_with_gap,
            _levelled_off,
            end_apart,
            gap_of_losses,
            _stands_still,
        )
        found = next((one for rule in rules if (one := rule(course)) is not None), None)
    found = found or gap_of_evaluations(evidence) or gap_to_test(evidence, course) or gap_of_figures(evidence)
    if found is not None:
        yield found


def _turned_loss(course: Course) -> Finding | None:
    loss, validated = course.loss, course.val_loss
    if validated is None or course.best is None or len(course) < 4:
        return None
    if course.accuracy is not None and loss is not None and float(np.nanmin(loss)) < 0:
        # A cross-entropy below 0 is of labels that are none; what rises then is not a fit too close.
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
    at, last = course.epochs[turn], course.epochs[end]
    mild = gap is not None and gap < _MILD and rise < 0.3 * abs(least)
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if mild else Severity.WARNING,
        0.93 if rise > 0.2 * abs(least) else 0.75,
        f"Validation loss is least at epoch {at} ({least:.4g}) and rises to {validated[-1]:.4g} at "
        f"epoch {last} ({validated[-1] / least - 1:+.0%}){reached}."
        + (
            ""
            if gap is None
            else f" Over the last epochs accuracy is {gap:.1%} better on training than on validation."
        ),
        f"Keep the weights of epoch {at} (early stopping with restore_best_weights); then more data, "
        "augmentation, dropout, weight decay or a smaller model.",
        refuted_by=f"a larger validation set whose loss goes on falling after epoch {at}",
        excluded=("divergence: the training loss falls",) if loss is not None else (),
        details={
            "turn_epoch": at,
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
        details={"turn_epoch": course.epochs[0], "turn_epoch_overall": course.rows[0]},
    )


def _turned_with_gap(course: Course) -> Finding | None:
    """Validation loss above its least, while training falls on and its scores are far better: two signs."""
    loss, validated = course.loss, course.val_loss
    if loss is None or validated is None or course.best is None or course.best == len(course) - 1:
        return None
    turn = course.best
    at, last = course.epochs[turn], course.epochs[-1]
    fell = 1 - float(loss[-1] / loss[turn]) if loss[turn] > 0 else 0.0
    scores = _last_accuracies(course) or score_gap(course)
    if fell < 0.1 or scores is None or not validated[-1] > validated[turn] or validation_jumps(course):
        return None
    name, trained, held = scores
    guess = course.constant_answer or 0.0
    if trained - held < max(0.1, 4 * course.validation_error(held)) or held < 1.1 * guess:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.7,
        f"Validation loss is least at epoch {at} ({validated[turn]:.4g}) and {validated[-1]:.4g} at "
        f"epoch {last}, while the training loss falls by {fell:.0%} to {loss[-1]:.4g}; {name} is "
        f"{trained:.3f} on training and {held:.3f} on validation.",
        f"Keep the weights of epoch {at}; more data or augmentation, dropout, weight decay or a "
        "smaller model.",
        refuted_by="a lower validation loss in the next epochs",
        details={
            "turn_epoch": at,
            "turn_epoch_overall": course.rows[turn],
            "gap": round(trained - held, 4),
        },
    )


def _last_accuracies(course: Course) -> tuple[str, float, float] | None:
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return "accuracy", float(course.accuracy[-1]), float(course.val_accuracy[-1])


def _running_median(values: _Floats) -> _Floats:
    """Return the median of five neighbours; the ends keep what they have."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5)
    return np.asarray(np.nanmedian(windows, axis=1), float)


def _best_accuracy(course: Course) -> dict[str, float]:
    if course.val_accuracy is None:
        return {}
    best = int(np.nanargmax(course.val_accuracy))
    return {"best_val_acc": float(course.val_accuracy[best]), "best_val_acc_epoch": course.epochs[best]}


def _turned_accuracy(course: Course) -> Finding | None:
    """Only accuracies are known: validation stops or falls while training goes on."""
    trained, validated = course.accuracy, course.val_accuracy
    if course.val_loss is not None or trained is None or validated is None or len(course) < 3:
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
        f"Validation accuracy is best at epoch {course.epochs[turn]} ({validated[turn]:.1%}), while training "
        f"accuracy goes on to {trained[-1]:.1%}: {gap:.1%} apart at the end.",
        "Early stopping on validation, more data or augmentation, dropout, weight decay or a smaller model.",
        refuted_by="the gap closing on a larger validation set",
        details={"turn_epoch": course.epochs[turn], "gap": round(gap, 4), **_best_accuracy(course)},
    )


def _levelled_off(course: Course) -> Finding | None:
    """Validation loss has levelled off over the last half while training goes on falling away from it."""
    loss, validated = course.loss, course.val_loss
    if loss is None or validated is None or len(course) < 6:
        return None
    half = len(course) // 2
    before, after = validated[:half], validated[half:]
    gained = float(np.nanmin(before) - np.nanmin(after))
    fell = float(loss[half - 1] - loss[-1])
    apart = end_level(validated) - end_level(loss)
    wider = apart - float(validated[half - 1] - loss[half - 1])
    level = abs(end_level(validated))
    if not (gained < 0.02 * level and fell > 0.1 * abs(float(loss[half - 1])) and apart > 0.15 * level):
        return None
    if wider < 0.5 * fell or noise(validated) > 0.5 * fell:
        return None
    gap = accuracy_gap(course)
    since, best = course.epochs[half - 1], course.epochs[course.best or 0]
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if gap is not None and gap < _MILD else Severity.WARNING,
        0.65,
        f"Since epoch {since} the validation loss has gained {max(gained, 0.0):.3g} (it ends at "
        f"{end_level(validated):.4g}) while training falls by {fell:.3g} to {loss[-1]:.4g}: what is learned "
        "now does not carry over.",
        f"Keep the weights of epoch {best} and stop there; more data, augmentation, "
        "dropout or weight decay move the level.",
        refuted_by="a lower validation loss in the next epochs",
        details={"turn_epoch": best, "gap": round(apart, 4)},
    )


def _stands_still(course: Course) -> Finding | None:
    """Validation gains nothing more while training goes on: the turn has come, though nothing is lost yet."""
    if course.loss is None or course.val_loss is None or course.best is None or len(course) < 5:
        return None
    since = len(course) - 1 - course.best
    best = course.epochs[course.best]
    fell = float(course.loss[course.best] - course.loss[-1])
    if since < 2 or fell < 0.08 * abs(float(course.loss[course.best])):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.INFO,
        0.6,
        f"Validation loss is least at epoch {best} ({course.val_loss[course.best]:.4g}) and has "
        f"gained nothing in {since} epochs ({course.val_loss[-1]:.4g}), while training falls from "
        f"{course.loss[course.best]:.4g} to {course.loss[-1]:.4g}.",
        f"Keep the weights of epoch {best}; nothing is lost yet.",
        refuted_by="a lower validation loss in the next epochs",
        details={"turn_epoch": best, "turn_epoch_overall": course.rows[course.best]},
    )
