"""Losses and areas that a constant answer has, where no accuracy over the epochs tells."""

import math

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["chance_finding", "guess_by_loss_or_area", "is_squared_guess"]


def guess_by_loss_or_area(evidence: Evidence, course: Course | None) -> Finding | None:
    """An evaluation at ln K and 1/K, losses above ln K, a squared error of 1/K everywhere, an area of .5."""
    if found := _evaluated_at_a_guess(evidence):
        return found
    if course is None:
        return None
    return _area_of_a_guess(course) or _above_a_guess(evidence, course) or _squared_guess(evidence, course)


def is_squared_guess(evidence: Evidence, course: Course) -> bool:
    """Whether loss and accuracy end where 1/K for each of K classes puts a squared error."""
    right = course.accuracy if course.val_accuracy is None else course.val_accuracy
    if evidence.setup.loss not in (None, "mse", "mean_squared_error") or not course.classes:
        return False
    if course.loss is None or right is None:
        return False
    constant = (course.classes - 1) / course.classes**2
    return abs(end_level(course.loss) / constant - 1) <= 0.05 and end_level(right) <= 1.6 / course.classes


def chance_finding(proof: str, confidence: float) -> Finding:
    """Return the finding of a model that answers no better than a guess."""
    return Finding(
        Code.CHANCE_LEVEL,
        Severity.WARNING,
        confidence,
        proof + ".",
        "Check labels against inputs on a handful of samples by eye, then overfit one batch.",
        refuted_by="a figure above a guess by more than its sampling error",
    )


def _evaluated_at_a_guess(evidence: Evidence) -> Finding | None:
    classes = evidence.classes
    if not classes:
        return None
    guess = math.log(classes)
    for one in evidence.evaluations:
        if (
            one.loss is not None
            and one.accuracy is None
            and classes > 2
            and abs(one.loss / guess - 1) < 0.003
        ):
            return chance_finding(
                f"The loss on {one.split or 'the evaluated set'} is {one.loss:.4g}, what a guess among "
                f"{classes} classes costs, ln {classes} = {guess:.4g}",
                0.8,
            )
        if one.loss is None or one.accuracy is None or one.is_of_training:
            continue
        if abs(one.loss / guess - 1) < 0.01 and abs(one.accuracy - 1 / classes) < 0.1 / classes + 0.005:
            return chance_finding(
                f"On {one.split or 'the evaluated set'} the loss is {one.loss:.4g} and {one.accuracy:.1%} "
                f"are right: a guess among {classes} classes has ln {classes} = {guess:.4g} and "
                f"{1 / classes:.1%}",
                0.9,
            )
    return None


def _area_of_a_guess(course: Course) -> Finding | None:
    """The area under the ROC on validation is exactly one half: all scores are the same."""
    for name, values in course.curves.series.items():
        if not name.startswith("val_") or "auc" not in name or name.endswith(("prc", "pr")):
            continue
        late = values[np.isfinite(values)][-3:]
        if len(late) and np.all(np.abs(late - 0.5) < 1e-4):
            return chance_finding(
                f"The area under the ROC on validation is {late[-1]:.4f}, exactly that of one and the same "
                "score for every sample",
                0.85,
            )
    return None


def _above_a_guess(evidence: Evidence, course: Course) -> Finding | None:
    """Cross-entropies that end above ln K in training and validation, with no accuracy beside them."""
    guess, setup = course.chance_loss, evidence.setup
    if guess is None or course.val_loss is None or course.loss is None or len(course) > 3:
        return None
    crossed = setup.loss is not None and "categorical_crossentropy" in setup.loss
    if not crossed or course.accuracy is not None or setup.has_penalty or setup.has_weights:
        return None
    low = min(end_level(course.loss, 1), end_level(course.val_loss, 1))
    if not guess < low < 3 * guess:
        return None
    return chance_finding(
        f"The loss ends at {course.loss[-1]:.4g} on training and {course.val_loss[-1]:.4g} on validation, "
        f"both above ln {course.classes} = {guess:.4g}, what the same probability for each class costs",
        0.8,
    )


def _squared_guess(evidence: Evidence, course: Course) -> Finding | None:
    """The squared error of one-hot labels of K classes against 1/K everywhere is (K − 1)/K²."""
    classes, loss = course.classes, course.loss
    right = course.accuracy if course.val_accuracy is None else course.val_accuracy
    if not classes or loss is None or right is None or not is_squared_guess(evidence, course):
        return None
    constant, late = (classes - 1) / classes**2, end_level(loss)
    return chance_finding(
        f"The squared error ends at {late:.4g}; answering 1/{classes} everywhere costs "
        f"({classes} − 1)/{classes}² = {constant:.4g}, and {end_level(right):.1%} are right where a guess "
        f"gets {1 / classes:.1%}",
        0.85,
    )
