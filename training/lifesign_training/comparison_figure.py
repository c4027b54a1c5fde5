"""Overlaid histories: a panel each for accuracy, loss and mean squared error."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lifesign_training.comparison import CURVES, ComparedRun
from lifesign_training.storage import storage_errors

__all__ = ["draw_comparison"]

_LABELS = {"accuracy": "accuracy", "loss": "loss", "mse": "mean squared error"}


def draw_comparison(runs: Sequence[ComparedRun], folder: Path) -> None:
    """Write ``comparison.png`` and ``.svg``: a colour per run, dev solid, train dashed, a dot where kept."""
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    colours = matplotlib.colormaps["tab10" if len(runs) <= 10 else "turbo"]
    for axes, curve in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for number, run in enumerate(runs):
            colour = colours(number if len(runs) <= 10 else number / (len(runs) - 1))
            for split, style in (("train", "--"), ("dev", "-")):
                values = [float("nan") if one is None else one for one in run.curves[f"{split}_{curve}"]]
                axes.plot(range(1, run.epochs + 1), values, style, color=colour, linewidth=1.6)
            axes.plot(run.best_epoch, values[run.best_epoch - 1], "o", color=colour, markersize=6)
        axes.set_xlabel("epoch")
        axes.set_ylabel(_LABELS[curve])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    lines = [
        Line2D([], [], color=colours(number if len(runs) <= 10 else number / (len(runs) - 1)), label=run.name)
        for number, run in enumerate(runs)
    ]
    styles = [
        Line2D([], [], color="0.3", linestyle="-", label="dev"),
        Line2D([], [], color="0.3", linestyle="--", label="train"),
        Line2D([], [], color="0.3", marker="o", linestyle="", label="epoch kept"),
    ]
    figure.legend(handles=[*lines, *styles], loc="outside lower center", ncols=4, frameon=False)
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "comparison.png", dpi=110)
        figure.savefig(folder / "comparison.svg", metadata={"Date": None})
