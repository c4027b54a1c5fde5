"""The figure and the numbers of a search for a learning rate."""

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lifesign_training.rate_finder import RateSearch
from lifesign_training.storage import storage_errors, write_text

__all__ = ["write_rate_search"]

_RAW, _SMOOTHED, _SUGGESTED = "#9ecae1", "#0072b2", "#d55e00"


def write_rate_search(search: RateSearch, folder: Path, *, title: str) -> None:
    """Write ``learning_rate.json``, ``.png`` and ``.svg`` below ``folder``."""
    document = {
        "suggestion": search.suggestion,
        "diverged": search.diverged,
        "rates": search.rates.tolist(),
        "losses": search.losses.tolist(),
        "smoothed": search.smoothed.tolist(),
    }
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "learning_rate.json", json.dumps(document, indent=1) + "\n")
    figure = _figure(search, title)
    with storage_errors(str(folder / "learning_rate.png")):
        figure.savefig(folder / "learning_rate.png", dpi=110)
        figure.savefig(folder / "learning_rate.svg", metadata={"Date": None})


def _figure(search: RateSearch, title: str) -> Figure:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(search.rates, search.losses, color=_RAW, linewidth=1, label="batches")
    axes.plot(search.rates, search.smoothed, color=_SMOOTHED, linewidth=2, label="smoothed")
    if search.suggestion is not None:
        label = f"falls fastest: {search.suggestion:.2g}"
        axes.axvline(search.suggestion, color=_SUGGESTED, linestyle="--", label=label)
    axes.set_xscale("log")
    # A loss that runs away at the end would flatten the part that matters.
    axes.set_ylim(0, 1.3 * float(search.smoothed[: max(1, int(search.smoothed.argmin()))].max()))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
