"""The curves of a training as drawings, with the epoch that a finding names."""

from collections.abc import Sequence

from markupsafe import Markup

from lifesign.evaluation.diagnosis.course import course_of
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Finding
from lifesign.evaluation.diagnosis.turn import marked_epoch
from lifesign.evaluation.report.training_curves import EpochMark, curve_figure

__all__ = ["curve_figures"]


def curve_figures(evidence: Evidence, findings: Sequence[Finding]) -> list[tuple[str, Markup]]:
    """Return (caption, drawing) of loss and accuracy over the epochs; none for fewer than two epochs."""
    course = course_of(evidence)
    if course is None or len(course) < 2:
        return []
    named = marked_epoch(findings)
    marks = [] if named is None else [EpochMark(named.epoch, named.word)]
    figures = []
    for name, train, validation in (
        ("Loss", course.loss, course.val_loss),
        ("Accuracy", course.accuracy, course.val_accuracy),
    ):
        given = (("training", train), ("validation", validation))
        curves = [(label, values) for label, values in given if values is not None]
        if curves:
            figures.append(
                (name, curve_figure(name, course.epochs, curves, marks, is_share=name == "Accuracy"))
            )
    return figures
