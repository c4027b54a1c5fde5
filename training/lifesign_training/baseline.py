"""The head and the plain method side by side, on the same splits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lifesign.labels import Split
from lifesign_training.loop import predict_logits
from lifesign_training.pixels import DecodedSplit
from lifesign_training.storage import write_text
from lifesign_training.svm_baseline import confusion_counts, svm_baseline

__all__ = ["BASELINE_FILE", "write_baseline"]

BASELINE_FILE = "baseline.json"


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


def _measured(true: NDArray[np.int64], found: NDArray[np.int64], classes: int) -> dict[str, Any]:
    counts = confusion_counts(true, found, classes)
    present = counts.sum(axis=1) > 0
    recalls = np.diag(counts)[present] / counts.sum(axis=1)[present]
    return {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "balanced_accuracy": float(recalls.mean()),
        "confusion": counts.tolist(),
    }
