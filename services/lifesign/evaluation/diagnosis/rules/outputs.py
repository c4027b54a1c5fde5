"""Output layer, loss and metric: whether they belong together, and how outputs at the clip betray themselves."""

import math
import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["metric_task_mismatch", "saturated_outputs", "wrong_loss_activation_pair"]

# −ln of the clip of a probability: Keras' 1e-7; float32's 1 − 1e-7 as it is rounded; TensorFlow's
# log(p + 1e-7) in its variants; scikit-learn's 1e-15 and float64's epsilon; Caffe's least float32; PyTorch's limit.
CLIPS = (16.118, 15.942, 15.425, 15.333, 15.249, 34.539, 36.044, 87.3365, 100.0)
_CROSS_ENTROPIES = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
_PAIRS_REMEDY = (
    "Two classes: Dense(1, sigmoid) with binary cross-entropy. K classes: Dense(K, softmax) with categorical "
    "(one-hot) or sparse categorical (integers) cross-entropy. Several labels at once: Dense(K, sigmoid) with "
    "binary cross-entropy. A number: a linear output with a squared or absolute error."
)


def wrong_loss_activation_pair(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Output units, activation and loss against each other, from the notes; else from the curves."""
    if found := _wrong_by_setup(evidence):
        why, confidence, severity = found
        shown = _shown_accuracies(evidence, course)
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
    yield from _loss_of_nothing(course)
    yield from _loss_and_accuracy_fall_together(course)


def _loss_of_nothing(course: Course | None) -> Iterator[Finding]:
    """Loss 0 with wrong answers: the cross-entropy of a softmax over a single output."""
    if course is None or course.loss is None or course.accuracy is None or len(course) < 2:
        return
    wrong = 1 - course.accuracy
    if np.nanmax(np.abs(course.loss)) < 1e-6 and np.nanmin(wrong) > 0.02 and np.nanmin(course.accuracy) > 0:
        yield Finding(
            Code.WRONG_LOSS_ACTIVATION_PAIR,
            Severity.ERROR,
            0.85,
            f"The loss is 0 in every epoch with {np.nanmedian(wrong):.1%} of the answers wrong, which no cross-entropy over two "
            "or more outputs can be: softmax over one output is always 1, and costs nothing.",
            _PAIRS_REMEDY,
            refuted_by="more than one output unit, and targets that are not all zero",
            details={"error_rate": round(float(np.nanmedian(wrong)), 4)},
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
    if loss not in _CROSS_ENTROPIES:
        if loss == "hinge" and activation in ("sigmoid", "softmax"):
            return (
                f"Hinge loss expects −1/1 and a tanh or linear output, got {activation}.",
                0.8,
                Severity.WARNING,
            )
        return None
    if units == 1 and loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        return (
            f"{loss} needs one output per class; over a single unit the loss is constant or meaningless.",
            0.95,
            Severity.ERROR,
        )
    if units == 1 and classes and classes > 2:
        return (f"One output unit cannot tell {classes} classes apart.", 0.95, Severity.ERROR)
    if activation in ("relu", "tanh", "elu") and units is not None:
        return (f"{loss} expects probabilities, but the output layer is {activation}.", 0.9, Severity.ERROR)
    if (
        activation == "sigmoid"
        and loss != "binary_crossentropy"
        and units != 1
        and not setup.says(r"multi-?label")
    ):
        return (
            f"{loss} expects outputs that add up to 1 (softmax), but they are {units or 'K'} independent sigmoids.",
            0.85,
            Severity.WARNING,
        )
    if activation == "linear" and not setup.from_logits and units in (1, classes):
        return (
            f"{loss} expects probabilities, but Dense({units}) has no activation and from_logits is not set: the "
            "loss clips raw scores to 0–1 while the accuracy rounds them.",
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
            f"From epoch {peak + 1} on the training loss falls in each epoch ({loss[peak]:.4g} to {loss[-1]:.4g}) "
            f"while the accuracy on the same data falls from {accuracy[peak]:.1%} to {accuracy[-1]:.1%}: loss and "
            "metric read the outputs in different ways.",
            _PAIRS_REMEDY,
            refuted_by="accuracy worked out by hand from the outputs rising with the loss",
            excluded=("overfitting: it would raise the accuracy on the training data",),
            details={"from_epoch": peak + 1, "accuracy_lost": round(float(lost), 4)},
        )


def metric_task_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """A metric that cannot measure the task."""
    yield from _binary_accuracy(evidence, course)
    yield from _accuracy_of_a_number(evidence, course)
    yield from _top_k(evidence)


def _binary_accuracy(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Accuracy per output in place of per sample: K classes under binary cross-entropy."""
    setup, classes = evidence.setup, evidence.classes
    units = setup.output.units
    per_output = setup.loss == "binary_crossentropy" and setup.output.activation in (
        "sigmoid",
        "softmax",
        None,
    )
    named = evidence.curves is not None and "binary_accuracy" in evidence.curves.names.values()
    if not classes or classes < 3 or (units == 1) or setup.says(r"multi-?label"):
        return
    shown = _shown_accuracies(evidence, course)
    floor = 1 - 1 / classes
    true = _argmax_accuracy(evidence)
    expected = None if true is None else 1 - 2 * (1 - true) / classes
    agrees = expected is not None and any(
        abs(expected - value) < (0.006 if round(value, 2) == value else 0.001) for value in shown
    )
    by_figures = agrees and true is not None and max(shown) - true > 0.005
    if not ((per_output and setup.says(r"acc")) or (per_output and shown) or named or by_figures):
        return
    sentence = (
        f"Under binary cross-entropy 'accuracy' counts each of the {classes} outputs by itself: answering 0 "
        f"everywhere already gives 1 − 1/{classes} = {floor:.4f}."
    )
    if expected is not None:
        sentence += (
            f" A wrong answer costs two of {classes} cells, so a true accuracy of {true:.4g} shows as "
            f"1 − 2·{1 - (true or 0):.3g}/{classes} = {expected:.4f}."
        )
    elif shown:
        true = 1 - (1 - max(shown)) * classes / 2
        sentence += (
            f" The best figure shown, {max(shown):.4f}, is a true accuracy of about {max(true, 0):.2f}."
        )
    yield Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.ERROR,
        0.95 if agrees else 0.85,
        sentence,
        "Use categorical_accuracy, or a softmax with categorical cross-entropy.",
        refuted_by="the share of samples whose largest output is right agreeing with the figure",
        excluded=("overfitting and leakage: the gap comes from the metric",),
        details={
            "all_zero_floor": round(floor, 4),
            **({} if expected is None else {"predicted_binary_accuracy": round(expected, 4)}),
        },
    )


def _shown_accuracies(evidence: Evidence, course: Course | None) -> list[float]:
    shown = [
        one.accuracy
        for one in evidence.evaluations
        if one.accuracy is not None and not _is_argmax(one.method)
    ]
    for values in () if course is None else (course.accuracy, course.val_accuracy):
        if values is not None:
            shown.append(float(np.nanmax(values)))
    return shown


def _is_argmax(method: str) -> bool:
    return any(
        word in method.lower() for word in ("argmax", "by hand", "sklearn", "manual", "predict", "confusion")
    )


def _argmax_accuracy(evidence: Evidence) -> float | None:
    for one in evidence.evaluations:
        if one.accuracy is not None and _is_argmax(one.method):
            return one.accuracy
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum():
        return float(np.trace(matrix) / matrix.sum())
    return None


def _accuracy_of_a_number(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Accuracy of a regression: exact equality, which hardly ever happens."""
    for one in evidence.evaluations:
        continuous = {"r2", "mae", "rmse", "mean_absolute_error", "r2_score", "r_square"} & {name.lower() for name in one.metrics}
        if continuous and one.accuracy is not None and one.accuracy < 0.1:
            yield Finding(
                Code.METRIC_TASK_MISMATCH,
                Severity.WARNING,
                0.9,
                f"Accuracy {one.accuracy:.3g} beside {', '.join(sorted(continuous))} on {one.split}: a continuous prediction hardly "
                "ever equals its target.",
                "Report the mean absolute error (in the target's unit) or R² alone.",
                refuted_by="a target of classes",
            )
            return
    if course is None:
        return
    loss = course.loss
    accuracies = [values for values in (course.accuracy, course.val_accuracy) if values is not None]
    if not accuracies or loss is None:
        return
    top = max(float(np.nanmax(values)) for values in accuracies)
    if top <= 0.001 and len(course) >= 3 and float(np.nanmin(loss)) > 20 and not evidence.classes:
        yield Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.WARNING,
            0.85,
            f"Accuracy is {top:.3g} on all data in all {len(course)} epochs, with losses of {np.nanmin(loss):.4g} and more: that is "
            "the error of a number, which never equals its target, not of a class.",
            "Report the mean absolute error (in the target's unit) or R² instead.",
            refuted_by="a target of classes",
            excluded=("a missing class: the accuracy on the training data is as low",),
            details={"highest_accuracy": top},
        )
        return
    impossible = _loss_below_errors(evidence, course)
    if impossible is not None:
        yield impossible
        return
    falls = len(course) >= 2 and np.nanmin(loss) < 0.6 * np.nanmax(loss)
    worded = evidence.setup.is_regression
    by_figures = (
        falls and top <= 0.05 and (not course.classes or top < 0.5 / course.classes) and len(course) >= 3
    )
    still = all(np.nanmax(values) - np.nanmin(values) < 0.02 for values in accuracies)
    if worded or (by_figures and still):
        yield Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.WARNING,
            0.95 if worded else 0.75,
            f"Accuracy stays at {top:.4g} or below"
            + (
                f" while the training loss falls from {np.nanmax(loss):.4g} to {np.nanmin(loss):.4g}"
                if falls
                else ""
            )
            + ": for a continuous target it counts exact equality, which says nothing.",
            "Report the mean absolute error (in the target's unit) or R² instead.",
            refuted_by="a target of classes",
            excluded=("a missing class: the accuracy on the training data is as low",),
            details={"highest_accuracy": round(top, 4)},
        )


def _loss_below_errors(evidence: Evidence, course: Course) -> Finding | None:
    """A wrong answer has at most probability 1/2 for the truth: a cross-entropy below ln 2 per error is none."""
    if evidence.setup.loss in ("mse", "mae") and not evidence.setup.is_regression:
        return None
    for name, loss, accuracy in (
        ("validation", course.val_loss, course.val_accuracy),
        ("training", course.loss, course.accuracy),
    ):
        if loss is None or accuracy is None or evidence.setup.has_weights:
            continue
        least = float(np.nanmedian(loss[-3:]))
        wrong = 1 - float(np.nanmedian(accuracy[-3:]))
        if wrong < 0.3 or least <= 0 or least >= 0.2 * wrong * math.log(2):
            continue
        return Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.WARNING,
            0.8,
            f"A {name} loss of {least:.3g} leaves no room for {wrong:.0%} errors: each wrong answer alone costs at least "
            f"ln 2 = 0.693 of a cross-entropy, {wrong * math.log(2):.3g} together. The accuracy does not measure what "
            "the loss does, as with a continuous target.",
            "Report the mean absolute error (in the target's unit) or R² for a number, or check how labels reach the metric.",
            refuted_by="a target of classes and a cross-entropy",
            details={"loss": least, "error_rate": round(wrong, 4)},
        )
    return None


def _top_k(evidence: Evidence) -> Iterator[Finding]:
    """Top-k accuracy with k not below the number of classes is 1 by definition."""
    classes = evidence.classes
    names = list(evidence.curves.names.values()) if evidence.curves is not None else []
    names += [name for one in evidence.evaluations for name in one.metrics]
    text = " ".join(names).lower() + " " + evidence.setup.text
    if not classes or "top" not in text:
        return
    found = re.search(r"top[_\- ]?(\d+)|k\s*=\s*(\d+)", text)
    k = int(next(part for part in found.groups() if part)) if found else 5 if "top_k" in text else None
    if k is not None and k >= classes and re.search(r"top[_\- ]?(k|\d)", text):
        yield Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.WARNING,
            0.9,
            f"Top-{k} accuracy of {classes} classes is 1 for any answer.",
            f"Use a k below {classes}, or the plain accuracy.",
            details={"k": k, "classes": classes},
        )


def saturated_outputs(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Loss over error rate equal to a clip constant: every wrong answer is given with probability 0."""
    pairs = _loss_and_error(evidence, course)
    where: dict[str, list[tuple[float, float]]] = {}
    for name, loss, error, slack in pairs:
        if _clip(loss, error, slack):
            where.setdefault(name, []).append((loss, error))
    for name, hits in where.items():
        total = sum(1 for one in pairs if one[0] == name)
        if len(hits) < max(1, math.ceil(total / 2)):
            continue
        loss, error = hits[-1]
        ratio = loss / error
        clip = min(CLIPS, key=lambda value: abs(value - ratio))
        yield Finding(
            Code.SATURATED_OUTPUTS,
            Severity.WARNING,
            0.9 if len(hits) > 1 or error > 0.05 else 0.7,
            f"On {name} the loss is the error rate times {clip:g}: {loss:.6g} / {error:.6g} = {ratio:.4f} "
            f"= −ln {math.exp(-clip):.1g}, the clip. Every wrong answer is given with certainty: outputs are exactly "
            "0 or 1.",
            "Look for what drives the outputs to the ends: inputs that are not scaled, a wrong output activation, "
            "steps too large.",
            refuted_by="probabilities between 0 and 1 among the wrong answers",
            details={"loss_over_error_rate": round(ratio, 4), "clip": clip, "where": name},
        )
        return


def _loss_and_error(evidence: Evidence, course: Course | None) -> list[tuple[str, float, float, float]]:
    """Return (where, loss, error rate, rounding of the error rate) of all pairs with enough errors."""
    pairs = []
    for one in evidence.evaluations:
        if one.loss is not None and one.accuracy is not None:
            pairs.append((one.split or "the evaluated set", one.loss, 1 - one.accuracy, 5e-5))
    if course is not None:
        half = 0.5 * 10.0 ** -(course.curves.decimals or 4)
        for name, loss, accuracy in (
            ("validation", course.val_loss, course.val_accuracy),
            ("training", course.loss, course.accuracy),
        ):
            if loss is not None and accuracy is not None:
                pairs += [(name, float(l), float(1 - a), half) for l, a in zip(loss, accuracy, strict=True)]
    return [one for one in pairs if np.isfinite(one[1]) and one[2] > 0.01 and one[1] > 0.1]


def _clip(loss: float, error: float, slack: float) -> float | None:
    ratio = loss / error
    tolerance = 0.0004 + slack / error
    return next((clip for clip in CLIPS if abs(ratio / clip - 1) <= tolerance), None)
