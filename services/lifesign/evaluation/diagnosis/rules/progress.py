"""How far a training has come: not at all, to a poor level, or not yet to the end."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.accuracy_gaps import accuracy_gap
from lifesign.evaluation.diagnosis.rules.guesses import chance_finding, guess_by_loss_or_area
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error, trend

_FEWEST = 30  # samples below which an accuracy near that of a guess tells nothing

__all__ = ["chance_level", "not_learning", "underfitting"]


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
    poor = poor or (
        course.chance_loss is not None and float(np.nanmin(loss[-third:])) > 0.6 * course.chance_loss
    )
    above = level - constant > 0.02
    gap = accuracy_gap(course)
    together = gap is None or abs(gap) < max(0.06, 0.1 * level)
    if not (poor and together and (above or not constant)):
        return
    yield Finding(
        Code.UNDERFITTING,
        Severity.WARNING,
        0.8,
        f"The training loss fell from {loss[0]:.4g} to {loss[-1]:.4g} and has levelled off (the last third "
        f"gains {late:.3g}); accuracy stays at {level:.1%} on training"
        + ("" if gap is None else f", {level - gap:.1%} on validation")
        + f"{f', where a constant answer gets {constant:.1%}' if constant else ''}.",
        "A larger model or better features, less regularisation, a longer training at another learning "
        "rate; look whether the inputs hold the answer at all.",
        refuted_by="a simple model doing better on the training data",
        excluded=("overfitting: training is no better than validation",),
        details={"accuracy": round(level, 4)},
    )


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
    begun = course.begins_after(5)
    level = float(np.median(tail))
    near_guess = (
        course.chance_loss is not None and abs(level - course.chance_loss) < 0.03 * course.chance_loss
    )
    if begun and not near_guess and not dead:
        return
    # What freezes half way from a guess to all right, where its best was, is done as well.
    lift = 0.0 if reached is None else course.lift(float(np.nanmax(reached)), constant=constant)
    kept = 0.0 if reached is None else course.lift(end_level(reached), constant=constant)
    if lift > 0.3 and not (dead and (lift < 0.5 or kept < 0.9 * lift)):
        return
    if reached is None and begun:
        return
    steady_fall = trend(loss) < -0.8 and len(loss) >= 5
    guess = course.chance_loss
    at_guess = guess is not None and abs(float(np.median(tail)) - guess) < 0.03 * guess
    yield Finding(
        Code.NOT_LEARNING,
        Severity.WARNING if steady_fall or (len(loss) < 5 and not exactly) else Severity.ERROR,
        0.6 if steady_fall else 0.95 if dead and not flat else 0.8 if at_guess else 0.95 if exactly else 0.85,
        (
            f"The training loss stays at {np.median(loss):.4g} over {len(loss)} epochs (range "
            f"{np.ptp(loss):.2g}, {relative:.2%})"
            if flat
            else f"After {len(loss) - len(tail)} epochs of up to {loss.max():.4g} the training loss freezes "
            f"at {np.median(tail):.4g}: the network is dead"
        )
        + (
            f"; that is a guess among {course.classes} classes, ln {course.classes} = {guess:.4f}."
            if at_guess
            else "."
        ),
        "Overfit a single batch first: if the loss does not go to 0 there, look at labels, output layer, "
        "frozen layers and input scaling; then at the learning rate.",
        refuted_by="one batch, repeated, whose loss falls",
        details={"loss": round(float(np.median(loss)), 5), "relative_range": round(relative, 5)},
    )


def chance_level(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Loss at ln K or accuracy at 1/K: no better than a guess."""
    found = (
        _chance_by_curves(course)
        or guess_by_loss_or_area(evidence, course)
        or _chance_by_figures(evidence, course)
    )
    if found is not None:
        yield found


def _chance_by_curves(course: Course | None) -> Finding | None:
    if course is None:
        return None
    guess = course.chance_loss
    reasons, strength = [], 0.0
    loss = course.loss if course.loss is not None else course.val_loss
    if guess is not None and loss is not None:
        late = end_level(loss)
        near = 0.02 if len(course) >= 2 else 0.002
        if len(course) >= 5 and _is_validation_at(course, guess):
            # Training is a little better than a guess by heart; what is validated is not.
            near = 0.03
        if abs(late - guess) < near * guess and np.nanmin(loss) > 0.95 * guess:
            reasons.append(
                f"the loss ends at {late:.4g}, a guess among {course.classes} classes (ln {course.classes} = "
                f"{guess:.4g})"
            )
            strength = 0.97 if abs(late - guess) < 0.003 * guess else 0.85
    for name, values in (("validation", course.val_accuracy), ("training", course.accuracy)):
        constant = course.constant_answer
        if values is None or constant is None:
            continue
        if course.chance is not None and constant > 1.4 * course.chance:
            # With unequal classes that is the paradox of accuracy, not a guess.
            constant = course.chance
        late = end_level(values)
        best = float(np.nanmax(values))
        error = course.validation_error(constant)
        fallen = course.val_loss if name == "validation" else course.loss
        learns = guess is not None and fallen is not None and np.nanmin(fallen) < 0.96 * guess
        if error > 0.1 or (error > 0.02 and learns):
            # Of a handful of samples every accuracy is near; a loss below a guess's tells more.
            continue
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


def _is_validation_at(course: Course, guess: float) -> bool:
    """Whether the validation loss ends at a guess, to 1 %, and was never more than 2 % better."""
    held = course.val_loss
    if held is None:
        return False
    return abs(end_level(held) - guess) < 0.01 * guess and float(np.nanmin(held)) > 0.98 * guess


def _chance_by_figures(evidence: Evidence, course: Course | None) -> Finding | None:
    found = _held_out_at_a_guess(evidence)
    if found is None or not evidence.classes:
        return found
    guess = 1 / evidence.classes
    shown = [(one.split, one.accuracy or 0.0) for one in evidence.scored]
    if course is not None and course.val_accuracy is not None:
        shown.append(("validation", end_level(course.val_accuracy)))
    near = {split for split, share in shown if abs(share - guess) < 0.1}
    far = {split for split, share in shown if abs(share - guess) > 0.25}
    trained = any(one.is_of_training and one.split in far for one in evidence.scored)
    if trained or (near and far - near):
        # Something was learned, by heart or for other data: what the sets do not share says more.
        return replace(found, severity=Severity.INFO)
    return found


def _held_out_at_a_guess(evidence: Evidence) -> Finding | None:
    for one in evidence.evaluations:
        area = one.area
        if area is not None and 0.47 <= area <= 0.53:
            return chance_finding(
                f"The area under the ROC on {one.split or 'the evaluated set'} is {area:.3f}, "
                "that of a guess",
                0.75,
            )
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum() >= 60 and np.sum(matrix.sum(axis=1) > 0) >= 2:
        n = int(matrix.sum())
        rows, columns = matrix.sum(axis=1) / n, matrix.sum(axis=0) / n
        expected = float(rows @ columns)
        right = float(np.trace(matrix) / n)
        if columns.max() >= 0.98 and rows.max() <= 1.2 / np.sum(rows > 0):
            return chance_finding(f"A single answer gets {right:.1%} of {n:,} right, what a guess gets", 0.6)
        recall = np.diag(matrix)[rows > 0] / matrix.sum(axis=1)[rows > 0]
        # Where one class is nearly all, a rare one that is found does not show in the share right.
        told_apart = float(recall.mean()) > 1 / len(recall) + 0.15
        if told_apart:
            return None
        if columns.max() < 0.98 and abs(right - expected) < max(2.5 * sampling_error(expected, n), 0.005):
            return chance_finding(
                f"{right:.1%} of {n:,} are right; answers that ignore the input, with the same frequencies, "
                f"get {expected:.1%}",
                0.8,
            )
    if found := _recalls_of_a_guess(evidence):
        return found
    report = evidence.report
    if matrix is None and report is not None and report.n >= 30 and len(report.names) >= 2:
        right, constant = report.correct / report.n, float(report.support.max() / report.n)
        guess = 1 / len(report.names)
        if constant <= 1.3 * guess and right < guess + 2.5 * sampling_error(guess, report.n):
            return chance_finding(
                f"{right:.1%} of {report.n:,} are right, where a guess among {len(report.names)} classes "
                f"gets {guess:.1%}",
                0.7,
            )
    if matrix is None:
        for one in evidence.evaluations:
            if one.accuracy is not None and evidence.classes and one.n and one.n >= _FEWEST:
                chance = 1 / evidence.classes
                if abs(one.accuracy - chance) < 2 * sampling_error(chance, one.n):
                    return chance_finding(
                        f"{one.accuracy:.1%} on {one.split} of {one.n:,}, where a guess gets {chance:.1%}",
                        0.7,
                    )
    return None


def _recalls_of_a_guess(evidence: Evidence) -> Finding | None:
    """The mean recall of classes is 1/K: answers do not depend on the class."""
    report = evidence.report
    if report is None or report.n < 100 or len(report.names) < 2 or np.any(report.support < 15):
        return None
    largest = float(report.support.max() / report.n)
    if largest > 0.8 and report.correct / report.n > 0.7 * largest:
        # Always the largest class has that mean too: the paradox of accuracy.
        return None
    guess = 1 / len(report.names)
    mean = float(report.recall.mean())
    error = float(np.sqrt(sum(sampling_error(guess, int(n)) ** 2 for n in report.support))) / len(
        report.names
    )
    if mean > guess + 2.5 * error + 0.005:
        return None
    return chance_finding(
        f"The mean recall of {len(report.names)} classes is {mean:.3f} (n = {report.n:,}), that of answers "
        "which ignore the input",
        0.45 if report.support.max() > 1.4 * guess * report.n else 0.7,
    )
