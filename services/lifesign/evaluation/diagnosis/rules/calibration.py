"""Probabilities too sure or too unsure."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["miscalibration"]


def miscalibration(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Probabilities too sure: loss grows far more than errors do, or is too large for the accuracy."""
    if (
        course is not None
        and course.val_loss is not None
        and course.val_accuracy is not None
        and len(course) >= 4
    ):
        turn = course.best or 0
        least, last = float(course.val_loss[turn]), end_level(course.val_loss, 2)
        errors = 1 - course.val_accuracy
        grown = end_level(errors, 2) / max(float(errors[turn]), 1e-3)
        if least > 0 and last / least >= 1.4 and last / least > 1.4 * grown and len(course) - 1 - turn >= 2:
            yield Finding(
                Code.MISCALIBRATION,
                Severity.WARNING if last / least >= 1.8 else Severity.INFO,
                0.75,
                f"From epoch {course.epochs[turn]} on the validation loss grows {last / least:.2f} times but "
                f"the errors only {grown:.2f} times: wrong answers are given with more and more confidence.",
                "Scale the temperature on validation, smooth the labels, or stop earlier; do not read the "
                "outputs as probabilities.",
                refuted_by="a reliability diagram on the diagonal",
                details={
                    "val_loss_ratio": round(float(course.val_loss[-1]) / least, 2),
                    "error_ratio": round(grown, 2),
                },
            )
            return
        if (found := _by_level(course)) is not None:
            yield found
            return
    yield from _by_probabilities(evidence)
    yield from _by_figures(evidence)


def _by_level(course: Course) -> Finding | None:
    """The validation loss is too large for so few errors over the last epochs."""
    if course.val_loss is None or course.val_accuracy is None or course.loss is None:
        return None
    loss, wrong = end_level(course.val_loss), 1 - end_level(course.val_accuracy)
    if not 0.005 < wrong < 0.3 or loss < 0.3 or loss / wrong < 12 + np.log(course.classes or 2):
        return None
    if loss < 3 * end_level(course.loss):
        # As large on training: a penalty on the weights is part of it.
        return None
    return Finding(
        Code.MISCALIBRATION,
        Severity.WARNING,
        0.75,
        f"A validation loss of {loss:.3g} at an error rate of {wrong:.1%} is {loss / wrong:.0f} nats per "
        "error: wrong answers are given with certainty.",
        "Fit a temperature on the development set, smooth the labels, or stop earlier.",
        refuted_by="a reliability diagram on the diagonal",
        details={"val_loss": round(loss, 4), "error_rate": round(wrong, 4)},
    )


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
        right = np.where(sure >= 0.5, hits, 1 - hits)
    else:
        names = evidence.column_classes
        if names is None:
            return
        chosen = [names[one] for one in given.y_prob.argmax(axis=1)]
        hits = np.array([one == true for one, true in zip(chosen, given.y_true.tolist(), strict=True)], float)
        sure, right = given.y_prob.max(axis=1), hits
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
    over = float(np.maximum(sure, 1 - sure).mean() if given.y_prob.ndim == 1 else sure.mean()) > right.mean()
    yield Finding(
        Code.MISCALIBRATION,
        Severity.WARNING,
        min(0.95, 0.75 + float(error)),
        f"Stated probabilities differ from observed shares by {error:.1%} on average (ECE, 10 bins, n = "
        f"{len(sure):,}; Spiegelhalter z = {z:.1f}): the model is too {'sure' if over else 'unsure'}.",
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
                else f"A log loss of {one.loss:.3g} at an error rate of {wrong:.1%} is "
                f"{(one.loss or 0) / (wrong or 1):.1f} nats per error: wrong answers are given with certainty"
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
