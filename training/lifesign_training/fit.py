"""Train a recipe on a data set: audit, decode, fit, choose thresholds, record."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign.labels import Split
from lifesign_training.baseline import write_baseline
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.curves import draw_curves
from lifesign_training.diagnosis import diagnose_run
from lifesign_training.distribute import Distribute
from lifesign_training.hardware import device_names
from lifesign_training.history import EpochRecord, write_history
from lifesign_training.learning_task import learning_task
from lifesign_training.loop import TrainingLoop, predict_logits
from lifesign_training.model_config import FeaturesConfig
from lifesign_training.multi_worker import Workers, workers_from_environment
from lifesign_training.operating_points import CRITERIA, choose_operating_points
from lifesign_training.pixels import DecodedSplit, digest_of
from lifesign_training.prepared import PreparedData, prepare_data
from lifesign_training.progress import SilentProgress, TrainingProgress
from lifesign_training.quality import liveness_scores, measure, softmax
from lifesign_training.recipe import Recipe
from lifesign_training.reference import reference_profile
from lifesign_training.run_folder import (
    MODEL_FILE,
    PARITY_FILE,
    SAMPLES_FILE,
    RunConfig,
    RunSummary,
    TrainedRun,
    now,
    open_run_folder,
    write_environment,
    write_superclasses,
)
from lifesign_training.storage import storage_errors, write_text
from lifesign_training.user_model import keep_user_file

__all__ = ["train"]

_PARITY_IMAGES = 32


def train(
    recipe: Recipe,
    data: str | Path,
    out: Path,
    *,
    progress: TrainingProgress | None = None,
    resume: bool = False,
    weights: Path | None = None,
    random_weights: bool = False,
    allow_findings: bool = False,
    distribute: Distribute = Distribute.AUTO,
) -> TrainedRun:
    """Train ``recipe`` on the samples at ``data`` into the folder ``out``, and return the finished run.

    The weights of the epoch that is best on the development split are kept, operating points are
    chosen there, and the test split, if there is one, is looked at once, at the end. With ``resume``
    an unfinished run goes on after its last finished epoch, and a finished one is returned as it is.
    The audit's findings are kept in ``audit.json``; with ``allow_findings`` none of them stops the training.
    ``random_weights`` lets a head be trained on features of an untrained network. Every worker of a
    ``multi-worker`` training needs a folder of its own.

    Raises:
        DatasetError: the data cannot be used, or its audit has blocking findings: subjects or images leak
            between splits, an image has two labels, a class is missing.
        ConfigurationError: recipe, weights or a resumed folder do not fit.
        ConflictError: ``out`` holds a run already and ``resume`` is false.
        ContractError: the finished model prefers attacks to bona fide.
        StorageError: the disk refused.
    """
    listener = progress or SilentProgress()
    _require_known_point(recipe)
    # TensorFlow wants to hear of other workers before anything else.
    workers = _workers(distribute, resume=resume)
    prepared = prepare_data(recipe, data, listener, allow_findings=allow_findings)
    config = RunConfig(
        recipe=recipe,
        class_names=prepared.class_names,
        data_digest=digest_of(list(prepared.splits.values())),
        weights_digest=_file_digest(weights) or ("random" if random_weights else ""),
    )
    open_run_folder(out, config, resume=resume)
    if resume and TrainedRun.is_finished(out):
        return TrainedRun.load(out)
    _write_inputs(out, recipe, prepared)
    task = learning_task(recipe, prepared, weights=weights, random_weights=random_weights, listener=listener)
    checkpoints = CheckpointFolder(out / "checkpoints")
    loop = TrainingLoop(
        recipe,
        task.inputs[Split.TRAIN],
        task.inputs[Split.DEV],
        class_names=prepared.class_names,
        checkpoints=checkpoints,
        progress=listener,
        build=task.build,
        weights=weights,
        distribute=distribute,
        workers=workers,
    )
    model, history, best = loop.run()
    _write_results(out, task.finish(model), history, best, prepared.splits[Split.DEV])
    summary = _summary(config, model, task.inputs, prepared, history, best=best)
    beside = _baseline(out, recipe, model, task.inputs, prepared.class_names)
    run = TrainedRun(out, summary.model_copy(update={"metrics": summary.metrics | beside}))
    run.save()
    checkpoints.remove()
    for line in diagnose_run(out):
        listener.on_message(line)
    return run


def _require_known_point(recipe: Recipe) -> None:
    point = recipe.default_operating_point
    if point is not None and point not in CRITERIA:
        raise ConfigurationError(
            f"default_operating_point is {point!r}, expected one of {', '.join(CRITERIA)}"
        )


def _workers(distribute: Distribute, *, resume: bool) -> Workers | None:
    workers = workers_from_environment() if distribute is Distribute.MULTI_WORKER else None
    if workers and resume:
        raise ConfigurationError("--resume is for a training in one process, not for multi-worker")
    return workers


def _file_digest(path: Path | None) -> str:
    if path is None:
        return ""
    if not path.is_file():
        raise ConfigurationError(f"no weights file at {path}")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_inputs(out: Path, recipe: Recipe, prepared: PreparedData) -> None:
    """Write what the training starts from: machine, the user's own code, samples and their audit."""
    write_environment(out, devices=device_names())
    keep_user_file(recipe.model, out)
    _write_samples(out, prepared)
    if prepared.superclasses:
        write_superclasses(out, prepared.superclasses)


def _write_samples(out: Path, prepared: PreparedData) -> None:
    parts = prepared.splits
    with storage_errors(str(out / SAMPLES_FILE)), (out / SAMPLES_FILE).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "split", "label", "pai_species", "subject_id", "sha256", "dataset"))
        for split, part in parts.items():
            for item in part.samples:
                digest = part.digests[item.sample_id]
                facts = (item.sample_id, split, item.label, item.species, item.subject, digest, item.dataset)
                writer.writerow(facts)
    unreadable = [asdict(item) for part in parts.values() for item in part.unreadable]
    document = {
        "lines": prepared.audit,
        "unreadable": unreadable,
        "findings": [finding.model_dump(mode="json") for finding in prepared.findings],
    }
    write_text(out / "audit.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _write_results(
    out: Path, model: keras.Model, history: tuple[EpochRecord, ...], best: int, dev: DecodedSplit
) -> None:
    write_history(out, history)
    draw_curves(history, best, out, title=f"{len(history)} epochs, epoch {best} kept")
    with storage_errors(str(out)):
        model.save(out / MODEL_FILE)
        np.save(out / PARITY_FILE, _parity_inputs(model, dev))


def _parity_inputs(model: keras.Model, dev: DecodedSplit) -> NDArray[Any]:
    """Return what the export is compared on: development images; noise where only features were given."""
    takes = model.inputs[0].shape[1:]
    if dev.images.ndim == 2 and len(takes) == 3:
        return np.random.default_rng(0).integers(0, 256, (_PARITY_IMAGES, *takes), dtype=np.uint8)
    rows = np.linspace(0, len(dev.images) - 1, min(_PARITY_IMAGES, len(dev.images))).round().astype(int)
    return np.asarray(dev.images[rows])


def _baseline(
    out: Path,
    recipe: Recipe,
    model: keras.Model,
    inputs: Mapping[Split, DecodedSplit],
    class_names: tuple[str, ...],
) -> dict[str, float | None]:
    """Train the plain method that the recipe wants beside the network; return its metrics."""
    if not (isinstance(recipe.model, FeaturesConfig) and recipe.model.svm_baseline):
        return {}
    return write_baseline(out, model, inputs, class_names)


def _summary(
    config: RunConfig,
    model: keras.Model,
    splits: Mapping[Split, DecodedSplit],
    prepared: PreparedData,
    history: tuple[EpochRecord, ...],
    *,
    best: int,
) -> RunSummary:
    recipe, dev = config.recipe, splits[Split.DEV]
    logits = {
        split: predict_logits(model, splits[split].images) for split in splits if split is not Split.TRAIN
    }
    is_liveness = recipe.task == "liveness"
    points = (
        choose_operating_points(
            liveness_scores(dev, softmax(logits[Split.DEV])), dataset_digest=config.data_digest
        )
        if is_liveness
        else ()
    )
    default = (
        recipe.default_operating_point if recipe.default_operating_point in {p.id for p in points} else None
    )
    metrics: dict[str, float | None] = {}
    for split, values in logits.items():
        measured = measure(splits[split], values, config.class_names)
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
    return RunSummary(
        recipe=recipe,
        class_names=config.class_names,
        data_digest=config.data_digest,
        audit=prepared.audit,
        unreadable=sum(len(part.unreadable) for part in splits.values()),
        epochs=len(history),
        best_epoch=best,
        metrics=metrics,
        operating_points=points,
        default_operating_point=default,
        reference_profile=reference_profile(
            prepared.splits[Split.DEV], _reference_scores(softmax(logits[Split.DEV]), is_liveness)
        ),
        parameters=model.count_params(),
        seconds=sum(record.seconds for record in history),
        finished_at=now(),
    )


def _reference_scores(probabilities: NDArray[np.float32], is_liveness: bool) -> NDArray[np.float32]:
    return probabilities[:, 1] if is_liveness else probabilities.max(axis=1)
