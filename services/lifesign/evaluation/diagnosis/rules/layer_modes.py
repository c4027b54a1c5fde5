"""Layers that act differently in training and evaluation."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.mode_gaps import (
    MODE_REMEDY,
    constant_scores,
    gap_from_the_start,
    loss_that_comes_back,
    useless_validation,
)
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["train_inference_mode_mismatch"]


def train_inference_mode_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Layers that act differently in training and evaluation: good training, wild or constant evaluation.

    Proved by two figures of the same data, 10 points of accuracy apart or three times in loss; else taken
    from a gap of more than 20 points that is there from the first epoch on.
    """
    rules = (
        _forced,
        _answers_differ,
        _validated_on_training,
        _training_evaluated,
        _said_to_be_wrong,
        useless_validation,
        gap_from_the_start,
        loss_that_comes_back,
        constant_scores,
    )
    found = next((one for rule in rules if (one := rule(evidence, course)) is not None), None)
    if found is not None:
        yield found


def _forced(evidence: Evidence, course: Course | None) -> Finding | None:
    """The notes switch the training mode on where the model is asked."""
    setup = evidence.setup
    if not setup.says(
        r"learning_phase\s*\(?\s*1",
        r"set_learning_phase\(\s*(1|true)",
        r"training\s*=\s*true",
        r"\.train\(\) (left|still|in) ",
        r"(without|forgot|no|missing)[^.\n]{0,15}(\.eval\(\)|model\.eval)",
    ):
        return None
    differs = _report_against_log(evidence, course)
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING if differs else Severity.INFO,
        0.9 if differs else 0.8,
        "The notes force the training mode at inference "
        f"({setup.quote('learning_phase', 'training', 'eval')}): dropout goes on dropping, normalisation "
        "uses the statistics of the batch, so figures are noisy and pessimistic"
        + (f"; {differs}" if differs else "")
        + ".",
        "Leave the phase to fit, evaluate and predict; set it only where an uncertainty is wanted.",
        refuted_by="two predictions of the same input being equal",
        details={} if differs is None else {"report_and_log": differs},
    )


def _report_against_log(evidence: Evidence, course: Course | None) -> str | None:
    report = evidence.report
    if report is None or course is None or course.val_accuracy is None or not report.n:
        return None
    by_log = float(course.val_accuracy[-1]) * report.n
    exact = np.all(report.support <= 10**report.decimals)
    right = report.correct
    if not exact or abs(right - round(right)) > 0.05 * len(report.names) or abs(right - by_log) < 1.5:
        return None
    return (
        f"the report's recalls add up to {round(right):,} right of {report.n:,}, the log's accuracy to "
        f"{round(by_log):,}"
    )


def _answers_differ(evidence: Evidence, course: Course | None) -> Finding | None:
    """The same rows asked again and again give other figures each time: something random is on at
    inference.
    """
    asked: dict[tuple[str, int | None, str], list[float]] = {}
    for one in evidence.evaluations:
        if one.accuracy is not None and re.search(
            r"\b(call|pass|again|time|predict\w*)\b", one.method.lower()
        ):
            key = (one.split, one.n, re.sub(r"\d+|first|second|third", "", one.method.lower()))
            asked.setdefault(key, []).append(one.accuracy)
    for (split, n, _), shown in asked.items():
        if len(shown) >= 2 and len(set(shown)) > 1:
            return Finding(
                Code.TRAIN_INFERENCE_MODE_MISMATCH,
                Severity.ERROR,
                0.9,
                f"The same {n or ''} rows of {split} give {', '.join(f'{value:.2%}' for value in shown)} "
                "when asked again: dropout or another random layer is on at inference.",
                MODE_REMEDY,
                refuted_by="two predictions of the same input being equal",
                details={"accuracies": shown},
            )
    return None


def _validated_on_training(evidence: Evidence, course: Course | None) -> Finding | None:
    """The validation data are the training data: a gap between the two is one of mode."""
    if not evidence.setup.validates_on_training or course is None:
        return None
    if course.accuracy is None or course.val_accuracy is None:
        return _losses_on_training(course)
    shown, again = end_level(course.accuracy, 2), end_level(course.val_accuracy, 2)
    if shown - again < 0.1:
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.95,
        f"Validation is on the training data themselves, and yet {shown:.1%} become {again:.1%}: only layers "
        "that act differently in training and inference can do that.",
        MODE_REMEDY,
        refuted_by="validation data that differ from the training data after all",
        excluded=("overfitting: the data are the same", "leakage: the overlap is intended here"),
        details={"training": round(shown, 4), "evaluated": round(again, 4)},
    )


def _losses_on_training(course: Course) -> Finding | None:
    if course.loss is None or course.val_loss is None:
        return None
    low, high = end_level(course.loss, 2), end_level(course.val_loss, 2)
    if high < 3 * max(low, 1e-3):
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.95,
        f"Validation is on the training data themselves, and yet a loss of {low:.3g} becomes {high:.3g}: "
        "only layers that act differently in training and inference can do that.",
        MODE_REMEDY,
        refuted_by="validation data that differ from the training data after all",
        excluded=("overfitting: the data are the same",),
        details={"loss": low, "val_loss": high},
    )


def _training_evaluated(evidence: Evidence, course: Course | None) -> Finding | None:
    """The training data are found far worse when they are evaluated than while they trained."""
    found = _trained_and_evaluated(evidence, course)
    if found is None:
        return None
    shown, again, what = found
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.9,
        f"On the same training data the model gets {shown:.1%} while it trains and {again:.1%} when it "
        f"is evaluated{what}: only the mode of its layers differs.",
        MODE_REMEDY,
        refuted_by="training and inference mode giving equal outputs for one batch",
        excluded=("overfitting: the data are those of the training",),
        details={"training": round(shown, 4), "evaluated": round(again, 4)},
    )


_WRONG_AGAIN = (
    r"(predict|evaluat)\w*[^.\n]{0,40}\b(same|training)\b[^.\n]{0,20}\b(images?|data|rows|samples|batch|set)\b"
    r"[^.\n]{0,40}\b(wrong|random|poor|useless|chance|bad)\b",
)


def _said_to_be_wrong(evidence: Evidence, course: Course | None) -> Finding | None:
    """The notes say that the training data, asked again, are answered wrongly."""
    if course is None or course.accuracy is None or not evidence.setup.says(*_WRONG_AGAIN):
        return None
    shown = end_level(course.accuracy, 2)
    if shown < 0.9 or not (evidence.setup.has_batch_normalisation or evidence.setup.has_dropout):
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.8,
        f"Training ends at {shown:.1%}, and by the notes the same data are answered wrongly afterwards: "
        f"{evidence.setup.quote(*_WRONG_AGAIN)}.",
        MODE_REMEDY,
        refuted_by="training and inference mode giving equal outputs for one batch",
        excluded=("overfitting: the data are those of the training",),
        details={"training": round(shown, 4)},
    )


_WHILE_TRAINING = ("fit", "train mode", "training mode", "training=true", "last epoch", "log")


def _trained_and_evaluated(evidence: Evidence, course: Course | None) -> tuple[float, float, str] | None:
    """Return the training accuracy while training and evaluated, 12 points or more below, and by what."""
    for one in evidence.evaluations:
        if not one.is_of_training or one.accuracy is None:
            continue
        method = re.sub(r"\bafter (the )?(fit|training)\b", "", one.method.lower())
        if any(word in method for word in _WHILE_TRAINING):
            continue
        if course is not None and course.accuracy is not None:
            shown = float(np.nanmax(course.accuracy[-2:]))
        else:
            better = (
                other.accuracy
                for other in evidence.evaluations
                if other.split == one.split and (other.accuracy or 0.0) > one.accuracy
            )
            shown = next(better, None) or 0.0
        if shown - one.accuracy > 0.12:
            return shown, one.accuracy, f" ({one.method})" if one.method else ""
    return None
