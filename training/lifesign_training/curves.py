"""The figure of a training: every metric of both splits, with the epoch that is kept and the turn."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.inputs.run_folders import training_curves
from lifesign.evaluation.figures.curves import training_figure
from lifesign_training.figure_files import write_figure
from lifesign_training.history import EpochRecord

__all__ = ["draw_curves"]


def draw_curves(history: Sequence[EpochRecord], best: int, folder: Path, *, title: str) -> None:
    """Write ``curves.png`` and ``curves.svg``: dashed lines mark the epoch ``best`` and the turn.

    ``title`` is the small line; the large one tells what the curves do. A training without an epoch to draw,
    as when the loss was never a number, leaves no figure.
    """
    curves = training_curves([asdict(record) for record in history])
    try:
        figure = training_figure(Evidence(id=title, curves=curves), kept=best)
    except InputError:
        return
    write_figure(figure, folder, "curves")
