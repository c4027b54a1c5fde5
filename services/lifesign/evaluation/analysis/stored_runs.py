"""The predictions of a stored run as they are counted: its samples, or presentations in place of frames."""

from pathlib import Path

from lifesign.evaluation.analysis.aggregation import Aggregation, aggregate_presentations
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.prediction_source import (
    HeldPredictions,
    PredictionSource,
    StoredPredictions,
)

__all__ = ["analysed_source"]


def analysed_source(run_dir: Path, spec: AnalysisSpec) -> PredictionSource:
    """Return the predictions of a run: its parts, or one row per presentation, which is held in memory.

    Raises:
        StorageError: a part is missing or damaged.
        DatasetError: the frames of a presentation do not belong together.
    """
    parts = StoredPredictions(run_dir)
    if spec.aggregate is Aggregation.NONE:
        return parts
    return HeldPredictions([aggregate_presentations(parts, spec.aggregate, class_names=spec.class_names)])
