"""Sizes and curves that constructed trainings are made of."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "Inputs",
    "Random",
    "accuracy_at",
    "class_count",
    "drawn",
    "falling",
    "history_of",
    "sample_count",
]

Inputs = dict[str, Any]
"""The ``inputs`` of a diagnosis case."""
Floats = NDArray[np.float64]
Random = np.random.Generator


def history_of(loss: Floats, accuracy: Floats, val_loss: Floats, val_accuracy: Floats, **more: Any) -> Inputs:
    """Return inputs with a history of four columns, one value per epoch."""

    def column(values: Floats) -> list[float]:
        return [round(float(value), 4) for value in values]

    history = {
        "loss": column(loss),
        "accuracy": column(np.clip(accuracy, 0, 1)),
        "val_loss": column(val_loss),
        "val_accuracy": column(np.clip(val_accuracy, 0, 1)),
    }
    return {"history": history, **more}


def class_count(random: Random) -> int:
    """Return a number of classes between 2 and 100."""
    return int(random.choice([2, 3, 5, 10, 20, 100]))


def sample_count(random: Random) -> int:
    """Return a number of validation samples between 800 and 10,000."""
    return int(random.choice([800, 1500, 4000, 10000]))


def accuracy_at(loss: Floats, classes: int) -> Floats:
    """Return an accuracy that goes with a cross-entropy: 1/K at a guess, 1 at 0."""
    return 1 - (1 - 1 / classes) * np.clip(loss / math.log(classes), 0, 1)


def drawn(random: Random, share: Floats, n: int) -> Floats:
    """Return the shares that ``n`` samples show where the true ones are ``share``, 0 to 1."""
    return random.binomial(n, np.clip(share, 0, 1)) / n


def falling(random: Random, epochs: int, *, start: float, end: float, pace: float = 0.25) -> Floats:
    """Return a loss with 1 % noise that decays to ``end``, by 1/e each ``pace`` of the epochs."""
    time = np.arange(epochs)
    clean = end + (start - end) * np.exp(-time / max(1.0, pace * epochs))
    return np.asarray(clean * np.exp(random.normal(0, 0.01, epochs)), float)
