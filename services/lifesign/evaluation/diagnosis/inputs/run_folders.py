"""Our own folders: a training run, an evaluation run, a report document."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evaluation, Evidence
from lifesign.evaluation.diagnosis.inputs.epoch_rows import Row, curves_of_rows
from lifesign.evaluation.diagnosis.setup import setup_from

__all__ = ["epoch_figures", "evidence_of_report", "is_run_folder", "read_run_folder", "training_curves"]

_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
# What our history calls its figures, and the name that the rules know.
_METRICS = {
    "train_loss": "loss",
    "train_accuracy": "accuracy",
    "dev_loss": "val_loss",
    "dev_accuracy": "val_accuracy",
    "dev_auc": "val_auc",
    "train_mse": "mean_squared_error",
    "dev_mse": "val_mean_squared_error",
    "dev_balanced_accuracy": "val_balanced_accuracy",
    "dev_eer": "val_eer",
    "learning_rate": "lr",
}


def is_run_folder(folder: Path) -> bool:
    """Whether a folder is one of our training or evaluation runs."""
    return (folder / "history.json").is_file() or (folder / "report.json").is_file()


def read_run_folder(folder: Path) -> Evidence:
    """Return the evidence of a training run (``history.json``) or an evaluation run (``report.json``).

    Raises:
        InputError: the folder holds neither.
    """
    if (folder / "history.json").is_file():
        return _training_run(folder)
    if (folder / "report.json").is_file():
        return evidence_of_report(_json(folder / "report.json"), identifier=folder.name)
    raise InputError(
        f"{folder}: expected a training run (history.json), an evaluation run (report.json) or TensorBoard "
        "event files, found none"
    )


def _training_run(folder: Path) -> Evidence:
    counts = _class_counts(folder / "samples.csv")
    curves = training_curves(_json(folder / "history.json"))
    if curves is not None:
        sizes = {name: given.size for name, given in counts.items()}
        curves = replace(curves, train_samples=sizes.get("train"), validation_samples=sizes.get("validation"))
    config = _json(folder / "config.json") if (folder / "config.json").is_file() else {}
    names = tuple(str(name) for name in config.get("class_names") or ())
    return Evidence(
        id=folder.name,
        curves=curves,
        class_names=names,
        n_classes=len(names) or None,
        counts=counts,
        setup=setup_from(_recipe_notes(config.get("recipe") or {}, counts.get("train"))),
    )


def epoch_figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of one of our epoch records by the names that the rules know."""
    return {key: float(record[name]) for name, key in _METRICS.items() if record.get(name) is not None}


def training_curves(records: Sequence[Mapping[str, Any]]) -> Curves | None:
    """Return the curves of our epoch records."""
    rows = []
    for record in records:
        row = Row(number=int(record["epoch"]), seconds=float(record.get("seconds") or 0))
        row.values.update(epoch_figures(record))
        row.names.update({key: name for name, key in _METRICS.items() if key in row.values})
        row.decimals = 12
        rows.append(row)
    return curves_of_rows(rows) if rows else None


def _recipe_notes(recipe: Mapping[str, Any], counts: ClassCounts | None) -> list[str]:
    """Say a recipe in the words of notes; our loop always has softmax and cross-entropy."""
    training = recipe.get("training") or {}
    notes = [f"optimizer {training.get('optimizer', 'adam')}"] if training else []
    if training.get("learning_rate"):
        notes.append(f"learning_rate={training['learning_rate']}")
    sizes = [] if counts is None else list(counts.by_class.values())
    # On classes of one size the weights are 1 and the losses on one scale.
    if training.get("class_weights") and not (sizes and max(sizes) <= 1.2 * min(sizes)):
        notes.append(f"class_weight {training['class_weights']}")
    model = recipe.get("model") or {}
    if model.get("backbone"):
        notes.append(f"backbone {model['backbone']}")
    return notes


def _class_counts(path: Path) -> dict[str, ClassCounts]:
    if not path.is_file():
        return {}
    counted: dict[str, Counter[str]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            name = _SPLITS.get(row.get("split", ""))
            if name is not None and row.get("label"):
                counted.setdefault(name, Counter())[row["label"]] += 1
    return {name: ClassCounts(dict(sorted(counts.items()))) for name, counts in counted.items()}


def evidence_of_report(document: Mapping[str, Any], *, identifier: str = "") -> Evidence:
    """Return the evidence of a report document (``report.json``) of any schema version.

    The course of the training is taken along where the report is of that training's own test split: of
    other data, differences between the two are no matter of the training.
    """
    confusion = document["confusion"]
    names = tuple(str(name) for name in confusion["class_names"])
    counts = np.asarray(confusion["counts"], np.int64)
    metrics = {}
    accuracy = (document.get("accuracy") or {}).get("value")
    if accuracy is not None:
        metrics["accuracy"] = float(accuracy)
    areas = [
        row["auc"]["value"]
        for row in document.get("classes") or ()
        if row.get("auc") and row["auc"]["value"] is not None
    ]
    if areas and len(names) == 2:
        metrics["auc"] = float(areas[-1])
    training = document.get("training") or {}
    if training.get("evaluated_split") != "test":
        training = {}
    return Evidence(
        id=identifier,
        curves=_reported_curves(training),
        setup=setup_from(training.get("configuration") or ()),
        matrix=counts,
        class_names=names,
        n_classes=len(names),
        evaluations=(Evaluation("test", metrics, method="report", n=int(counts.sum())),) if metrics else (),
    )


def _reported_curves(training: Mapping[str, Any]) -> Curves | None:
    figures, samples = training.get("figures") or {}, training.get("samples") or {}
    epochs = max((len(values) for values in figures.values()), default=0)
    rows = [
        {"epoch": row + 1, **{name: values[row] for name, values in figures.items()}} for row in range(epochs)
    ]
    curves = training_curves(rows)
    if curves is None:
        return None
    return replace(curves, train_samples=samples.get("train"), validation_samples=samples.get("dev"))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
