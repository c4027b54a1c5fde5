"""The curves of a training as drawings, with the epoch that a finding names."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import course_of
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Finding
from lifesign.evaluation.diagnosis.turn import marked_epoch
from lifesign.evaluation.report import svg

__all__ = ["curve_figures"]

_Floats = NDArray[np.float64]


def curve_figures(evidence: Evidence, findings: Sequence[Finding]) -> list[tuple[str, Markup]]:
    """Return (caption, drawing) of loss and accuracy over the epochs; none for fewer than two epochs."""
    course = course_of(evidence)
    if course is None or len(course) < 2:
        return []
    named = marked_epoch(findings)
    marked = None if named is None else (named.epoch, named.word)
    figures = []
    for name, train, validation in (
        ("Loss", course.loss, course.val_loss),
        ("Accuracy", course.accuracy, course.val_accuracy),
    ):
        if train is not None or validation is not None:
            figures.append((name, _figure(name, train, validation, marked, is_share=name == "Accuracy")))
    return figures


def _figure(
    name: str,
    train: _Floats | None,
    validation: _Floats | None,
    marked: tuple[int, str] | None,
    *,
    is_share: bool,
) -> Markup:
    drawn = [values for values in (train, validation) if values is not None]
    epochs = len(drawn[0])
    low, high = _bounds(drawn, is_share=is_share)
    frame = svg.Frame(520, 260, x_range=(1, max(2, epochs)), y_range=(low, high), left=54, right=74)
    ticks = [low + (high - low) * step / 4 for step in range(5)]
    labels = [(tick, f"{round(100 * tick, 1):g} %" if is_share else f"{tick:.3g}") for tick in ticks]
    parts = frame.axes(_epoch_ticks(epochs), labels, x_label="epoch")
    if marked is not None and 1 <= marked[0] <= epochs:
        x = frame.x(marked[0])
        parts.append(svg.line(x, frame.top, x, frame.height - frame.bottom, "threshold"))
        parts.append(svg.text(x + 4, frame.top + 10, f"{marked[1]}: {marked[0]}", css="label"))
    ends = []
    for values, css, label in ((train, "curve s0", "training"), (validation, "curve s1", "validation")):
        if values is None:
            continue
        points = [(index + 1, float(value)) for index, value in enumerate(values) if np.isfinite(value)]
        clipped = [(x, min(max(y, low), high)) for x, y in points]
        parts.append(svg.polyline(frame, clipped, css, title=f"{label} {name.lower()}"))
        if clipped:
            ends.append((frame.y(clipped[-1][1]), label))
    # The names at the ends of the curves keep a line of text apart.
    ends.sort()
    for place, (y, label) in enumerate(ends):
        shift = 0.0 if place == 0 else max(0.0, 13 - (y - ends[place - 1][0]))
        parts.append(svg.text(frame.width - frame.right + 5, y + 4 + shift, label, css="label"))
    return svg.document(frame.width, frame.height, parts, title=f"{name} over {epochs} epochs")


def _bounds(drawn: Sequence[_Floats], *, is_share: bool) -> tuple[float, float]:
    """Return the limits of y; single epochs far above the rest are cut off at the top."""
    values = np.concatenate([one[np.isfinite(one)] for one in drawn])
    if is_share:
        low = float(np.floor(values.min() * 10) / 10)
        return min(max(0.0, low), 0.9), 1.0
    low, high = min(0.0, float(values.min())), float(values.max())
    usual = float(np.quantile(values, 0.95))
    if high > 4 * usual > 0:
        high = 1.5 * usual
    return low, high if high > low else low + 1


def _epoch_ticks(epochs: int) -> list[svg.Tick]:
    step = max(1, round(epochs / 8))
    step = next((nice for nice in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if nice >= step), step)
    return [(1, "1"), *((float(tick), str(tick)) for tick in range(step, epochs + 1, step) if tick > 1)]
