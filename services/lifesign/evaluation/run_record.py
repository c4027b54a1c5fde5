"""What is written down of an evaluation before it starts, and what its run is known by."""

from datetime import UTC, datetime
from typing import Any

from lifesign import __version__
from lifesign.datasets.dataset import Dataset
from lifesign.evaluation.command_line import evaluation_command
from lifesign.evaluation.config import EvaluationConfig, digest_of
from lifesign.evaluation.replay.run_folder import DatasetRecord, RunRecord
from lifesign.evaluation.replay.served_model import ServedModel
from lifesign.evaluation.replay.version_files import version_digest
from lifesign.evaluation.run_analysis import baseline_id

__all__ = ["record_of"]


def record_of(config: EvaluationConfig, model: ServedModel, dataset: Dataset) -> RunRecord:
    """Return the record of a run that starts now; its id tells whatever decides the result.

    Raises:
        ConfigurationError: the baseline is no run.
    """
    export = _export_digest(config, model.version)
    identity = _identity(config, model, dataset, export)
    return RunRecord(
        run_id=digest_of(identity)[:16],
        identity=identity,
        tool_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=evaluation_command(config, model.version),
        config=config.model_dump(mode="json"),
        model_name=model.name,
        model_version=model.version,
        class_names=model.class_names,
        preprocessing=model.preprocessing,
        assumed=model.assumed,
        exchange=model.exchange,
        export_digest=export,
        card=model.card,
        dataset=_dataset_record(config, model, dataset),
    )


def _identity(config: EvaluationConfig, model: ServedModel, dataset: Dataset, export: str) -> dict[str, Any]:
    card = None if model.card is None else model.card.model_dump(mode="json")
    identity: dict[str, Any] = {
        **config.identity(),
        "baseline": baseline_id(config),
        "model_version": model.version,
        "class_names": list(model.class_names),
        "card": None if card is None else digest_of(card),
        "preprocessing": model.preprocessing.fingerprint,
        "dataset": config.name_of_dataset,
        "data_digest": dataset.digest,
        "format": 1,
    }
    if export:
        identity["export"] = export
    if model.exchange is not None:
        identity["exchange"] = model.exchange.model_dump(mode="json")
    return identity


def _dataset_record(config: EvaluationConfig, model: ServedModel, dataset: Dataset) -> DatasetRecord:
    return DatasetRecord(
        name=config.name_of_dataset,
        root=dataset.root,
        digest=dataset.digest,
        splits=dataset.splits,
        samples=len(dataset),
        subjects=dataset.subjects,
        presentations=dataset.presentations,
        class_map=dict(dataset.class_map),
        metadata_columns=dataset.metadata_columns,
        slice_columns=dataset.slice_columns,
        remarks=dataset.remarks,
        images_digest=_images_digest(model, dataset),
    )


def _images_digest(model: ServedModel, dataset: Dataset) -> str:
    """Return what tells a split of the training again, where the model card has any to compare with."""
    if model.card is None or not (model.card.baselines or model.card.training):
        return ""
    return dataset.images_digest(model.class_names)


def _export_digest(config: EvaluationConfig, version: int) -> str:
    if config.model_base_path is None:
        return ""
    return version_digest(config.model_base_path / config.model / str(version))
