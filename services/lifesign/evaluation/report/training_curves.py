"""The course of a training as drawings and as a table: both splits over the epochs, some of them marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lifesign.evaluation.report import svg
from lifesign.evaluation.report.document import TrainingDocument
from lifesign.evaluation.report.wording import percent

__all__ = [
    "EpochMark",
    "TrainingTable",
    "curve_figure",
    "figure_name",
    "split_name",
    "training_figures",
    "training_table",
]

_Floats = NDArray[np.float64]
_WIDTH, _HEIGHT = 440, 250
_LINE = 13  # pixels that a line of text needs
_TICKS = 4  # steps of the vertical axis
_MOST_ROWS = 60
_SPLITS = {"train": "training", "dev": "development", "test": "test"}
_METRICS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "eer": "equal error rate",
    "mse": "mean squared error",
}
_SHARES = ("accuracy", "balanced_accuracy", "eer")


@dataclass(frozen=True, slots=True)
class EpochMark:
    """An epoch, from 1, and what it is."""

    epoch: int
    word: str


@dataclass(frozen=True)
class TrainingTable:
    """The figures as people read them, a row for each epoch, or for every n-th of many; ``kept`` is a row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    kept: int
    left_out: int


def training_figures(training: TrainingDocument) -> list[tuple[str, Markup]]:
    """Return (caption, drawing) of loss and accuracy over the epochs; none for fewer than two epochs."""
    marks = [EpochMark(training.kept_epoch, "kept")]
    if training.named_epoch is not None:
        marks.append(EpochMark(training.named_epoch, training.named_as))
    figures = []
    for metric in ("loss", "accuracy"):
        curves = [
            (_SPLITS[split], np.array(values, np.float64))
            for split in ("train", "dev")
            if (values := training.figures.get(f"{split}_{metric}")) is not None and len(values) > 1
        ]
        if curves:
            name = metric.capitalize()
            epochs = range(1, len(curves[0][1]) + 1)
            figures.append((name, curve_figure(name, epochs, curves, marks, is_share=metric in _SHARES)))
    return figures


def training_table(training: TrainingDocument) -> TrainingTable:
    """Return the numbers behind the drawings; of over 60 epochs the first, kept, last and every n-th."""
    figures = training.figures
    epochs = len(next(iter(figures.values()), ()))
    step = max(1, -(-epochs // _MOST_ROWS))
    shown = sorted({1, training.kept_epoch, epochs, *range(step, epochs + 1, step)})
    rows = tuple(
        (epoch, tuple(_number(name, values[epoch - 1]) for name, values in figures.items()))
        for epoch in shown
        if 1 <= epoch <= epochs
    )
    return TrainingTable(tuple(map(figure_name, figures)), rows, training.kept_epoch, epochs - len(rows))


def split_name(split: str) -> str:
    """Return what people call a split: "development" of ``dev``."""
    return _SPLITS.get(split, split)


def figure_name(name: str) -> str:
    """Return what people call a figure: "development loss" of ``dev_loss``."""
    split, _, metric = name.partition("_")
    if split not in _SPLITS:
        return name.replace("_", " ")
    return f"{_SPLITS[split]} {_METRICS.get(metric, metric.replace('_', ' '))}"


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    is_share = name.partition("_")[2] in _SHARES
    return percent(value) if is_share else f"{value:.4g}"


def curve_figure(
    name: str,
    epochs: Sequence[int],
    curves: Sequence[tuple[str, _Floats]],
    marks: Sequence[EpochMark],
    *,
    is_share: bool,
) -> Markup:
    """Return curves of one metric, each ``(n,)`` with its label; dashed lines at the marked epochs.

    ``epochs``, ``(n,)``, ascend. Those without a figure, ``nan``, are left out.
    """
    drawn = [values for _, values in curves]
    low, high = _bounds(drawn, is_share=is_share)
    shown = _by_epoch([mark for mark in marks if mark.epoch in epochs])
    frame = svg.Frame(
        _WIDTH,
        _HEIGHT,
        x_range=(epochs[0], max(epochs[0] + 1, epochs[-1])),
        y_range=(low, high),
        left=52,
        right=84,
        top=12 + _LINE * len(shown),
    )
    ticks = [low + (high - low) * step / _TICKS for step in range(_TICKS + 1)]
    labels = [(tick, f"{round(100 * tick, 1):g} %" if is_share else f"{tick:.3g}") for tick in ticks]
    parts = frame.axes(_epoch_ticks(epochs), labels, x_label="epoch")
    parts += _mark_lines(frame, shown)
    ends = []
    for index, (label, values) in enumerate(curves):
        points = [
            (epoch, float(value)) for epoch, value in zip(epochs, values, strict=True) if np.isfinite(value)
        ]
        clipped = [(x, min(max(y, low), high)) for x, y in points]
        parts.append(svg.polyline(frame, clipped, f"curve s{index}", title=f"{label} {name.lower()}"))
        if clipped:
            ends.append((frame.y(clipped[-1][1]), label))
    parts += _end_labels(frame, ends)
    said = "".join(f", epoch {mark.epoch}: {mark.word}" for mark in marks)
    return svg.document(_WIDTH, _HEIGHT, parts, title=f"{name} over {len(epochs)} epochs{said}")


def _by_epoch(marks: Sequence[EpochMark]) -> dict[int, str]:
    """Return what to write at each marked epoch; one that is marked twice has both words."""
    words: dict[int, list[str]] = {}
    for mark in marks:
        words.setdefault(mark.epoch, []).append(mark.word)
    return {epoch: f"{', '.join(said)}: {epoch}" for epoch, said in words.items()}


def _mark_lines(frame: svg.Frame, marks: dict[int, str]) -> list[str]:
    """Return a line per marked epoch, its words above the curves, each in a line of its own."""
    parts = []
    middle = (frame.left + frame.width - frame.right) / 2
    for place, (epoch, words) in enumerate(marks.items()):
        x, y = frame.x(epoch), _LINE * (place + 1)
        aside, anchor = (-4, "end") if x > middle else (4, "start")
        parts.append(svg.line(x, y - 9, x, frame.height - frame.bottom, "threshold"))
        parts.append(svg.text(x + aside, y, words, css="label", anchor=anchor))
    return parts


def _end_labels(frame: svg.Frame, ends: Sequence[tuple[float, str]]) -> list[str]:
    """Return the names at the ends of the curves, a line of text apart."""
    parts, last = [], -np.inf
    for y, label in sorted(ends):
        last = max(y, last + _LINE)
        parts.append(svg.text(frame.width - frame.right + 5, last + 4, label, css="label"))
    return parts


def _bounds(drawn: Sequence[_Floats], *, is_share: bool) -> tuple[float, float]:
    """Return the limits of y; single epochs far above the rest are cut off at the top."""
    values = np.concatenate([one[np.isfinite(one)] for one in drawn])
    if not len(values):
        return 0.0, 1.0
    if is_share:
        low = float(np.floor(values.min() * 5) / 5)
        return min(max(0.0, low), 0.8), 1.0
    low, high = min(0.0, float(values.min())), float(values.max())
    usual = float(np.quantile(values, 0.95))
    if high > 4 * usual > 0:
        high = 1.5 * usual
    return low, low + _TICKS * _round_above((high - low) / _TICKS) if high > low else low + 1


def _round_above(step: float) -> float:
    """Return the next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    unit = 10.0 ** math.floor(math.log10(step))
    return next((nice * unit for nice in (1, 2, 2.5, 5) if step <= nice * unit), 10 * unit)


def _epoch_ticks(epochs: Sequence[int]) -> list[svg.Tick]:
    first, last = epochs[0], epochs[-1]
    step = max(1, round((last - first + 1) / 8))
    step = next((nice for nice in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if nice >= step), step)
    nice = range(step * -(-(first + 1) // step), last + 1, step)
    # One right beside the first would be printed over it.
    return [
        (float(tick), str(tick)) for tick in (first, *(tick for tick in nice if tick >= first + step / 2))
    ]
