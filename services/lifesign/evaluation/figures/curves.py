"""Training curves: every metric of both splits over the epochs, with the epoch where validation turned."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.course import Course, course_of
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.turn import MarkedEpoch, marked_epoch
from lifesign.evaluation.figures.look import (
    GREY,
    INK,
    SERIES,
    TRAINING,
    VALIDATION,
    Canvas,
    drawn,
    new_figure,
    spread,
)

__all__ = ["metrics_of", "runs_figure", "training_figure"]

_Floats = NDArray[np.float64]
_NO_METRIC = ("lr", "val_lr")
_WORDS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "mean_squared_error": "mean squared error",
    "mean_absolute_error": "mean absolute error",
    "auc": "AUC",
    "balanced_accuracy": "balanced accuracy",
    "eer": "equal error rate",
}
_MOST = 6


def metrics_of(curves: Curves) -> list[str]:
    """Return the metrics of either split, loss and accuracy first, at most six; learning rates are none."""
    plain = [name.removeprefix("val_") for name in curves.series if name not in _NO_METRIC]
    known = [name for name in _WORDS if name in plain]
    names = list(dict.fromkeys([*known, *sorted(plain)]))
    return [name for name in names if curves.get(name) is not None or curves.get(f"val_{name}") is not None][
        :_MOST
    ]


@drawn
def training_figure(evidence: Evidence, *, kept: int | None = None) -> Canvas:
    """Draw the metrics of one training with the turn that the diagnosis found; ``kept`` is an epoch, from 1.

    Raises:
        InputError: there is no epoch with a finite loss.
    """
    course = course_of(evidence)
    if course is None:
        raise InputError(f"{evidence.id or 'the training'}: expected an epoch with figures, got none")
    marked = marked_epoch(diagnose(evidence))
    names = metrics_of(course.curves)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(
        max(4.4 * columns, 6.5),
        3.3 * rows,
        title=_headline(course, marked),
        subtitle=_subtitle(evidence, course, marked),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(names):
            axes.set_axis_off()
            continue
        _draw_metric(axes, course, names[place])
        _mark(axes, course, marked, kept)
    return figure


@drawn
def runs_figure(runs: Mapping[str, Curves]) -> Canvas:
    """Overlay trainings, a colour each: validation as a line, training thin and dashed.

    Raises:
        InputError: no metric is in all of them.
    """
    shared = [metrics_of(curves) for curves in runs.values()]
    names = [name for name in shared[0] if all(name in other for other in shared)] if shared else []
    if not names:
        raise InputError(f"{', '.join(runs)}: expected a metric that all of the runs have, got none")
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(
        max(4.6 * columns, 6.5),
        3.3 * rows,
        title=_comparison(runs, names[0]),
        subtitle="lines: validation; thin and dashed: training; dots: the best epoch",
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(names):
            axes.set_axis_off()
            continue
        _draw_runs(axes, runs, names[place])
    return figure


def _draw_metric(axes: Axes, course: Course, name: str) -> None:
    ends: list[tuple[float, str, str]] = []
    epochs = np.asarray(course.epochs, float)
    for key, colour, word in ((name, TRAINING, "training"), (f"val_{name}", VALIDATION, "validation")):
        values = course.curves.get(key)
        if values is None:
            continue
        dots = "." if len(epochs) <= 60 else ""
        axes.plot(epochs, values, color=colour, marker=dots, markersize=5, label=word)
        last = values[np.isfinite(values)][-1]
        ends.append((float(last), word, colour))
    _limits(axes, [np.asarray(line.get_ydata(), float) for line in axes.get_lines()], name)
    _label_ends(axes, ends, float(epochs[-1]))
    _epoch_axis(axes, epochs, name)
    for start in course.curves.run_starts:
        if 0 < start < len(epochs):
            axes.axvline(epochs[start] - 0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=1)


def _draw_runs(axes: Axes, runs: Mapping[str, Curves], name: str) -> None:
    ends: list[tuple[float, str, str]] = []
    longest = max(len(curves) for curves in runs.values())
    for index, (title, curves) in enumerate(runs.items()):
        colour = SERIES[index % len(SERIES)]
        epochs = np.arange(1, len(curves) + 1, dtype=float)
        trained, validated = curves.get(name), curves.get(f"val_{name}")
        if trained is not None:
            axes.plot(epochs, trained, color=colour, linewidth=0.9, linestyle="--", alpha=0.8)
        values = trained if validated is None else validated
        if values is None:
            continue
        if validated is not None:
            axes.plot(epochs, validated, color=colour, label=title)
            best = _best(validated, name)
            axes.plot([epochs[best]], [validated[best]], "o", color=colour, markersize=5)
        ends.append((float(values[np.isfinite(values)][-1]), title, colour))
    _limits(axes, [np.asarray(line.get_ydata(), float) for line in axes.get_lines()], name)
    _label_ends(axes, ends, float(longest))
    _epoch_axis(axes, np.arange(1, longest + 1, dtype=float), name)


def _limits(axes: Axes, drawn_values: Sequence[_Floats], name: str) -> None:
    """Set the limits of y; single epochs far above the rest are cut off at the top."""
    values = np.concatenate([one[np.isfinite(one)] for one in drawn_values])
    low, high = float(values.min()), float(values.max())
    if _is_share(name) and low >= 0 and high <= 1:
        axes.set_ylim(
            max(0.0, np.floor(10 * low - 0.3) / 10), min(1.0, np.ceil(10 * high + 0.3) / 10) + 0.005
        )
        # Steps of 2.5 % would be told wrongly by whole per cents.
        axes.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        return
    usual = float(np.quantile(values, 0.95))
    if high > 4 * usual > 0:
        high = 1.5 * usual
    room = 0.08 * (high - low) or 0.5
    axes.set_ylim(0.0 if 0 <= low < 0.6 * high else low - room, high + room)


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], last: float) -> None:
    """Write the names at the ends of their curves, a line of text apart."""
    low, high = axes.get_ylim()
    places = spread([value for value, _, _ in ends], 0.065 * (high - low), low, high)
    for place, (_, word, colour) in zip(places, ends, strict=True):
        shown = word if len(word) <= 22 else f"{word[:21]}…"
        axes.annotate(
            shown,
            (last, place),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )


def _epoch_axis(axes: Axes, epochs: _Floats, name: str) -> None:
    axes.set_title(_WORDS.get(name, name.replace("_", " ")).capitalize() if name != "auc" else "AUC")
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.02 * len(epochs), epochs[-1] + 0.01 * len(epochs))
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))


def _mark(axes: Axes, course: Course, marked: MarkedEpoch | None, kept: int | None) -> None:
    """Draw dashed lines at the epoch that the diagnosis names and, where another one is kept, at that."""
    lines: list[tuple[int, str, str]] = []
    if marked is not None and marked.epoch in course.epochs:
        lines.append((marked.epoch, marked.word, INK))
    if kept is not None and all(kept != epoch for epoch, _, _ in lines):
        lines.append((kept, "kept", GREY))
    first, last = course.epochs[0], course.epochs[-1]
    for place, (epoch, word, colour) in enumerate(lines):
        axes.axvline(epoch, color=colour, linestyle="--", linewidth=1.1, zorder=1)
        is_late = epoch > first + 0.7 * (last - first)
        axes.annotate(
            f"{word}: {epoch}",
            (epoch, 1 - 0.085 * place),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if is_late else 4, -3),
            textcoords="offset points",
            ha="right" if is_late else "left",
            va="top",
            color=colour,
            size=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        )


def _headline(course: Course, marked: MarkedEpoch | None) -> str:
    epochs = course.epochs
    key = "val_loss" if course.val_loss is not None else "val_accuracy"
    values = course.curves.get(key)
    if values is None:
        trained = course.loss if course.loss is not None else next(iter(course.curves.series.values()))
        return f"Training alone: {trained[0]:.4g} to {trained[-1]:.4g} in {len(epochs)} epochs"
    what = "loss" if key == "val_loss" else "accuracy"
    end = float(values[np.isfinite(values)][-1])
    if marked is not None and marked.word == "turn" and marked.epoch in epochs:
        at = epochs.index(marked.epoch)
        then, now = _shown(values[at], what), _shown(end, what)
        return (
            f"Validation turns at epoch {epochs[at]} of {epochs[-1]}: {what} {then} there, {now} at the end"
        )
    best = _best(values, what)
    return f"Best validation {what} {_shown(values[best], what)} at epoch {epochs[best]} of {epochs[-1]}"


def _subtitle(evidence: Evidence, course: Course, marked: MarkedEpoch | None) -> str:
    parts = [evidence.id] if evidence.id else []
    accuracy = course.val_accuracy
    if accuracy is not None and course.val_loss is not None:
        best = int(np.nanargmax(accuracy))
        parts.append(
            f"best validation accuracy {_shown(accuracy[best], 'accuracy')} at epoch {course.epochs[best]}"
        )
    if marked is not None and marked.word == "end":
        parts.append("still improving at the end")
    if course.curves.remarks:
        parts.append(course.curves.remarks[0])
    return "; ".join(parts)


def _comparison(runs: Mapping[str, Curves], name: str) -> str:
    found = []
    for title, curves in runs.items():
        values = curves.get(f"val_{name}")
        if values is not None:
            found.append((float(values[_best(values, name)]), title))
    word = _WORDS.get(name, name.replace("_", " "))
    if not found:
        return f"{len(runs)} trainings"
    value, title = max(found) if _is_share(name) else min(found)
    return f"Of {len(runs)} trainings {title} has the best validation {word}: {_shown(value, name)}"


def _best(values: _Floats, name: str) -> int:
    return int(np.nanargmax(values) if _is_share(name) else np.nanargmin(values))


def _is_share(name: str) -> bool:
    return name in ("accuracy", "auc", "precision", "recall", "f1") or name.endswith("accuracy")


def _shown(value: float, name: str) -> str:
    return f"{value:.1%}".replace("%", " %") if name == "accuracy" else f"{value:.4g}"
