"""Publish a trained run as ``<base>/<name>/<version>/``, whole or not at all."""

import contextlib
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lifesign.errors import ConfigurationError, ConflictError, ContractError, StorageError
from lifesign.evaluation.audit.trained_on import TRAINED_ON_FILE, TrainedOn
from lifesign.labels import Split
from lifesign.model_card import ModelCard
from lifesign.signature import CARD_FILE
from lifesign_training.baseline import read_baselines
from lifesign_training.course import course_of_run
from lifesign_training.models import inspectable_layers, load_trained
from lifesign_training.parity import require_parity
from lifesign_training.run_folder import PARITY_FILE, SAMPLES_FILE, TrainedRun, now
from lifesign_training.servable import build_servable, require_plain_graph
from lifesign_training.staging import put_in_place, staging_folder
from lifesign_training.storage import storage_errors, sync_tree
from lifesign_training.warmup import WARMUP_FILE, write_warmup

__all__ = ["export_version", "new_version_folder", "next_version"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def export_version(
    run: TrainedRun | Path, base: Path, name: str, version: int, *, layers: tuple[str, ...] = ()
) -> Path:
    """Export a finished run as version ``version`` of model ``name`` below ``base``; return its folder.

    The version is written aside in the same file system, compared with the Keras model, flushed to
    the disk and renamed into place: a server that watches ``base`` never sees a part of it. What
    killed exports of the model have left there is removed. ``layers`` are the outputs of ``inspect``;
    without any, up to six activations.

    Raises:
        ConflictError: the version exists; versions are never overwritten.
        ConfigurationError: a name or version that cannot be a folder of TensorFlow Serving, a layer that
            the network lacks, or a head without the network that makes its features.
        ContractError: the exported graph computes something else than the trained model.
        StorageError: the disk is full or refuses; nothing is left behind.
    """
    trained = run if isinstance(run, TrainedRun) else TrainedRun.load(run)
    target = new_version_folder(base, name, version)
    model = load_trained(trained.model_path, trained.summary.recipe)
    _require_images(model, trained)
    shown = _chosen_layers(model, layers)
    with _storage(f"model {name} version {version} below {base}"), staging_folder(target) as folder:
        _write(folder, model, trained, shown, name=name, version=version)
        require_plain_graph(folder)
        require_parity(model, folder, np.load(trained.directory / PARITY_FILE))
        sync_tree(folder)
        put_in_place(folder, target)
    return target


def _trained_on(directory: Path) -> TrainedOn | None:
    """Return which images and people a run learned from, or chose its thresholds on; older runs kept none."""
    path = directory / SAMPLES_FILE
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] != Split.TEST]
    named = [(row.get("dataset") or "", row["subject_id"]) for row in rows if row["subject_id"]]
    subjects = [f"{source}/{subject}" if source else subject for source, subject in named]
    return TrainedOn.of(
        [row["sha256"] for row in rows], subjects, qualified=all(source for source, _ in named)
    )


def new_version_folder(base: Path, name: str, version: int) -> Path:
    """Return where a version goes; a training asks before its first epoch.

    Raises:
        ConfigurationError: a name or version that cannot be a folder of TensorFlow Serving.
        ConflictError: the version exists.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"model name {name!r}: expected letters, digits, '_', '-' and '.'")
    if version < 1:
        raise ConfigurationError(f"version is {version}, expected 1 or more")
    target = base / name / str(version)
    if target.exists():
        raise ConflictError(
            f"{target} exists already; versions are never overwritten, take {next_version(base, name)}"
        )
    return target


def next_version(base: Path, name: str) -> int:
    """Return one more than the greatest version of a model, 1 where there is none."""
    folder = base / name
    versions = (
        [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()] if folder.is_dir() else []
    )
    return max(versions, default=0) + 1


def model_card(trained: TrainedRun, *, name: str, version: int, layers: tuple[str, ...]) -> ModelCard:
    """Return the card of an exported run.

    Raises:
        ConfigurationError: the figures of its plain method are not those of a run.
        InputError: its history cannot be read.
    """
    summary = trained.summary
    return ModelCard(
        name=name,
        version=version,
        task=summary.recipe.task,
        class_names=summary.class_names,
        preprocessing=summary.recipe.preprocessing,
        operating_points=summary.operating_points,
        default_operating_point=summary.default_operating_point,
        training_data_digest=summary.data_digest,
        recipe=summary.recipe.name,
        created_at=now(),
        metrics=summary.metrics,
        reference_profile=summary.reference_profile,
        layers=layers,
        baselines=read_baselines(trained.directory),
        training=course_of_run(trained),
    )


def _require_images(model: keras.Model, trained: TrainedRun) -> None:
    if len(model.inputs[0].shape) != 4:
        raise ConfigurationError(
            f"{trained.directory} was trained on features alone, and a served model takes images: "
            "train it with --weights FILE of the network that made the features"
        )


def _chosen_layers(model: keras.Model, asked: tuple[str, ...]) -> tuple[str, ...]:
    names = [layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if unknown := [name for name in asked if name not in names]:
        raise ConfigurationError(f"the network has no layer {unknown[0]!r}; it has {', '.join(names)}")
    return asked or inspectable_layers(model)


def _write(
    folder: Path,
    model: keras.Model,
    trained: TrainedRun,
    layers: tuple[str, ...],
    *,
    name: str,
    version: int,
) -> None:
    spec = trained.summary.recipe.preprocessing
    build_servable(model, spec, layers).save(folder)
    extra = folder / CARD_FILE
    extra.parent.mkdir(exist_ok=True)
    card = model_card(trained, name=name, version=version, layers=layers)
    extra.write_text(card.model_dump_json(indent=1) + "\n", "utf-8")
    if (trained_on := _trained_on(trained.directory)) is not None:
        (folder / TRAINED_ON_FILE).write_text(trained_on.to_json(), "utf-8")
    write_warmup(folder / WARMUP_FILE, name=name, spec=spec)


@contextlib.contextmanager
def _storage(what: str) -> Iterator[None]:
    """Translate what TensorFlow and the system say of a full disk to ``StorageError``."""
    try:
        with storage_errors(what):
            yield
    except tf.errors.OpError as error:
        message = error.message or str(error)
        lowered = message.lower()
        if "no space left" in lowered:
            raise StorageError(f"cannot write {what}: the disk is full") from error
        if "too large" in lowered or "quota" in lowered or "read-only" in lowered or "permission" in lowered:
            raise StorageError(f"cannot write {what}: {message.splitlines()[0]}") from error
        raise ContractError(f"cannot export {what}: {message.splitlines()[0]}") from error
