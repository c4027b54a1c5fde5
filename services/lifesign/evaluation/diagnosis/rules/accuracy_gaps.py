"""Gaps between training and other data where a log does not show the turn."""

import math
import re

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level, noise, sampling_error

__all__ = [
    "accuracy_gap",
    "end_apart",
    "gap_of_evaluations",
    "gap_to_test",
    "repeats_its_rows",
    "score_gap",
    "validation_jumps",
    "wide_gap",
]

_CERTAIN = 16.12  # what an answer costs that is wrong with certainty, as Keras cuts it off
_MOST_CLASSES = 1000
# Shares that say, as accuracy does, how well all of the answers are.
_SCORES = re.compile(r"auc|f1|f_?score|dice|iou|jaccard|top_?k|roc", re.IGNORECASE)


def accuracy_gap(course: Course) -> float | None:
    """Return how much better the accuracy is on training than on validation at the end, 0–1."""
    if course.accuracy is None or course.val_accuracy is None:
        return None
    return end_level(course.accuracy) - end_level(course.val_accuracy)


def wide_gap(course: Course) -> Finding | None:
    """A gap in accuracy far beyond sampling error where the log does not show the turn."""
    trained, validated = course.accuracy, course.val_accuracy
    loss, val_loss = course.loss, course.val_loss
    if trained is None or validated is None or float(np.nanmax(trained)) > 1:
        return None
    gap = accuracy_gap(course) or 0.0
    last = end_level(validated)
    error = course.validation_error(last)
    short = len(course) <= 3 and not course.begins_after(5)
    constant = course.constant_answer or 0.0
    ratio = None
    penalised = _holds_a_penalty(course)
    if loss is not None and val_loss is not None and loss[-1] > 0 and not penalised:
        ratio = float(val_loss[-1] / loss[-1])
    # Of many classes a good accuracy may be .15: then the gap counts by what it is of.
    clear = gap > max(0.12 if not short else 0.15, 4 * error) and np.nanmax(trained) >= 0.7
    wide = gap > max(0.08, 4 * error) and gap > 0.35 * float(np.nanmax(trained)) and (ratio or 0) >= 1.3
    if not (clear or wide) or (ratio is not None and ratio < 1.5 and not wide):
        return None
    if validation_jumps(course):
        return None
    # Worse than a guess, or a loss that unsure answers never cost: something else than a fit too close.
    absurd = val_loss is not None and course.is_absurd(end_level(val_loss))
    if absurd and last < max(1.3 * constant, 0.2):
        return None
    falls = val_loss is not None and len(course) >= 2 and course.best == len(course) - 1
    if falls and gap < 0.25 and not penalised:
        # Still falling: the gap is no turn yet.
        return None
    return Finding(
        Code.OVERFITTING,
        Severity.WARNING,
        0.6 if last < 1.2 * constant else 0.8 if gap > 0.2 else 0.65,
        f"Accuracy is {end_level(trained):.1%} on training and {last:.1%} on validation, {gap:.1%} "
        f"apart{f' where sampling explains {2 * error:.1%}' if course.counted_validation else ''}"
        + ("" if ratio is None else f"; the validation loss is {ratio:.1f} times the training loss")
        + ("; both losses are nearly all penalty, and hide it" if penalised else "")
        + (". The log is too short to show the turn." if short else "."),
        "More data or augmentation, dropout, weight decay or a smaller model; stop at the best validation "
        "epoch.",
        refuted_by="the same accuracy on a fresh part of the training data as on validation",
        details={"gap": round(gap, 4)},
    )


def _holds_a_penalty(course: Course) -> bool:
    """Whether the training loss is more than its answers can cost.

    A right answer has a probability above 1/K and costs less than ln K, a wrong one at most 16.1.
    """
    if course.loss is None or course.accuracy is None:
        return False
    wrong = 1 - end_level(course.accuracy)
    return end_level(course.loss) > math.log(course.classes or _MOST_CLASSES) + _CERTAIN * wrong


def validation_jumps(course: Course) -> bool:
    """Whether validation loss jumps by more than its own size: no matter of what was learned by heart."""
    return course.val_loss is not None and noise(course.val_loss) > end_level(course.val_loss)


def score_gap(course: Course) -> tuple[str, float, float] | None:
    """Return a score like AUC or F1 in the last epoch: its name, on training and on validation."""
    for name, values in course.curves.series.items():
        held = course.curves.get(f"val_{name}")
        if held is None or not _SCORES.search(name) or not 0 <= held[-1] <= values[-1] <= 1:
            continue
        return course.curves.names.get(name, name), float(values[-1]), float(held[-1])
    return None


def end_apart(course: Course) -> Finding | None:
    """Only the end is given: training is known by heart, and validation is not."""
    loss, validated, gap = course.loss, course.val_loss, accuracy_gap(course)
    if loss is None or validated is None or gap is None or course.val_accuracy is None:
        return None
    # Over more epochs, less than three points is a matter of confidence.
    seen = len(course) > 3
    if seen and (course.best == len(course) - 1 or not course.begins_after(5) or gap < 0.03):
        return None
    right = end_level(course.val_accuracy)
    # Three standard errors do where the loss, ten times as large, says the same.
    if gap < max(0.015, 3 * course.validation_error(right)) or right < 0.5:
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
    # Where one of them does as well as training, others are far from it for another reason.
    best, worst = trained[-1], max(held, key=lambda one: one.accuracy or 0)
    gap = (best.accuracy or 0) - (worst.accuracy or 0)
    # Less will do of errors that are many times as many, among samples that are counted.
    many = worst.n is not None and 1 - (worst.accuracy or 0) > 4 * (1 - (best.accuracy or 0))
    if gap < max(0.05 if many else 0.1, 4 * sampling_error(worst.accuracy or 0, worst.n or 500)):
        return None
    repeats = repeats_its_rows(evidence) and (worst.accuracy or 0) > 0.8
    return Finding(
        Code.OVERFITTING,
        Severity.INFO if repeats else Severity.WARNING,
        0.75,
        f"Accuracy is {best.accuracy:.1%} on training and {worst.accuracy:.1%} on {worst.split}, {gap:.1%} "
        "apart.",
        "More data or augmentation, regularisation or a smaller model.",
        details={"gap": round(gap, 4)},
    )


def repeats_its_rows(evidence: Evidence) -> bool:
    """Whether it is of full trees or nearest neighbours: they repeat training rows by construction."""
    return evidence.setup.says(r"forest", r"\btrees?\b", r"nearest neigh", r"\bknn\b")


def gap_to_test(evidence: Evidence, course: Course | None) -> Finding | None:
    """A log without validation and the figures of a test."""
    if course is None or course.accuracy is None or course.val_accuracy is not None:
        return None
    held = [one for one in evidence.scored if one.is_of_validation or one.is_of_test]
    if not held or held[-1].accuracy is None:
        return None
    trained, tested, n = float(course.accuracy[-1]), held[-1].accuracy, held[-1].n or 500
    gap = trained - tested
    # Less will do where the loss says the same: several times as large, as is the share of errors.
    loss = None if course.loss is None else float(course.loss[-1])
    grown = loss is not None and held[-1].loss is not None and held[-1].loss > 4 * loss > 0
    by_loss = grown and gap > 0.03 and 1 - tested > 3 * (1 - trained)
    if gap < max(0.03 if by_loss else 0.1, 3 * sampling_error(tested, n)) or trained < 0.8:
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
