"""Quality of logits on one split."""

import numpy as np
from numpy.typing import NDArray

from lifesign.labels import BONA_FIDE, LIVENESS_CLASSES
from lifesign_training.operating_points import LivenessScores, area_under_curve, equal_error_rate
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
    """Return ``loss`` (nats), ``accuracy``, ``balanced_accuracy``, ``mse``; liveness: ``auc`` and ``eer``.

    Accuracy takes the class of the greatest logit; balanced accuracy is the mean recall of the classes
    that are there; all are 0–1 but the loss, a cross-entropy. ``mse`` is the mean over samples and classes.
    """
    labels = split.labels(class_names)
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    errors = np.exp(shifted - log_sum[:, None]) - np.eye(logits.shape[1])[labels]
    right = logits.argmax(axis=1) == labels
    recalls = [float(right[labels == index].mean()) for index in np.unique(labels)]
    measured: dict[str, float | None] = {
        "loss": float(np.mean(log_sum - shifted[np.arange(len(labels)), labels])),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "mse": float(np.mean(errors**2)),
    }
    if class_names == LIVENESS_CLASSES:
        scores = liveness_scores(split, softmax(logits))
        measured["auc"] = area_under_curve(scores)
        measured["eer"] = equal_error_rate(scores)
    return measured
