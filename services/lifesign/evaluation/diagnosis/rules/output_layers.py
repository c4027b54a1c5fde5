"""Output layer and loss against each other."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.metric_choice import shown_accuracies
from lifesign.evaluation.diagnosis.setup import Setup
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["wrong_loss_activation_pair"]

_CROSS_ENTROPIES = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")


_PAIRS_REMEDY = (
    "Two classes: Dense(1, sigmoid) with binary cross-entropy. K classes: Dense(K, softmax) with "
    "categorical (one-hot) or sparse categorical (integers) cross-entropy. Several labels at once: Dense(K, "
    "sigmoid) with binary cross-entropy. A number: a linear output with a squared or absolute error."
)


def wrong_loss_activation_pair(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Output units, activation and loss against each other, from the notes; else from the curves."""
    if found := _wrong_by_setup(evidence):
        why, confidence, severity = found
        shown = shown_accuracies(evidence, course)
        if evidence.setup.from_logits and shown and max(shown) > 0.9:
            # It learns all the same: a slip, not what went wrong.
            confidence, severity = 0.6, Severity.WARNING
        output, loss = evidence.setup.output, evidence.setup.loss
        yield Finding(
            Code.WRONG_LOSS_ACTIVATION_PAIR,
            severity,
            confidence,
            why,
            _PAIRS_REMEDY,
            refuted_by="another output layer or loss than the notes give",
            details={
                "output": f"Dense({output.units if output.units else '?'}) {output.activation or '?'}",
                "loss": loss,
            },
        )
        return
    yield from _out_of_reach(evidence, course)
    yield from _loss_of_nothing(evidence, course)
    yield from _loss_and_accuracy_fall_together(course)


def _out_of_reach(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """A squared error that targets within the range of the output could not have."""
    setup = evidence.setup
    width = {"tanh": 2.0, "sigmoid": 1.0}.get(setup.output.activation or "")
    if course is None or course.loss is None or width is None:
        return
    if setup.loss not in ("mse", "mean_squared_error") or setup.has_penalty or setup.output.units is None:
        return
    level = end_level(course.loss)
    if not np.isfinite(level) or level <= width**2:
        return
    yield Finding(
        Code.WRONG_LOSS_ACTIVATION_PAIR,
        Severity.ERROR,
        0.9,
        f"The squared error ends at {level:.4g}, a distance of {level**0.5:.4g}; between outputs of a "
        f"{setup.output.activation} and targets in its range it is at most {width:g}. The targets lie where "
        "the output cannot come.",
        _PAIRS_REMEDY,
        refuted_by="targets within the range of the output",
        details={"loss": round(level, 4)},
    )


def _loss_of_nothing(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Loss 0 with wrong answers: the cross-entropy of a softmax over a single output."""
    for one in evidence.evaluations:
        if one.loss == 0 and one.accuracy is not None and 0 < one.accuracy < 0.98:
            yield _costless(f"The loss on {one.split or 'the evaluated set'} is 0", 1 - one.accuracy)
            return
    if course is None or course.loss is None or course.accuracy is None or len(course) < 2:
        return
    wrong = 1 - course.accuracy
    if np.nanmax(np.abs(course.loss)) < 1e-6 and np.nanmin(wrong) > 0.02 and np.nanmin(course.accuracy) > 0:
        yield _costless("The loss is 0 in every epoch", float(np.nanmedian(wrong)))


def _costless(loss: str, wrong: float) -> Finding:
    return Finding(
        Code.WRONG_LOSS_ACTIVATION_PAIR,
        Severity.ERROR,
        0.85,
        f"{loss} with {wrong:.1%} of the answers wrong, which no cross-entropy over two or more outputs can "
        "be: softmax over one output is always 1, and costs nothing.",
        _PAIRS_REMEDY,
        refuted_by="more than one output unit, and targets that are not all zero",
        details={"error_rate": round(wrong, 4)},
    )


def _wrong_by_setup(evidence: Evidence) -> tuple[str, float, Severity] | None:
    setup = evidence.setup
    units, activation, loss = setup.output.units, setup.output.activation, setup.loss
    classes = evidence.n_classes or setup.classes_named
    if units == 1 and activation == "softmax":
        return ("Softmax over one unit is 1.0 for every input, whatever the weights.", 0.97, Severity.ERROR)
    if setup.from_logits and activation in ("softmax", "sigmoid"):
        return (
            f"The output has a {activation} already, and from_logits=True applies it again.",
            0.9,
            Severity.ERROR,
        )
    if setup.is_regression and activation in ("softmax", "sigmoid") and setup.says(r"regress"):
        return (
            f"A {activation} keeps the output within 0–1, but the target is a number.",
            0.8,
            Severity.WARNING,
        )
    if loss in _CROSS_ENTROPIES:
        return _wrong_for_cross_entropy(setup, loss, classes)
    if loss is None and units == 1 and classes and classes > 2 and not setup.is_regression:
        return (f"One output unit cannot tell {classes} classes apart.", 0.85, Severity.ERROR)
    if loss == "hinge" and activation in ("sigmoid", "softmax"):
        return (
            f"Hinge loss expects −1/1 and a tanh or linear output, got {activation}.",
            0.8,
            Severity.WARNING,
        )
    return None


def _wrong_for_cross_entropy(
    setup: Setup, loss: str, classes: int | None
) -> tuple[str, float, Severity] | None:
    units, activation = setup.output.units, setup.output.activation
    if units == 1 and loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        return (
            f"{loss} needs one output per class; over a single unit the loss is constant or meaningless.",
            0.95,
            Severity.ERROR,
        )
    if units == 1 and classes and classes > 2:
        return (f"One output unit cannot tell {classes} classes apart.", 0.95, Severity.ERROR)
    if activation in ("relu", "tanh", "elu") and (
        units is not None or setup.says(r"\b(last|output|final)\b")
    ):
        return (f"{loss} expects probabilities, but the output layer is {activation}.", 0.9, Severity.ERROR)
    if (
        activation == "sigmoid"
        and loss != "binary_crossentropy"
        and units != 1
        and not setup.says(r"multi-?label")
    ):
        return (
            f"{loss} expects outputs that add up to 1 (softmax), but they are {units or 'K'} independent "
            "sigmoids.",
            0.85,
            Severity.WARNING,
        )
    if (
        activation == "linear"
        and not setup.from_logits
        and (units in (1, classes) or setup.says(r"activation\s*=\s*'linear'"))
    ):
        return (
            f"{loss} expects probabilities, but Dense({units}) has no activation and from_logits is not set: "
            "the loss clips raw scores to 0–1 while the accuracy rounds them.",
            0.9 if units == 1 else 0.75,
            Severity.ERROR,
        )
    if units and classes and 1 < units < classes:
        return (f"{units} outputs for {classes} classes.", 0.85, Severity.ERROR)
    if activation == "softmax" and loss == "binary_crossentropy" and units and units > 2:
        return (
            f"Binary cross-entropy treats the {units} softmax outputs as {units} independent questions.",
            0.6,
            Severity.WARNING,
        )
    return None


def _loss_and_accuracy_fall_together(course: Course | None) -> Iterator[Finding]:
    """Training loss goes on falling while training accuracy falls: no loss does that with its own metric."""
    if course is None or course.loss is None or course.accuracy is None or len(course) < 5:
        return
    loss, accuracy = course.loss, course.accuracy
    peak = int(np.nanargmax(accuracy))
    tail = len(course) - 1 - peak
    if tail < 3 or accuracy[peak] < 0.6:
        return
    lost = accuracy[peak] - accuracy[-1]
    steady = np.all(np.diff(loss[peak:]) < 0) and np.mean(np.diff(accuracy[peak:]) < 0) >= 0.75
    if steady and lost > 0.03 and loss[-1] < 0.9 * loss[peak]:
        yield Finding(
            Code.WRONG_LOSS_ACTIVATION_PAIR,
            Severity.WARNING,
            0.75,
            f"From epoch {course.epochs[peak]} on the training loss falls in each epoch ({loss[peak]:.4g} to "
            f"{loss[-1]:.4g}) while the accuracy on the same data falls from {accuracy[peak]:.1%} to "
            f"{accuracy[-1]:.1%}: loss and metric read the outputs in different ways.",
            _PAIRS_REMEDY,
            refuted_by="accuracy worked out by hand from the outputs rising with the loss",
            excluded=("overfitting: it would raise the accuracy on the training data",),
            details={"from_epoch": course.epochs[peak], "accuracy_lost": round(float(lost), 4)},
        )
