"""One side of a comparison: a finished run, or a file of scores, read into columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from lifesign.errors import DatasetError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.pad import threshold_source
from lifesign.evaluation.analysis.prediction_source import HeldPredictions, PredictionSource
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.stored_runs import analysed_source, presentations_of
from lifesign.evaluation.comparison.document import ComparedRun
from lifesign.evaluation.config import predictions_config
from lifesign.evaluation.imported_predictions.evaluation import open_predictions
from lifesign.evaluation.replay.run_folder import RunRecord
from lifesign.evaluation.run_analysis import analysis_spec, changed_config, finished_record

__all__ = ["Side", "open_side"]

_FILE_OPTIONS = ("threshold", "aggregate", "class_map", "class_names", "split")
_UNUSED = ("logits", "latency_seconds", "detail", "notes")


@dataclass(frozen=True)
class Side:
    """The predictions of one model and how they decide."""

    name: str
    record: RunRecord
    columns: RunPredictions

    @property
    def facts(self) -> ComparedRun:
        """What a reader must know of this side."""
        spec, answered = self.columns.spec, int(self.columns.responded.sum())
        return ComparedRun(
            name=self.name,
            run_id=self.record.run_id,
            model=self.record.model_name,
            version=self.record.model_version,
            dataset=self.record.dataset.name,
            samples=len(self.columns.responded),
            no_response=len(self.columns.responded) - answered,
            threshold=spec.decision_threshold,
            threshold_source=threshold_source(spec),
        )


def open_side(path: Path, options: Mapping[str, Any]) -> Side:
    """Open the folder of a finished run, or a predictions file.

    ``options`` are fields of the evaluation's config that hold for both sides; of a run only
    ``threshold`` and ``aggregate`` can still change.

    Raises:
        DatasetError: a path that is neither.
        LifesignError: the run is not finished, or the file cannot be understood.
    """
    if path.is_dir():
        return _of_run(path, {name: options[name] for name in ("threshold", "aggregate") if name in options})
    if not path.exists():
        raise DatasetError(f"{path}: expected the folder of a run or a predictions file, got no such file")
    return _of_file(path, {name: options[name] for name in _FILE_OPTIONS if name in options})


def _of_run(path: Path, changes: Mapping[str, Any]) -> Side:
    record = finished_record(path)
    spec = analysis_spec(record, changed_config(record, changes, {}))
    return _side(path, record, analysed_source(path, spec), spec)


def _of_file(path: Path, options: Mapping[str, Any]) -> Side:
    config = predictions_config(predictions=path, out=path.parent, **options)
    opened = open_predictions(config)
    spec = analysis_spec(opened.record, config)
    frames = HeldPredictions(_lean(table) for table, _ in opened.tables())
    return _side(path, opened.record, presentations_of(frames, spec), spec)


def _lean(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in _UNUSED if name in table.column_names])


def _side(path: Path, record: RunRecord, source: PredictionSource, spec: AnalysisSpec) -> Side:
    return Side(path.name or str(path), record, RunPredictions.read(source, spec))
