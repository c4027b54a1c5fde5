"""Overlaid histories: a panel each for accuracy, loss and mean squared error."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lifesign.evaluation.figures.look import Canvas, drawn, new_figure
from lifesign_training.comparison import CURVES, ComparedRun
from lifesign_training.figure_files import write_figure

__all__ = ["draw_comparison"]

_LABELS = {"accuracy": "accuracy", "loss": "loss", "mse": "mean squared error"}


def draw_comparison(runs: Sequence[ComparedRun], folder: Path) -> None:
    """Write ``comparison.png`` and ``.svg``: a colour per run, dev solid, train dashed, a dot where kept."""
    write_figure(_figure(runs), folder, "comparison")


@drawn
def _figure(runs: Sequence[ComparedRun]) -> Canvas:
    words = "lines: dev; dashed: train; dots: the epoch kept"
    figure = new_figure(14, 4.4, title=f"{len(runs)} trainings", subtitle=words)
    palette = matplotlib.colormaps["tab10" if len(runs) <= 10 else "turbo"].resampled(max(10, len(runs)))
    for axes, curve in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for number, run in enumerate(runs):
            for split, style in (("train", "--"), ("dev", "-")):
                values = [float("nan") if one is None else one for one in run.curves[f"{split}_{curve}"]]
                axes.plot(range(1, run.epochs + 1), values, style, color=palette(number), linewidth=1.6)
            axes.plot(run.best_epoch, values[run.best_epoch - 1], "o", color=palette(number), markersize=6)
        axes.set_xlabel("epoch")
        axes.set_ylabel(_LABELS[curve])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=0)
    lines = [Line2D([], [], color=palette(number), label=run.name) for number, run in enumerate(runs)]
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False)
    return figure
