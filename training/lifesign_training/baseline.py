"""The head and the plain method side by side, on the same splits: a file of the run, then the model card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from lifesign.errors import ConfigurationError, StorageError
from lifesign.labels import Split
from lifesign.model_card import BaselineMethod, MethodResult
from lifesign.validation import problems_of
from lifesign_training.loop import predict_logits
from lifesign_training.pixels import DecodedSplit
from lifesign_training.run_folder import SAMPLES_FILE
from lifesign_training.samples_file import split_digest
from lifesign_training.storage import write_text
from lifesign_training.svm_baseline import SVM_ABOUT, SVM_NAME, confusion_counts, svm_baseline

__all__ = ["BASELINE_FILE", "read_baselines", "write_baseline"]

BASELINE_FILE = "baseline.json"
_MOST_CLASSES = 20  # up to which a card keeps whole matrices


def write_baseline(
    out: Path, model: keras.Model, inputs: Mapping[Split, DecodedSplit], class_names: tuple[str, ...]
) -> dict[str, float | None]:
    """Write ``baseline.json``, with both matrices per split; return ``svm_{split}_accuracy`` etc., 0–1."""
    machine = svm_baseline(inputs, class_names)
    document: dict[str, Any] = {"class_names": class_names, "splits": {}}
    metrics: dict[str, float | None] = {}
    for split, found in machine.items():
        part = inputs[split]
        true = part.labels(class_names)
        network = predict_logits(model, part.images).argmax(axis=1).astype(np.int64)
        document["splits"][split] = {
            "network": _measured(true, network, len(class_names)),
            "svm": (svm := _measured(true, found, len(class_names))),
        }
        metrics[f"svm_{split}_accuracy"] = svm["accuracy"]
        metrics[f"svm_{split}_balanced_accuracy"] = svm["balanced_accuracy"]
    write_text(out / BASELINE_FILE, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return metrics


def read_baselines(run: Path) -> tuple[BaselineMethod, ...]:
    """Return what the model card of a run tells of its SVM, one entry for each split; none without one.

    Raises:
        ConfigurationError: ``baseline.json`` is not that of a run.
        StorageError: it cannot be read.
    """
    path = run / BASELINE_FILE
    try:
        document = json.loads(path.read_text("utf-8"))
        names = tuple(document["class_names"])
        return tuple(
            BaselineMethod(
                name=SVM_NAME,
                about=SVM_ABOUT,
                split=split,
                images_digest=split_digest(run / SAMPLES_FILE, split, names),
                result=_result(found["svm"]["confusion"], names),
                network=_result(found["network"]["confusion"], names),
            )
            for split, found in document["splits"].items()
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path} is not valid: {problems_of(error)}") from error
    except KeyError as error:
        raise ConfigurationError(f"{path}: expected the matrices of a training, got no {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: expected the matrices of a training, got {error}") from error


def _result(confusion: list[list[int]], names: tuple[str, ...]) -> MethodResult:
    counts = np.array(confusion, np.int64).reshape(len(names), len(names))
    support, right = counts.sum(axis=1), np.diag(counts)
    recalls = {
        name: float(right[index] / support[index]) for index, name in enumerate(names) if support[index]
    }
    return MethodResult(
        samples=int(support.sum()),
        errors=int(support.sum() - right.sum()),
        balanced_accuracy=float(np.mean(list(recalls.values()))),
        recalls=recalls,
        confusion=tuple(map(tuple, counts.tolist())) if len(names) <= _MOST_CLASSES else (),
    )


def _measured(true: NDArray[np.int64], found: NDArray[np.int64], classes: int) -> dict[str, Any]:
    counts = confusion_counts(true, found, classes)
    present = counts.sum(axis=1) > 0
    recalls = np.diag(counts)[present] / counts.sum(axis=1)[present]
    return {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "balanced_accuracy": float(recalls.mean()),
        "confusion": counts.tolist(),
    }
