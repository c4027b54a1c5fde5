"""Metrics that cannot measure the task."""

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.number_metrics import accuracy_of_a_number

__all__ = ["metric_task_mismatch", "shown_accuracies"]


def metric_task_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """A metric that cannot measure the task."""
    yield from _binary_accuracy(evidence, course)
    yield from accuracy_of_a_number(evidence, course)
    yield from _same_answers(evidence)
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
    if course is not None and course.loss is not None and float(np.nanmin(course.loss)) < 0:
        # Binary cross-entropy of one-hot labels is never below 0: here the labels are none.
        return
    shown = shown_accuracies(evidence, course)
    floor = 1 - 1 / classes
    true = _argmax_accuracy(evidence)
    expected = None if true is None else 1 - 2 * (1 - true) / classes
    agrees = expected is not None and any(
        abs(expected - value) < (0.006 if round(value, 2) == value else 0.001) for value in shown
    )
    same_kind = [one.accuracy or 0.0 for one in evidence.evaluations if not _is_argmax(one.method)]
    by_figures = (
        agrees
        and true is not None
        and setup.loss in (None, "binary_crossentropy")
        and max(same_kind, default=0.0) - true > 0.005
    )
    if not ((per_output and setup.says(r"acc")) or (per_output and shown) or named or by_figures):
        return
    sentence = (
        f"Under binary cross-entropy 'accuracy' counts each of the {classes} outputs by itself: answering 0 "
        f"everywhere already gives 1 − 1/{classes} = {floor:.4f}."
    )
    if expected is not None:
        sentence += (
            f" A wrong answer costs two of {classes} cells, so a true accuracy of {true:.4g} shows as 1 − "
            f"2·{1 - (true or 0):.3g}/{classes} = {expected:.4f}."
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


def _same_answers(evidence: Evidence) -> Iterator[Finding]:
    """Two evaluations with one loss and two accuracies: the same answers, counted by another metric."""
    for one, other in combinations(evidence.scored, 2):
        if one.loss is None or other.loss is None or one.split != other.split:
            continue
        first, second = one.accuracy or 0.0, other.accuracy or 0.0
        is_same = one.loss != 0 and abs(one.loss - other.loss) < 1e-5 * abs(one.loss)
        if (
            not is_same
            or len(f"{one.loss:.10g}".strip("-0.").replace(".", "")) < 5
            or abs(first - second) < 0.02
        ):
            continue
        yield Finding(
            Code.METRIC_TASK_MISMATCH,
            Severity.ERROR,
            0.9,
            f"The loss is {one.loss:.7g} both times, so the outputs are the same, yet accuracy is "
            f"{first:.2%} and {second:.2%}: 'accuracy' is another metric in one of them, for labels "
            "coded otherwise.",
            "Compile the loaded model with the metric by its full name (sparse_categorical_accuracy for "
            "whole numbers, categorical_accuracy for one-hot labels, binary_accuracy for one output).",
            refuted_by="other outputs for the same input",
            excluded=("lost weights and other inputs: they would change the loss",),
            details={"loss": one.loss, "accuracies": [first, second]},
        )
        return


def shown_accuracies(evidence: Evidence, course: Course | None) -> list[float]:
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
    return evidence.matrix_accuracy


def _top_k(evidence: Evidence) -> Iterator[Finding]:
    """Top-k accuracy with k not below the number of classes is 1 by definition."""
    classes = evidence.classes
    if (always := _top_k_of_all(evidence)) is not None:
        yield always
        return
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


def _top_k_of_all(evidence: Evidence) -> Finding | None:
    """A top-k accuracy of exactly 1 in every epoch, from the first on, while the loss still falls."""
    curves = evidence.curves
    if curves is None or len(curves) < 2 or curves.loss is None or np.nanmin(curves.loss) < 0.02:
        return None
    named = [name for name in curves.series if re.search(r"top[_\- ]?(k|\d)", name)]
    if not named or any(not np.all(curves.series[name] == 1) for name in named):
        return None
    return Finding(
        Code.METRIC_TASK_MISMATCH,
        Severity.WARNING,
        0.85,
        f"{named[0]} is exactly 1 in all {len(curves)} epochs, the first included, at losses of "
        f"{curves.loss[0]:.3g} to {curves.loss[-1]:.3g}: a k that is not below the number of classes (5 "
        "where none is named) gives 1 for any answer.",
        "Use a k below the number of classes, or the plain accuracy.",
        refuted_by="more classes than k",
    )
