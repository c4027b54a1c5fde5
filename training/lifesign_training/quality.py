"""Quality of logits on one split."""

import numpy as np
from numpy.typing import NDArray

from lifesign.labels import BONA_FIDE, LIVENESS_CLASSES
from lifesign_training.operating_points import LivenessScores, area_under_curve
from lifesign_training.pixels import DecodedSplit

__all__ = ["liveness_scores", "measure", "softmax"]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities ``(n, classes)``, float32, as the exported graph does."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def liveness_scores(split: DecodedSplit, probabilities: NDArray[np.float32]) -> LivenessScores:
    """Return P(bona fide) by class and PAI species, from probabilities ``(n, 2)`` in the model's order."""
    return LivenessScores.from_arrays(
        probabilities[:, LIVENESS_CLASSES.index(BONA_FIDE)],
        np.array([item.label == BONA_FIDE for item in split.samples]),
        np.array([item.species for item in split.samples], dtype=np.str_),
    )


def measure(
    split: DecodedSplit, logits: NDArray[np.float32], class_names: tuple[str, ...]
) -> dict[str, float | None]:
    """Return ``loss`` (cross-entropy, nats), ``accuracy``, ``balanced_accuracy`` (0–1), liveness: ``auc``.

    Accuracy takes the class of the greatest logit; balanced accuracy is the mean recall of the classes
    that are there.
    """
    labels = split.labels(class_names)
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    right = logits.argmax(axis=1) == labels
    recalls = [float(right[labels == index].mean()) for index in np.unique(labels)]
    measured: dict[str, float | None] = {
        "loss": float(np.mean(log_sum - shifted[np.arange(len(labels)), labels])),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
    }
    if class_names == LIVENESS_CLASSES:
        measured["auc"] = area_under_curve(liveness_scores(split, softmax(logits)))
    return measured
