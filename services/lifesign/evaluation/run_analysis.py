"""How the predictions of a run are analysed: by the options it was made with, or by others."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lifesign.datasets.slice_names import MEASURED_SLICES, unknown_slices
from lifesign.errors import ConfigurationError, StorageError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.prediction_source import tables_of
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.stored_runs import analysed_source
from lifesign.evaluation.config import AnalysisConfig, evaluation_config, predictions_config
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.run_folder import RunRecord, read_record
from lifesign.model_card import OperatingPoint

__all__ = [
    "analysed_predictions",
    "analysis_spec",
    "baseline_id",
    "changed_config",
    "counted_state",
    "finished_record",
]


def finished_record(run_dir: Path) -> RunRecord:
    """Return the record of a run whose predictions are complete.

    Raises:
        StorageError: no run is there, or it is not finished.
    """
    record = read_record(run_dir)
    if record is None:
        raise StorageError(f"{run_dir}: expected the folder of an evaluation run, found no run.json")
    done = sum(table.num_rows for table in read_predictions(run_dir, ["sample_id"]))
    if done != record.dataset.samples:
        raise StorageError(
            f"{run_dir}: expected {record.dataset.samples:,} predictions, got {done:,}; resume it"
        )
    return record


def baseline_id(config: AnalysisConfig) -> str | None:
    """Return the run id of the baseline.

    Raises:
        ConfigurationError: the folder holds no run.
    """
    if config.baseline is None:
        return None
    record = read_record(config.baseline)
    if record is None:
        raise ConfigurationError(f"baseline {config.baseline}: expected the folder of an evaluation run")
    return record.run_id


def changed_config(record: RunRecord, changes: Mapping[str, Any], gates: Mapping[str, Any]) -> AnalysisConfig:
    """Return the config of a run with other options; a new way to decide replaces the old one.

    Raises:
        ConfigurationError: options that do not fit.
    """
    values = {**record.config, **changes, "gates": {**record.config["gates"], **gates}}
    if "threshold" in changes:
        values["operating_point"] = changes.get("operating_point")
    elif "operating_point" in changes:
        values["threshold"] = None
    if record.source == "file" and {"threshold", "operating_point"} & set(changes):
        values |= {"dev_predictions": None, "dev_split": None, "criterion": None}
    config: AnalysisConfig
    if "regression_margin" in gates and values.get("baseline") is None:
        raise ConfigurationError("gate regression_margin needs a baseline to compare with, got none")
    config = predictions_config(**values) if record.source == "file" else evaluation_config(**values)
    unknown = unknown_slices(
        config.slices or (),
        record.dataset.metadata_columns,
        # A file of scores has no pictures to measure.
        measured=() if record.source == "file" else MEASURED_SLICES,
    )
    if unknown:
        raise ConfigurationError(
            f"expected slice columns among {list(record.dataset.metadata_columns)}, got {unknown}"
        )
    return config


def analysis_spec(record: RunRecord, config: AnalysisConfig) -> AnalysisSpec:
    """Return how the predictions of a run are read.

    Raises:
        ContractError: the card does not have the operating point.
        ConfigurationError: an operating point without a card, or what only liveness is judged by.
    """
    card = record.card
    liveness = set(record.class_names) == {"attack", "bona_fide"} if card is None else card.task == "liveness"
    if not liveness:
        _refuse_liveness_options(config, record.class_names)
    if config.superclasses is not None:
        _require_superclasses(config.superclasses, record.class_names)
    if config.aggregate is not Aggregation.NONE and record.dataset.presentations is None:
        raise ConfigurationError(
            f"expected a data set with presentation_id to aggregate by, got {record.dataset.name} without"
        )
    return AnalysisSpec(
        class_names=record.class_names,
        task="liveness" if liveness else "classification",
        threshold=config.threshold,
        operating_point=None if config.threshold is not None else _operating_point(record, config),
        slice_columns=record.dataset.slice_columns if config.slices is None else config.slices,
        measured_slices=() if config.slices == () else MEASURED_SLICES,
        reference_profile={} if card is None else card.reference_profile,
        aggregate=config.aggregate,
    )


def _refuse_liveness_options(config: AnalysisConfig, class_names: Sequence[str]) -> None:
    """Refuse what a classifier cannot be judged by: silently left out, the rest would pass."""
    if config.threshold is not None:
        raise ConfigurationError(
            "a threshold needs a liveness model; a classifier decides by the largest score"
        )
    gates = config.gates.model_dump(include={"max_apcer", "max_bpcer"}, exclude_none=True)
    wanted = [f"gate {name}" for name in gates]
    if config.profile is not None:
        wanted.append(f"profile {config.profile.name}")
    if wanted:
        raise ConfigurationError(
            f"{' and '.join(wanted)} {'needs' if len(wanted) == 1 else 'need'} a liveness model, got classes "
            f"{list(class_names)}"
        )


def _require_superclasses(superclasses: Mapping[str, str], class_names: Sequence[str]) -> None:
    missing = [name for name in class_names if name not in superclasses]
    if missing:
        raise ConfigurationError(
            f"superclasses: expected one for every class, got none for {', '.join(missing[:5])}"
        )


def _operating_point(record: RunRecord, config: AnalysisConfig) -> OperatingPoint | None:
    chosen, wanted = record.operating_point, config.operating_point
    if chosen is not None and wanted in (None, chosen.id):
        return chosen
    if record.card is None:
        if wanted is not None:
            raise ConfigurationError(f"operating point {wanted!r} needs a model card")
        return None
    return record.card.operating_point(wanted)


def analysed_predictions(run_dir: Path, spec: AnalysisSpec) -> Iterator[pa.Table]:
    """Yield the predictions of a run as they are counted: its parts, or presentations in place of frames."""
    yield from tables_of(analysed_source(run_dir, spec))


def counted_state(run_dir: Path, spec: AnalysisSpec) -> RunState:
    """Count all parts of a run again, for another threshold, other slices or gates."""
    state = RunState.empty(spec)
    for table in analysed_predictions(run_dir, spec):
        state = state.merge(RunState.from_predictions(table, spec))
    return state
