"""How well the model fits: over, under, not yet, not at all."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import noise, sampling_error, trend

__all__ = ["chance_level", "miscalibration", "not_learning", "overfitting", "still_improving", "underfitting"]

_Floats = NDArray[np.float64]


def overfitting(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Training improves on while validation has turned; or a wide gap where the turn cannot be seen."""
    found = None
    if course is not None:
        found = _turned_loss(course) or _turned_at_once(course) or _turned_accuracy(course) or _wide_gap(course)
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
    late = float(np.nanmedian(after[-3:])) if smooth is validated else float(np.nanmedian(smooth[-5:]))
    level = least if smooth is validated else float(np.nanmin(smooth))
    rise = late - level
    rough = noise(validated) / (1 if smooth is validated else 2)
    # One low epoch of a rough curve is no turn: the rise must stand out of the roughness.
    if rise <= max(0.05 * abs(least), 2.5 * rough) or np.nanmean(after > least) < 1:
        return None
    if trend(validated[turn:]) < 0.2 and rise < 0.5 * abs(least):
        return None
    if loss is not None:
        fell = float(loss[turn] - np.nanmedian(loss[-2:]))
        if fell <= max(0.03 * abs(float(loss[turn])), 0):
            return None
    gap = _accuracy_gap(course)
    reached = (
        "" if loss is None else f" while the training loss goes on from {loss[turn]:.4g} to {loss[-1]:.4g}"
    )
    # Where accuracies are as good as before and the gap is small, the rise is one of confidence.
    mild = gap is not None and gap < 0.03 and rise < 0.3 * abs(least)
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if mild else Severity.WARNING,
        0.93 if rise > 0.2 * abs(least) else 0.75,
        f"Validation loss is least at epoch {turn + 1} ({least:.4g}) and rises to {validated[-1]:.4g} at epoch "
        f"{end + 1} ({validated[-1] / least - 1:+.0%}){reached}."
        + ("" if gap is None else f" Accuracy ends {gap:.1%} better on training than on validation."),
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
        f"Validation loss rises from the first epoch on, {validated[0]:.4g} to {validated[-1]:.4g} ({rise:+.0%}) in "
        f"{len(course)}" + ("" if loss is None else f", while training falls from {loss[0]:.4g} to {loss[-1]:.4g}") + ".",
        "One epoch is enough here: keep its weights; a smaller learning rate, dropout or weight decay move the turn.",
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


def _accuracy_gap(course: Course) -> float | None:
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return float(np.nanmedian(course.accuracy[-3:]) - np.nanmedian(course.val_accuracy[-3:]))


def _turned_accuracy(course: Course) -> Finding | None:
    """Only accuracies are known: validation stops or falls while training goes on."""
    trained, validated = course.accuracy, course.val_accuracy
    if course.val_loss is not None or trained is None or validated is None or len(course) < 4:
        return None
    turn = int(np.nanargmax(validated))
    gap = float(np.nanmedian(trained[-2:]) - np.nanmedian(validated[-2:]))
    gained = float(trained[-1] - trained[turn])
    error = course.validation_error(float(np.nanmax(validated)))
    if gap <= max(0.1, 4 * error) or len(course) - 1 - turn < 2 or gained <= 0.01:
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.8,
        f"Validation accuracy is best at epoch {turn + 1} ({validated[turn]:.1%}), while training accuracy goes on to "
        f"{trained[-1]:.1%}: {gap:.1%} apart at the end.",
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
    gap = _accuracy_gap(course) or 0.0
    last = float(np.nanmedian(validated[-3:]))
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
    absurd = val_loss is not None and float(np.nanmedian(val_loss[-3:])) > 3 * max(course.chance_loss or 2.3, 2.3)
    if absurd and last < max(1.3 * constant, 0.2):
        return None
    if val_loss is not None and len(course) >= 2 and course.best == len(course) - 1 and gap < 0.25:
        # Still falling: the gap is no turn yet.
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.6 if last < 1.2 * constant else 0.8 if gap > 0.2 else 0.65,
        f"Accuracy is {np.nanmedian(trained[-3:]):.1%} on training and {last:.1%} on validation, {gap:.1%} apart"
        f"{f' where sampling explains {2 * error:.1%}' if course.counted_validation else ''}"
        + ("" if ratio is None else f"; the validation loss is {ratio:.1f} times the training loss")
        + (". The log is too short to show the turn." if short else "."),
        "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation epoch.",
        refuted_by="the same accuracy on a fresh part of the training data as on validation",
        details={"gap": round(gap, 4)},
    )


def _gap_of_losses(course: Course) -> Finding | None:
    """A training loss near nothing beside a validation loss of many errors; the training accuracy is not given."""
    if course.loss is None or course.val_loss is None or course.val_accuracy is None:
        return None
    low, high = float(np.nanmedian(course.loss[-2:])), float(np.nanmedian(course.val_loss[-2:]))
    right = float(np.nanmedian(course.val_accuracy[-2:]))
    if not (0 <= low < 0.3 and high > max(0.6, 5 * low) and high < 10 and 0.2 < right < 0.9):
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.7,
        f"The training loss is {low:.3g}, the validation loss {high:.3g} with {1 - right:.1%} of the answers wrong: training "
        "is known by heart, and validation answered wrongly with confidence.",
        "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation epoch.",
        refuted_by="the same loss on a fresh part of the training data as on validation",
        details={"loss": low, "val_loss": high},
    )


def _gap_of_evaluations(evidence: Evidence) -> Finding | None:
    """Train and test figures without any curve."""
    trained = [
        one
        for one in evidence.evaluations
        if one.split.lower().startswith("train") and one.accuracy is not None
    ]
    held = [
        one
        for one in evidence.evaluations
        if one.split.lower().startswith(("val", "test", "dev")) and one.accuracy is not None
    ]
    if not trained or not held:
        return None
    best, worst = trained[-1], held[-1]
    gap = (best.accuracy or 0) - (worst.accuracy or 0)
    if gap < max(0.1, 4 * sampling_error(worst.accuracy or 0, worst.n or 500)):
        return None
    # Full trees and nearest neighbours repeat their training rows by construction.
    repeats = evidence.setup.says(r"forest", r"\btrees?\b", r"nearest neigh", r"\bknn\b") and (worst.accuracy or 0) > 0.8
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if repeats else Severity.WARNING,
        0.75,
        f"Accuracy is {best.accuracy:.1%} on training and {worst.accuracy:.1%} on {worst.split}, {gap:.1%} apart.",
        "More data or augmentation, regularisation or a smaller model.",
        details={"gap": round(gap, 4)},
    )


def underfitting(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Both curves level off together at a poor figure although the loss moved."""
    if course is None or course.loss is None or len(course) < 5:
        return
    loss, trained = course.loss, course.accuracy
    moved = float(np.nanmax(loss[:2]) - np.nanmin(loss))
    if loss[0] <= 0 or moved < 0.03 * loss[0]:
        return
    third = max(2, len(course) // 3)
    late = (
        float(np.nanmean(loss[-2 * third : -third]) - np.nanmean(loss[-third:]))
        if len(course) >= 6
        else float(loss[-3] - loss[-1])
    )
    if float(loss[-1]) > 1.5 * float(np.nanmin(loss)):
        # It has been much better: thrown back, not held back.
        return
    levelled = late < max(0.06 * moved, 0.004 * float(loss[-1]))
    if not levelled or trained is None:
        return
    level = float(np.nanmedian(trained[-third:]))
    constant = course.constant_answer or 0.0
    poor = level < 0.7 if (course.classes or 2) == 2 else level < 0.6
    # Most of a guess's loss is left, whatever the accuracy: the model may not be sure of anything.
    poor = poor or (course.chance_loss is not None and float(np.nanmin(loss[-third:])) > 0.6 * course.chance_loss)
    above = level - constant > 0.02
    gap = _accuracy_gap(course)
    together = gap is None or abs(gap) < max(0.06, 0.1 * level)
    if not (poor and together and (above or not constant)):
        return
    yield Finding(
        Code.UNDERFITTING,
        Severity.WARNING,
        0.8,
        f"The training loss fell from {loss[0]:.4g} to {loss[-1]:.4g} and has levelled off (the last third gains "
        f"{late:.3g}); accuracy stays at {level:.1%} on training"
        + ("" if gap is None else f", {level - gap:.1%} on validation")
        + f"{f', where a constant answer gets {constant:.1%}' if constant else ''}.",
        "A larger model or better features, less regularisation, a longer training at another learning rate; look "
        "whether the inputs hold the answer at all.",
        refuted_by="a simple model doing better on the training data",
        excluded=("overfitting: training is no better than validation",),
        details={"accuracy": round(level, 4)},
    )


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
    values = sign * values
    best = int(np.nanargmin(values))
    late = max(1, round(0.1 * len(course)))
    if len(course) - 1 - best >= late or trend(values) > -0.5:
        return
    tail = values[-max(3, len(values) // 3) :]
    gained = float(tail[0] - np.nanmin(tail))
    whole = float(np.nanmax(values) - np.nanmin(values))
    steady = len(course) >= 4 and bool(np.all(np.diff(values) < 0)) and values[-1] < 0.995 * values[-2]
    if gained < max(0.02 * abs(float(tail[0])), 0.08 * whole) and not steady:
        return
    shown = sign * values
    yield Finding(
        Code.STILL_IMPROVING,
        Severity.INFO,
        0.85 if not _is_done(course) and (steady or (len(course) >= 5 and not _is_good(course))) else 0.6,
        f"Validation {word} is best at epoch {best + 1} of {len(course)} ({shown[best]:.4g}) and still "
        f"{'falls' if sign > 0 else 'rises'}: {shown[-len(tail)]:.4g} to {shown[-1]:.4g} over the last {len(tail)} epochs.",
        "Train longer, with early stopping.",
        refuted_by="the next epochs bringing nothing",
        excluded=("overfitting: validation has not turned",),
        details={"last_epoch": len(course), f"best_val_{word}_epoch": best + 1},
    )


def _is_done(course: Course) -> bool:
    """Whether hardly anything is left to gain."""
    return course.val_accuracy is not None and float(np.nanmax(course.val_accuracy[-3:])) > 0.93


def _is_good(course: Course) -> bool:
    """Whether the accuracy is more than half way from a constant answer to all right."""
    if course.val_accuracy is None:
        return False
    constant = course.constant_answer or 0.0
    return (float(np.nanmax(course.val_accuracy[-3:])) - constant) / (1 - constant) > 0.5


def not_learning(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """The training loss stays where it began."""
    if course is None or course.loss is None or len(course) < 2:
        return
    loss = course.loss[np.isfinite(course.loss)]
    if len(loss) < 2 or loss[0] == 0:
        return
    relative = float(np.ptp(loss) / abs(np.median(loss)))
    exactly = float(np.ptp(loss)) < 1e-9
    # Flat against its own level, or flat but for a first epoch that was thrown off.
    rest = loss[1:] if len(loss) >= 4 else loss
    flat = relative < 0.015 or (
        float(np.ptp(rest)) < 0.01 * abs(float(np.median(rest))) and loss[0] > loss[-1] and len(rest) >= 3
    )
    tail = loss[-max(3, len(loss) // 2) :]
    dead = len(loss) >= 8 and float(np.ptp(tail)) < 5e-4 * abs(float(np.median(tail)))
    if not (flat or dead) or (len(loss) == 2 and not exactly):
        return
    # Trained already: flat at a good level, or late in a training, is done and not dead.
    reached = course.accuracy if course.accuracy is not None else course.val_accuracy
    constant = course.constant_answer or 0.5
    begun = bool(course.curves.epochs) and course.curves.epochs[0] > 5
    level = float(np.median(tail))
    near_guess = course.chance_loss is not None and abs(level - course.chance_loss) < 0.03 * course.chance_loss
    if begun and not near_guess and not dead:
        return
    if not dead and reached is not None and (float(np.nanmax(reached)) - constant) / (1 - constant) > 0.3:
        return
    if reached is None and course.curves.epochs and course.curves.epochs[0] > 5:
        return
    steady_fall = trend(loss) < -0.8 and len(loss) >= 5
    guess = course.chance_loss
    at_guess = guess is not None and abs(float(np.median(tail)) - guess) < 0.03 * guess
    yield Finding(
        Code.NOT_LEARNING,
        Severity.WARNING if steady_fall else Severity.ERROR,
        0.6 if steady_fall else 0.95 if dead and not flat else 0.8 if at_guess else 0.95 if exactly else 0.85,
        (
            f"The training loss stays at {np.median(loss):.4g} over {len(loss)} epochs (range {np.ptp(loss):.2g}, "
            f"{relative:.2%})"
            if flat
            else f"After {len(loss) - len(tail)} epochs of up to {loss.max():.4g} the training loss freezes at "
            f"{np.median(tail):.4g}: the network is dead"
        )
        + (
            f"; that is a guess among {course.classes} classes, ln {course.classes} = {guess:.4f}."
            if at_guess
            else "."
        ),
        "Overfit a single batch first: if the loss does not go to 0 there, look at labels, output layer, frozen "
        "layers and input scaling; then at the learning rate.",
        refuted_by="one batch, repeated, whose loss falls",
        details={"loss": round(float(np.median(loss)), 5), "relative_range": round(relative, 5)},
    )


def chance_level(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Loss at ln K or accuracy at 1/K: no better than a guess."""
    found = _chance_by_curves(course) or _chance_by_figures(evidence)
    if found is not None:
        yield found


def _chance_by_curves(course: Course | None) -> Finding | None:
    if course is None:
        return None
    guess = course.chance_loss
    reasons, strength = [], 0.0
    loss = course.loss if course.loss is not None else course.val_loss
    if guess is not None and loss is not None:
        late = float(np.nanmedian(loss[-3:]))
        if abs(late - guess) < 0.02 * guess and np.nanmin(loss) > 0.95 * guess and len(course) >= 2:
            reasons.append(
                f"the loss ends at {late:.4g}, a guess among {course.classes} classes (ln {course.classes} = {guess:.4g})"
            )
            strength = 0.97 if abs(late - guess) < 0.003 * guess else 0.85
    for name, values in (("validation", course.val_accuracy), ("training", course.accuracy)):
        constant = course.constant_answer
        if values is None or constant is None:
            continue
        if course.chance is not None and constant > 1.4 * course.chance:
            # With unequal classes that is the paradox of accuracy, not a guess.
            constant = course.chance
        late = float(np.nanmedian(values[-3:]))
        best = float(np.nanmax(values))
        error = course.validation_error(constant)
        near = abs(late - constant) < max(0.012, 2.5 * error) and best < constant + max(0.03, 4 * error)
        if course.chance is not None and not near:
            near = (
                abs(late - course.chance)
                < max(
                    0.012 * min(1, 20 * course.chance),
                    2.5 * sampling_error(course.chance, course.counted_validation or 1000),
                )
                and best < 1.3 * course.chance + 0.01
            )
        if near:
            reasons.append(f"{name} accuracy ends at {late:.1%} where a constant answer gets {constant:.1%}")
            strength = max(strength, 0.8 if name == "training" else 0.6)
    trained = course.accuracy
    learned = (
        trained is not None
        and course.constant_answer is not None
        and float(np.nanmax(trained)) > course.constant_answer + 0.15
    )
    if not reasons:
        return None
    only_validation = learned and len(reasons) < 2
    return Finding(
        Code.CHANCE_LEVEL,
        Severity.INFO if only_validation else Severity.WARNING,
        min(0.97, strength + 0.08 * (len(reasons) - 1)),
        f"{reasons[0][0].upper()}{reasons[0][1:]}"
        + (f"; {'; '.join(reasons[1:])}" if reasons[1:] else "")
        + ".",
        "Check labels against inputs on a handful of samples by eye, then overfit one batch.",
        refuted_by="a figure above that of a constant answer by more than its sampling error",
        details={"constant_answer": course.constant_answer},
    )


def _chance_by_figures(evidence: Evidence) -> Finding | None:
    for one in evidence.evaluations:
        area = next((value for name, value in one.metrics.items() if "auc" in name.lower()), None)
        if area is not None and 0.47 <= area <= 0.53:
            return _chance(
                f"The area under the ROC on {one.split or 'the evaluated set'} is {area:.3f}, that of a guess",
                0.75,
            )
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum() >= 60 and np.sum(matrix.sum(axis=1) > 0) >= 2:
        n = int(matrix.sum())
        rows, columns = matrix.sum(axis=1) / n, matrix.sum(axis=0) / n
        expected = float(rows @ columns)
        right = float(np.trace(matrix) / n)
        if columns.max() >= 0.98 and rows.max() <= 1.2 / np.sum(rows > 0):
            return _chance(f"A single answer gets {right:.1%} of {n:,} right, what a guess gets", 0.6)
        if columns.max() < 0.98 and abs(right - expected) < max(2.5 * sampling_error(expected, n), 0.005):
            return _chance(
                f"{right:.1%} of {n:,} are right; answers that ignore the input, with the same frequencies, get {expected:.1%}",
                0.8,
            )
    if found := _recalls_of_a_guess(evidence):
        return found
    report = evidence.report
    if matrix is None and report is not None and report.n >= 30 and len(report.names) >= 2:
        right, constant = report.correct / report.n, float(report.support.max() / report.n)
        guess = 1 / len(report.names)
        if constant <= 1.3 * guess and right < guess + 2.5 * sampling_error(guess, report.n):
            return _chance(f"{right:.1%} of {report.n:,} are right, where a guess among {len(report.names)} classes gets {guess:.1%}", 0.7)
    if matrix is None:
        for one in evidence.evaluations:
            if one.accuracy is not None and evidence.classes and one.n:
                chance = 1 / evidence.classes
                if abs(one.accuracy - chance) < 2 * sampling_error(chance, one.n):
                    return _chance(
                        f"{one.accuracy:.1%} on {one.split} of {one.n:,}, where a guess gets {chance:.1%}",
                        0.7,
                    )
    return None


def _recalls_of_a_guess(evidence: Evidence) -> Finding | None:
    """The mean recall of classes of like size is 1/K: answers do not depend on the class."""
    report = evidence.report
    if report is None or report.n < 100 or len(report.names) < 2 or np.any(report.support < 20):
        return None
    if report.support.max() > 0.8 * report.n:
        return None
    guess = 1 / len(report.names)
    mean = float(report.recall.mean())
    error = float(np.sqrt(sum(sampling_error(guess, int(n)) ** 2 for n in report.support))) / len(report.names)
    if mean > guess + 2.5 * error + 0.005:
        return None
    return _chance(f"The mean recall of {len(report.names)} classes is {mean:.3f} (n = {report.n:,}), that of answers which ignore the input", 0.5 if report.support.max() > 1.4 * guess * report.n else 0.7)


def _chance(proof: str, confidence: float) -> Finding:
    return Finding(
        Code.CHANCE_LEVEL,
        Severity.WARNING,
        confidence,
        proof + ".",
        "Check labels against inputs on a handful of samples by eye, then overfit one batch.",
        refuted_by="a figure above a guess by more than its sampling error",
    )


def miscalibration(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Probabilities too sure: loss grows far more than errors do, or is too large for the accuracy."""
    if (
        course is not None
        and course.val_loss is not None
        and course.val_accuracy is not None
        and len(course) >= 4
    ):
        turn = course.best or 0
        least, last = float(course.val_loss[turn]), float(np.nanmedian(course.val_loss[-2:]))
        errors = 1 - course.val_accuracy
        grown = float(np.nanmedian(errors[-2:]) / max(float(errors[turn]), 1e-3))
        if least > 0 and last / least >= 1.4 and last / least > 1.4 * grown and len(course) - 1 - turn >= 2:
            yield Finding(
                Code.MISCALIBRATION,
                Severity.WARNING if last / least >= 1.8 else Severity.INFO,
                0.75,
                f"From epoch {turn + 1} on the validation loss grows {last / least:.2f} times but the errors only "
                f"{grown:.2f} times: wrong answers are given with more and more confidence.",
                "Scale the temperature on validation, smooth the labels, or stop earlier; do not read the outputs as "
                "probabilities.",
                refuted_by="a reliability diagram on the diagonal",
                details={
                    "val_loss_ratio": round(float(course.val_loss[-1]) / least, 2),
                    "error_ratio": round(grown, 2),
                },
            )
            return
    yield from _by_probabilities(evidence)
    yield from _by_figures(evidence)


def _by_probabilities(evidence: Evidence) -> Iterator[Finding]:
    given = evidence.predictions
    if (
        given is None
        or given.y_prob is None
        or given.y_true is None
        or len(given.y_true) != len(given.y_prob)
    ):
        return
    if len(given.y_true) < 50:
        return
    labels = sorted(set(given.y_true.tolist()), key=lambda value: (isinstance(value, str), value))
    if given.y_prob.ndim == 1:
        if len(labels) != 2:
            return
        hits = np.array([value == labels[1] for value in given.y_true.tolist()], float)
        sure = given.y_prob
    else:
        chosen = given.y_prob.argmax(axis=1)
        names = labels if len(labels) == given.y_prob.shape[1] else list(range(given.y_prob.shape[1]))
        hits = np.array(
            [names[one] == true for one, true in zip(chosen, given.y_true.tolist(), strict=True)], float
        )
        sure = given.y_prob.max(axis=1)
    bins = np.minimum((sure * 10).astype(int), 9)
    error = sum(
        abs(hits[bins == one].mean() - sure[bins == one].mean()) * np.mean(bins == one)
        for one in range(10)
        if np.any(bins == one)
    )
    # Spiegelhalter's z: the Brier score against its expectation if the probabilities were true.
    kept = np.clip(sure, 1e-6, 1 - 1e-6)
    variance = float(np.sum((1 - 2 * kept) ** 2 * kept * (1 - kept)))
    z = float(np.sum((hits - kept) * (1 - 2 * kept)) / np.sqrt(variance)) if variance > 0 else 0.0
    if error < 0.08 or abs(z) < 4:
        return
    over = float(np.abs(sure - 0.5).mean()) > float(abs(np.where(sure >= 0.5, hits, 1 - hits).mean() - 0.5))
    yield Finding(
        Code.MISCALIBRATION,
        Severity.WARNING,
        min(0.95, 0.75 + float(error)),
        f"Stated probabilities differ from observed shares by {error:.1%} on average (ECE, 10 bins, n = {len(sure):,}; "
        f"Spiegelhalter z = {z:.1f}): the model is too {'sure' if over else 'unsure'}.",
        "Fit a temperature (or isotonic regression) on the development set.",
        refuted_by="a reliability diagram on the diagonal with a set of the same size",
        details={"ece": round(float(error), 4), "z": round(z, 1)},
    )


def _by_figures(evidence: Evidence) -> Iterator[Finding]:
    """A log loss too large for the accuracy: wrong answers given with certainty."""
    for one in evidence.evaluations:
        ece = next((value for name, value in one.metrics.items() if "ece" in name.lower().split("_")), None)
        poor_ece = ece is not None and ece >= 0.08
        wrong = None if one.accuracy is None else 1 - one.accuracy
        classes = evidence.classes or 2
        too_large = (
            one.loss is not None
            and wrong is not None
            and 0.005 < wrong < 0.5
            and one.loss > 0.3
            and one.loss / wrong > 3.5 + np.log(classes)
        )
        if poor_ece or too_large:
            proof = (
                f"The expected calibration error is {ece:.1%}"
                if poor_ece
                else f"A log loss of {one.loss:.3g} at an error rate of {wrong:.1%} is {(one.loss or 0) / (wrong or 1):.1f} nats per "
                "error: wrong answers are given with certainty"
            )
            yield Finding(
                Code.MISCALIBRATION,
                Severity.WARNING,
                0.7,
                proof + f" ({one.split or 'evaluated set'}).",
                "Fit a temperature on the development set, or stop earlier.",
                refuted_by="a reliability diagram on the diagonal",
            )
            return
