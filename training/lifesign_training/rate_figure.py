"""The figure and the numbers of a search for a learning rate."""

import json
from pathlib import Path

from lifesign.evaluation.figures.look import TRAINING, VALIDATION, Canvas, drawn, new_figure
from lifesign_training.figure_files import write_figure
from lifesign_training.rate_finder import RateSearch
from lifesign_training.storage import storage_errors, write_text

__all__ = ["write_rate_search"]

_RAW = "#9ecae1"


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
    write_figure(_figure(search, title), folder, "learning_rate")


@drawn
def _figure(search: RateSearch, title: str) -> Canvas:
    figure = new_figure(7, 3.8, title=title)
    axes = figure.subplots()
    axes.plot(search.rates, search.losses, color=_RAW, linewidth=1, label="batches")
    axes.plot(search.rates, search.smoothed, color=TRAINING, linewidth=2, label="smoothed")
    if search.suggestion is not None:
        label = f"falls fastest: {search.suggestion:.2g}"
        axes.axvline(search.suggestion, color=VALIDATION, linestyle="--", label=label)
    axes.set_xscale("log")
    # A loss that runs away at the end would flatten the part that matters.
    axes.set_ylim(0, 1.3 * float(search.smoothed[: max(1, int(search.smoothed.argmin()))].max()))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.legend(frameon=False)
    return figure
