"""The course of a finished training as the model card tells it."""

import math
from dataclasses import asdict

from lifesign.evaluation.diagnosis.inputs.run_folders import read_run_folder
from lifesign.labels import Split
from lifesign.model_card import TrainingCourse
from lifesign_training.history import EpochRecord, read_history
from lifesign_training.run_folder import SAMPLES_FILE, TrainedRun
from lifesign_training.samples_file import split_digest

__all__ = ["course_of_run"]

_NOT_OF_THE_MODEL = ("epoch", "seconds")
_DIGITS = 6
# What the diagnosis calls the splits of a run.
_SPLITS = {Split.TRAIN: "train", Split.DEV: "validation", Split.TEST: "test"}


def course_of_run(trained: TrainedRun) -> TrainingCourse | None:
    """Return the figures of every epoch, to six digits, and what a diagnosis knows besides.

    Runs of old versions that kept no history have none.

    Raises:
        InputError: the history or the configuration of the run cannot be read.
    """
    history = read_history(trained.directory)
    if not history:
        return None
    summary, known = trained.summary, read_run_folder(trained.directory)
    counted = {split: known.counts[name].by_class for split, name in _SPLITS.items() if name in known.counts}
    return TrainingCourse.model_validate(
        {
            "figures": _figures(history),
            "kept_epoch": summary.best_epoch,
            "selected_by": f"dev_{summary.recipe.select_by}",
            "class_counts": {
                split: tuple(counts.get(name, 0) for name in summary.class_names)
                for split, counts in counted.items()
            },
            "images_digests": {
                split: split_digest(trained.directory / SAMPLES_FILE, split, summary.class_names)
                for split in counted
            },
            "configuration": known.setup.notes,
        }
    )


def _figures(history: tuple[EpochRecord, ...]) -> dict[str, tuple[float | None, ...]]:
    """Return the columns of a history that have a number at all."""
    records = [asdict(record) for record in history]
    names = [name for name in records[0] if name not in _NOT_OF_THE_MODEL]
    columns = {name: tuple(_rounded(record[name]) for record in records) for name in names}
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")
