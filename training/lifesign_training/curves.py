"""The figure of a training: loss and accuracy of both splits, with the epoch that is kept."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lifesign_training.history import EpochRecord
from lifesign_training.storage import storage_errors

__all__ = ["draw_curves"]

_TRAIN, _DEV, _AUC = "#0072b2", "#d55e00", "#009e73"


def draw_curves(history: Sequence[EpochRecord], best: int, folder: Path, *, title: str) -> None:
    """Write ``curves.png`` and ``curves.svg``; a dashed line marks the epoch ``best``."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    losses, shares = figure.subplots(1, 2)
    epochs = [record.epoch for record in history]
    losses.plot(epochs, [record.train_loss for record in history], color=_TRAIN, marker=".", label="train")
    losses.plot(epochs, [record.dev_loss for record in history], color=_DEV, marker=".", label="dev")
    shares.plot(
        epochs, [record.train_accuracy for record in history], color=_TRAIN, marker=".", label="train"
    )
    shares.plot(epochs, [record.dev_accuracy for record in history], color=_DEV, marker=".", label="dev")
    areas = [record.dev_auc for record in history if record.dev_auc is not None]
    if len(areas) == len(epochs):
        shares.plot(epochs, areas, color=_AUC, marker=".", label="dev AUC")
    _finish(losses, "cross-entropy loss, nats", best)
    _finish(shares, "accuracy", best)
    losses.set_ylim(bottom=0)
    shares.set_ylim(top=1.0)
    with storage_errors(str(folder / "curves.png")):
        figure.savefig(folder / "curves.png", dpi=110)
        figure.savefig(folder / "curves.svg", metadata={"Date": None})


def _finish(axes: Axes, label: str, best: int) -> None:
    axes.axvline(best, color="0.45", linestyle="--", linewidth=1, label=f"kept: epoch {best}")
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
