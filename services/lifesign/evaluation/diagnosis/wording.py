"""A diagnosis in the words of a colleague: what stands out, what to try first, what not to worry about."""

from collections.abc import Sequence

from lifesign.evaluation.diagnosis.course import course_of
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding

__all__ = ["headline", "reading", "title_of"]

_TITLES = {
    Code.NO_PROBLEM: "Nothing wrong to be seen",
    Code.NAN_LOSS: "The loss is not a number",
    Code.LEARNING_RATE_TOO_HIGH: "Learning rate too high",
    Code.LEARNING_RATE_TOO_LOW: "Learning rate too low",
    Code.WRONG_LOSS_ACTIVATION_PAIR: "Output and loss do not belong together",
    Code.TRAIN_INFERENCE_MODE_MISMATCH: "Training and inference mode differ",
}


def title_of(code: Code) -> str:
    """Return a finding's name for people."""
    return _TITLES.get(code) or code.value.replace("_", " ").capitalize()


def headline(findings: Sequence[Finding]) -> str:
    """Return one sentence: the first finding, and how many others matter."""
    alarms = [finding for finding in findings if finding.is_alarm]
    if not alarms:
        return "Nothing needs acting on."
    others = len(alarms) - 1
    more = "" if not others else f", and {'one other finding' if others == 1 else f'{others} other findings'}"
    return f"{title_of(alarms[0].code)}{more}."


def reading(evidence: Evidence) -> list[str]:
    """Return what was looked at, a sentence each."""
    sentences = []
    course = course_of(evidence)
    if evidence.curves is not None and course is not None:
        runs = len(evidence.curves.run_starts)
        sentence = f"{len(evidence.curves)} epochs" + (f" in {runs} joined runs" if runs > 1 else "")
        if course.loss is not None and len(course) > 1:
            sentence += f"; training loss {course.loss[0]:.4g} → {course.loss[-1]:.4g}"
        if course.val_loss is not None and len(course) > 1 and course.best is not None:
            sentence += f"; validation loss {course.val_loss[0]:.4g} → {course.val_loss[-1]:.4g}, least {course.val_loss[course.best]:.4g} at epoch {course.best + 1}"
        if course.val_accuracy is not None:
            sentence += f"; validation accuracy ends at {course.val_accuracy[-1]:.1%}"
        sentences.append(sentence + ".")
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum():
        sentences.append(
            f"A confusion matrix of {len(matrix)} classes and {int(matrix.sum()):,} samples, "
            f"{matrix.trace() / matrix.sum():.1%} right."
        )
    elif evidence.report is not None:
        sentences.append(
            f"A report of {len(evidence.report.names)} classes and {evidence.report.n:,} samples."
        )
    if evidence.evaluations:
        sentences.append(f"{len(evidence.evaluations)} single evaluations.")
    if evidence.setup.notes:
        sentences.append(f"{len(evidence.setup.notes)} notes on the configuration.")
    return sentences or ["Nothing that could be read as figures."]
