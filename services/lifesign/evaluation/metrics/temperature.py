"""Temperature: the one number that logits would have to be divided by to be calibrated.

It tells how over-confident (above 1) or over-cautious (below 1) a model is. Fitted on a test set it describes
that set; a temperature to be *used* belongs to the development set and into the exported model.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError

__all__ = ["Temperature", "fit_temperature", "log_loss_at", "scaled_scores"]

_RANGE = (math.log(0.02), math.log(50.0))
_PRECISION = 1e-6
_CELLS = 250_000  # samples times classes at once


@dataclass(frozen=True, slots=True)
class Temperature:
    """The temperature with the least log loss, in [0.02, 50]; 1 is calibrated, above 1 over-confident.

    Log losses are means in nats, at temperature 1 and at this one; ``nan`` without samples.
    """

    value: float
    log_loss_before: float
    log_loss_after: float
    samples: int


def fit_temperature(logits: NDArray[np.floating[Any]], true: NDArray[np.integer[Any]]) -> Temperature:
    """Return the temperature of logits ``(n, k)`` of samples with true class index ``true``, ``(n,)``.

    Guo et al., On Calibration of Modern Networks (2017). The log loss is convex in 1/temperature, so its
    minimum is the only one.

    Raises:
        InputError: shapes that do not fit, or logits that are not finite.
    """
    _check(logits, true)
    if not len(true):
        return Temperature(math.nan, math.nan, math.nan, 0)
    # 20 MB to load, and needed only where a file or model gives logits.
    from scipy import optimize

    found = optimize.minimize_scalar(
        lambda log_temperature: log_loss_at(logits, true, math.exp(log_temperature)),
        bounds=_RANGE,
        method="bounded",
        options={"xatol": _PRECISION},
    )
    value = math.exp(float(found.x))
    return Temperature(value, log_loss_at(logits, true, 1.0), log_loss_at(logits, true, value), len(true))


def log_loss_at(
    logits: NDArray[np.floating[Any]], true: NDArray[np.integer[Any]], temperature: float
) -> float:
    """Return the mean of -log softmax(logits / temperature) of the true class, in nats; 0 is best."""
    losses = np.empty(len(true))
    rows = max(1, _CELLS // max(1, logits.shape[1]))
    for start in range(0, len(true), rows):
        block = slice(start, start + rows)
        scaled = np.asarray(logits[block], dtype=np.float64) / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        own = np.take_along_axis(scaled, true[block, np.newaxis].astype(np.int64), axis=1)[:, 0]
        losses[block] = np.log(np.exp(scaled, out=scaled).sum(axis=1)) - own
    return float(losses.mean())


def scaled_scores(logits: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """Return softmax(logits / temperature), float64 ``(n, k)``."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    scores: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return scores


def _check(logits: NDArray[np.floating[Any]], true: NDArray[np.integer[Any]]) -> None:
    if logits.ndim != 2 or true.shape != logits.shape[:1]:
        raise InputError(f"expected logits (n, k) and n true classes, got {logits.shape} and {true.shape}")
    if true.size and not 0 <= int(true.min()) <= int(true.max()) < logits.shape[1]:
        raise InputError(f"expected true classes in 0…{logits.shape[1] - 1}, got {true.min()}…{true.max()}")
    if not np.isfinite(logits).all():
        raise InputError("expected finite logits, got values that are infinite or not a number")
