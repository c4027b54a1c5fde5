"""Predictions as they are counted: samples, or presentations in place of frames."""

from pathlib import Path

from lifesign.evaluation.analysis.aggregation import Aggregation, aggregate_presentations
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.prediction_source import (
    HeldPredictions,
    PredictionSource,
    StoredPredictions,
)

__all__ = ["analysed_source", "presentations_of"]


def analysed_source(run_dir: Path, spec: AnalysisSpec) -> PredictionSource:
    """Return the predictions of a stored run: its parts, or one row per presentation.

    Raises:
        StorageError: a part is missing or damaged.
        DatasetError: the frames of a presentation do not belong together.
    """
    return presentations_of(StoredPredictions(run_dir), spec)


def presentations_of(frames: PredictionSource, spec: AnalysisSpec) -> PredictionSource:
    """Return one row per presentation, held in memory, where ``spec`` aggregates; otherwise ``frames``.

    Raises:
        DatasetError: the frames of a presentation do not belong together.
    """
    if spec.aggregate is Aggregation.NONE:
        return frames
    return HeldPredictions([aggregate_presentations(frames, spec.aggregate, class_names=spec.class_names)])
