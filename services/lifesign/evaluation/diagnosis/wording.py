"""A diagnosis in the words of a colleague: what the figures say, what to try first, what is usual."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from lifesign.evaluation.diagnosis.course import Course, course_of
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import DEFINITIONS, Code, Finding

__all__ = ["first_step", "headline", "no_worries", "percent", "reading", "title_of"]

_TITLES = {
    Code.NO_PROBLEM: "Nothing wrong to be seen",
    Code.NAN_LOSS: "Loss is not a number",
    Code.LEARNING_RATE_TOO_HIGH: "Learning rate too high",
    Code.LEARNING_RATE_TOO_LOW: "Learning rate too low",
    Code.WRONG_LOSS_ACTIVATION_PAIR: "Output and loss do not belong together",
    Code.TRAIN_INFERENCE_MODE_MISMATCH: "Training and inference mode differ",
    Code.SUSPECTED_LEAKAGE: "Leakage is likely",
    Code.GENERATOR_ORDER_MISMATCH: "Labels and predictions in different orders",
    Code.METRIC_TASK_MISMATCH: "Metric does not fit the task",
    Code.PREPROCESS_MISMATCH: "Inputs prepared differently",
    Code.LOSS_NOT_COMPARABLE: "Losses cannot be compared",
    Code.INCONSISTENT_INPUTS: "Figures contradict each other",
    Code.ACCURACY_PARADOX: "Accuracy says little here",
    Code.VALIDATION_TEST_MISMATCH: "Validation and test disagree",
    Code.LABEL_ENCODING_MISMATCH: "Labels coded otherwise than expected",
    Code.CHANCE_LEVEL: "No better than a guess",
}
_SWINGING = {Code.UNSTABLE_VALIDATION, Code.VALIDATION_TOO_SMALL}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# What a validation above training can also mean: then it is not usual.
_ABOVE_TRAINING = {
    Code.SUSPECTED_LEAKAGE,
    Code.TRAIN_INFERENCE_MODE_MISMATCH,
    Code.PREPROCESS_MISMATCH,
    Code.LOSS_NOT_COMPARABLE,
    Code.EMPTY_VALIDATION,
    Code.UNSHUFFLED_VALIDATION_SPLIT,
}


def title_of(code: Code) -> str:
    """Return a finding's name for people."""
    return _TITLES.get(code) or code.value.replace("_", " ").capitalize()


def percent(share: float) -> str:
    """Return a share as the pages have it: one decimal place."""
    return f"{share:.1%}"


def headline(findings: Sequence[Finding]) -> str:
    """Return one sentence on the first finding, and how many others matter."""
    alarms = [finding for finding in findings if finding.is_alarm]
    if not alarms:
        is_judged = any(finding.confidence > 0.5 for finding in findings)
        return "Nothing needs acting on." if is_judged else "Nothing could be judged."
    first, others = alarms[0], len(alarms) - 1
    meaning = DEFINITIONS[first.code]
    sentence = f"{title_of(first.code)}: {meaning[0].lower()}{meaning[1:]}"
    if not others:
        return sentence
    count = _NUMBERS[others] if others < len(_NUMBERS) else str(others)
    return f"{sentence} {count.capitalize()} more finding{' follows' if others == 1 else 's follow'}."


def first_step(findings: Sequence[Finding]) -> str:
    """Return what to try first: the first step of the first finding to act on; empty where there is none."""
    remedy = next((finding.remedy for finding in findings if finding.is_alarm), "")
    return re.split(r"; |(?<=\w\w)\. ", remedy)[0].rstrip(".") + "." if remedy else ""


def reading(evidence: Evidence) -> list[str]:
    """Return what curves, matrix and figures say, a plain sentence each; the first things first."""
    sentences = [*_of_curves(evidence), *_of_matrix(evidence), *_of_the_rest(evidence)]
    return sentences or ["Nothing that could be read as figures."]


def _of_curves(evidence: Evidence) -> Iterator[str]:
    course = course_of(evidence)
    if evidence.curves is None or course is None:
        return
    runs = len(evidence.curves.run_starts)
    epochs = len(course)
    if runs > 1:
        judged = "they are judged as one" if epochs == len(evidence.curves) else f"{epochs} are judged"
        yield f"The log has {len(evidence.curves)} epochs of {runs} runs; {judged}."
    yield from _of_losses(course)
    ends = [
        f"{name} ends at {percent(values[-1])}"
        for name, values in (
            ("training accuracy", course.accuracy),
            ("validation accuracy", course.val_accuracy),
        )
        if values is not None and np.isfinite(values[-1])
    ]
    if ends:
        best = ""
        if course.val_accuracy is not None and epochs > 1:
            place = int(np.nanargmax(course.val_accuracy))
            shown = percent(course.val_accuracy[place])
            if shown != percent(course.val_accuracy[-1]):
                best = f" (best {shown} at epoch {course.epochs[place]})"
        yield f"{_capital(', '.join(ends))}{best}."


def _of_losses(course: Course) -> Iterator[str]:
    epochs = len(course)
    over = f"over {epochs} epochs" if epochs > 1 else "in the one epoch"
    loss, val_loss = course.loss, course.val_loss
    if loss is not None and np.isfinite(loss[[0, -1]]).all():
        yield f"Training loss {_moves(float(loss[0]), float(loss[-1]), epochs)} {over}."
    if val_loss is None or course.best is None or not np.isfinite(val_loss[-1]):
        return
    least, last = float(val_loss[course.best]), float(val_loss[-1])
    if epochs == 1:
        yield f"Validation loss is {last:.4g}."
    elif course.best == epochs - 1:
        yield f"Validation loss is at its best in the last epoch: {last:.4g}."
    else:
        after = "and is back" if last <= 1.02 * abs(least) else "and stands"
        yield (
            f"Validation loss is best at epoch {course.epochs[course.best]} ({least:.4g}) {after} at "
            f"{last:.4g} in the end."
        )


def _moves(first: float, last: float, epochs: int) -> str:
    if epochs == 1:
        return f"is {last:.4g}"
    if abs(last - first) <= 0.01 * abs(first):
        return f"stays at {first:.4g}"
    return f"{'falls' if last < first else 'rises'} from {first:.4g} to {last:.4g}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _of_matrix(evidence: Evidence) -> Iterator[str]:
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is None or not matrix.sum():
        if report is not None:
            found = "" if not report.n else f", of which {percent(report.correct / report.n)} are right"
            classes = "one class" if len(report.names) == 1 else f"{len(report.names)} classes"
            yield f"The report covers {report.n:,} samples of {classes}{found}."
        return
    support = matrix.sum(axis=1)
    yield (
        f"Of {int(matrix.sum()):,} samples in {len(matrix)} classes {percent(matrix.trace() / matrix.sum())} "
        "are right."
    )
    seen = np.flatnonzero(support)
    if len(seen) < 2:
        return
    recall = np.diag(matrix)[seen] / support[seen]
    best, worst = int(seen[recall.argmax()]), int(seen[recall.argmin()])
    if best != worst:
        row = matrix[worst].copy()
        row[worst] = 0
        taken = f", and most often taken for {evidence.called(int(row.argmax()))}" if row.any() else ""
        yield (
            f"Found best is {evidence.called(best)} ({percent(recall.max())} of {int(support[best]):,}), "
            f"least {evidence.called(worst)} ({percent(recall.min())} of {int(support[worst]):,}){taken}."
        )


def _of_the_rest(evidence: Evidence) -> Iterator[str]:
    for one in evidence.evaluations[:4]:
        if one.metrics:
            figures = ", ".join(f"{name} {value:.4g}" for name, value in list(one.metrics.items())[:4])
            yield f"Evaluated{f' on {one.split}' if one.split else ''}: {figures}."
    for name, counts in evidence.counts.items():
        sizes = counts.by_class
        if len(sizes) >= 2:
            large, small = max(sizes, key=lambda key: sizes[key]), min(sizes, key=lambda key: sizes[key])
            yield (
                f"{_SETS.get(name, name.capitalize())}: {counts.size:,} samples of {len(sizes)} classes, "
                f"from {sizes[small]:,} to {sizes[large]:,} each."
            )
    notes = len(evidence.setup.notes)
    if notes:
        lines = "One line" if notes == 1 else f"{notes} lines"
        yield f"{lines} on the configuration {'was' if notes == 1 else 'were'} read."


_SETS = {"all": "All data", "train": "Training set", "validation": "Validation set", "test": "Test set"}


def no_worries(evidence: Evidence, findings: Sequence[Finding]) -> list[str]:
    """Return what looks odd and is not, with the reason, a sentence each."""
    course = course_of(evidence)
    found = {finding.code for finding in findings}
    sentences: list[str] = []
    if course is not None:
        sentences += _validation_above(course, found)
        sentences += _wiggles(course, found)
    return sentences


def _validation_above(course: Course, found: set[Code]) -> Iterator[str]:
    loss, val_loss = course.loss, course.val_loss
    if loss is None or val_loss is None or found & _ABOVE_TRAINING or len(course) < 2:
        return
    below = int(np.sum(val_loss < loss))
    if below >= 0.5 * len(course):
        yield (
            f"Validation loss is below training loss in {below} of {len(course)} epochs. That is usual: "
            "dropout, augmentation and penalties act in training only, and the training figure is an "
            "average over the epoch while the weights still improve."
        )


def _wiggles(course: Course, found: set[Code]) -> Iterator[str]:
    shown, n = course.val_accuracy, course.counted_validation
    if shown is None or not n or len(course) < 4 or found & _SWINGING:
        return
    steps = np.abs(np.diff(shown))
    usual = float(np.nanmedian(steps))
    error = course.validation_error(float(np.nanmean(shown)))
    if 0 < usual <= 2 * error:
        yield (
            f"Validation accuracy moves by {percent(usual)} from epoch to epoch. With {n:,} samples it is "
            f"only known to ±{percent(2 * error)}, so smaller moves mean nothing."
        )
