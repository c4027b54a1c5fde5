"""Train a recipe on a data set: audit, decode, fit, choose thresholds, record."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.audit.findings import Finding, Severity
from lifesign.labels import Split
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.curves import draw_curves
from lifesign_training.data_audit import audit_decoded, audit_samples, finding_line, refuse_blocking
from lifesign_training.hardware import device_names
from lifesign_training.history import EpochRecord, write_history
from lifesign_training.loop import TrainingLoop, predict_logits
from lifesign_training.operating_points import CRITERIA, choose_operating_points
from lifesign_training.pixels import DecodedSplit, decode_samples, digest_of
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
)
from lifesign_training.samples import SampleSet, read_samples
from lifesign_training.splits import audit_lines, carve_dev
from lifesign_training.storage import storage_errors, write_text

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
    allow_findings: bool = False,
) -> TrainedRun:
    """Train ``recipe`` on the samples at ``data`` into the folder ``out``, and return the finished run.

    The weights of the epoch that is best on the development split are kept, operating points are
    chosen there, and the test split, if there is one, is looked at once, at the end. With ``resume``
    an unfinished run goes on after its last finished epoch, and a finished one is returned as it is.
    The audit's findings are kept in ``audit.json``; with ``allow_findings`` none of them stops the training.

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
    samples = carve_dev(
        read_samples(data, recipe), fraction=recipe.data.dev_fraction, seed=recipe.training.seed
    )
    # What the rows tell stops a training before an hour of decoding.
    refuse_blocking(audit_samples(samples.samples, samples.class_names), allowed=allow_findings)
    audit = (*samples.notes, *audit_lines(samples))
    for line in audit:
        listener.on_message(line)
    splits = _decode(samples, recipe, listener)
    findings = _audit(splits, samples.class_names, listener, allowed=allow_findings)
    config = RunConfig(
        recipe=recipe,
        class_names=samples.class_names,
        data_digest=digest_of(list(splits.values())),
        weights_digest=_file_digest(weights),
    )
    open_run_folder(out, config, resume=resume)
    if resume and TrainedRun.is_finished(out):
        return TrainedRun.load(out)
    write_environment(out, devices=device_names())
    _write_samples(out, splits, audit, findings)
    checkpoints = CheckpointFolder(out / "checkpoints")
    model, history, best = _fit(config, splits, checkpoints, listener, weights=weights)
    _write_results(out, model, history, best, splits[Split.DEV])
    run = TrainedRun(out, _summary(config, model, splits, history, best=best, audit=audit))
    run.save()
    checkpoints.remove()
    return run


def _require_known_point(recipe: Recipe) -> None:
    point = recipe.default_operating_point
    if point is not None and point not in CRITERIA:
        raise ConfigurationError(
            f"default_operating_point is {point!r}, expected one of {', '.join(CRITERIA)}"
        )


def _file_digest(path: Path | None) -> str:
    if path is None:
        return ""
    if not path.is_file():
        raise ConfigurationError(f"no weights file at {path}")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _decode(samples: SampleSet, recipe: Recipe, listener: TrainingProgress) -> dict[Split, DecodedSplit]:
    total = len(samples.samples)
    done = 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        listener.on_images(done, total)

    splits = {
        split: decode_samples(
            samples, members, recipe.preprocessing, threads=recipe.data.decode_threads, on_decoded=count
        )
        for split in Split
        if (members := samples.of(split))
    }
    unreadable = [item for part in splits.values() for item in part.unreadable]
    for item in unreadable:
        listener.on_message(f"unreadable ({item.reason}): {item.sample_id}: {item.detail}")
    if len(unreadable) > recipe.data.max_unreadable * total:
        raise DatasetError(
            f"{len(unreadable)} of {total} images are unreadable, more than the "
            f"{recipe.data.max_unreadable:.0%} of data.max_unreadable; "
            f"the first: {unreadable[0].sample_id}: {unreadable[0].detail}"
        )
    return splits


def _audit(
    splits: Mapping[Split, DecodedSplit],
    class_names: tuple[str, ...],
    listener: TrainingProgress,
    *,
    allowed: bool,
) -> tuple[Finding, ...]:
    findings = audit_decoded(splits.values(), class_names)
    refuse_blocking(findings, allowed=allowed)
    for finding in findings:
        if finding.severity is not Severity.INFO:
            listener.on_message(finding_line(finding))
    return findings


def _fit(
    config: RunConfig,
    splits: Mapping[Split, DecodedSplit],
    checkpoints: CheckpointFolder,
    listener: TrainingProgress,
    *,
    weights: Path | None,
) -> tuple[keras.Model, tuple[EpochRecord, ...], int]:
    loop = TrainingLoop(
        config.recipe,
        splits[Split.TRAIN],
        splits[Split.DEV],
        class_names=config.class_names,
        checkpoints=checkpoints,
        progress=listener,
        weights=weights,
    )
    return loop.run()


def _write_samples(
    out: Path,
    splits: Mapping[Split, DecodedSplit],
    audit: tuple[str, ...],
    findings: tuple[Finding, ...],
) -> None:
    with storage_errors(str(out / SAMPLES_FILE)), (out / SAMPLES_FILE).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "split", "label", "pai_species", "subject_id", "sha256", "dataset"))
        for split, part in splits.items():
            for item in part.samples:
                digest = part.digests[item.sample_id]
                facts = (item.sample_id, split, item.label, item.species, item.subject, digest, item.dataset)
                writer.writerow(facts)
    unreadable = [asdict(item) for part in splits.values() for item in part.unreadable]
    document = {
        "lines": audit,
        "unreadable": unreadable,
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
    write_text(out / "audit.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _write_results(
    out: Path, model: keras.Model, history: tuple[EpochRecord, ...], best: int, dev: DecodedSplit
) -> None:
    write_history(out, history)
    draw_curves(history, best, out, title=f"{len(history)} epochs, epoch {best} kept")
    rows = np.linspace(0, len(dev.images) - 1, min(_PARITY_IMAGES, len(dev.images))).round().astype(int)
    with storage_errors(str(out)):
        model.save(out / MODEL_FILE)
        np.save(out / PARITY_FILE, dev.images[rows])


def _summary(
    config: RunConfig,
    model: keras.Model,
    splits: Mapping[Split, DecodedSplit],
    history: tuple[EpochRecord, ...],
    *,
    best: int,
    audit: tuple[str, ...],
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
        audit=audit,
        unreadable=sum(len(part.unreadable) for part in splits.values()),
        epochs=len(history),
        best_epoch=best,
        metrics=metrics,
        operating_points=points,
        default_operating_point=default,
        reference_profile=reference_profile(dev, _reference_scores(softmax(logits[Split.DEV]), is_liveness)),
        seconds=sum(record.seconds for record in history),
        finished_at=now(),
    )


def _reference_scores(probabilities: NDArray[np.float32], is_liveness: bool) -> NDArray[np.float32]:
    return probabilities[:, 1] if is_liveness else probabilities.max(axis=1)
