"""Which learning rate suits: the loss while the rate grows from batch to batch (Smith, 2017)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from lifesign.errors import ContractError
from lifesign_training.batches import EpochBatches, class_weights
from lifesign_training.optimizers import compile_for
from lifesign_training.pixels import DecodedSplit
from lifesign_training.recipe import Recipe

__all__ = ["RateSearch", "find_rate", "suggest_rate"]

_SMOOTHED_STEPS = 2.0
_DIVERGED = 4.0
_RECENT = 5
_FEWEST_STEPS = 10
_LEAST_FALL = 0.02


@dataclass(frozen=True)
class RateSearch:
    """Rates tried and the loss of each batch, ``(n,)``; ``smoothed`` is a mean over neighbouring steps."""

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    diverged: bool


def find_rate(
    model: keras.Model,
    recipe: Recipe,
    train: DecodedSplit,
    class_names: tuple[str, ...],
    *,
    lowest: float = 1e-7,
    highest: float = 1.0,
    steps: int = 100,
) -> RateSearch:
    """Train ``model``, a copy made for this, for ``steps`` batches, the rate growing by a constant factor.

    It stops when the loss of five batches is four times its least, or no number. Batches, class weights,
    augmentation, loss and optimiser are the recipe's.

    Raises:
        ContractError: the loss was no number within the first ten steps.
    """
    config = recipe.training.model_copy(update={"schedule": "constant", "learning_rate": lowest})
    compile_for(model, config, steps=steps)
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    for rate, (images, labels, weights) in zip(rates, _endless(recipe, train, class_names), strict=False):
        model.optimizer.learning_rate.assign(rate)
        model.reset_metrics()
        answer: Any = model.train_on_batch(images, labels, sample_weight=weights, return_dict=True)
        losses.append(float(answer["loss"]))
        if not np.isfinite(losses[-1]) or _has_diverged(losses):
            break
    found = np.array(losses)
    finite = found[np.isfinite(found)]
    if len(finite) < _FEWEST_STEPS:
        raise ContractError(
            f"the loss was no number after {len(finite)} steps at a rate of {rates[len(finite)]:.1e}; "
            "look at the images, or begin with a lower rate"
        )
    smoothed = gaussian_filter1d(finite, _SMOOTHED_STEPS, mode="nearest")
    tried = rates[: len(finite)]
    return RateSearch(tried, finite, smoothed, suggest_rate(tried, smoothed), len(finite) < steps)


def suggest_rate(rates: NDArray[np.float64], smoothed: NDArray[np.float64]) -> float | None:
    """Return the rate where the smoothed loss ``(n,)`` falls fastest per decade, before its least.

    ``None`` where it never falls by 2 % of its start.
    """
    least = int(np.argmin(smoothed))
    if least < 2 or smoothed[least] > (1 - _LEAST_FALL) * smoothed[0]:
        return None
    slopes = np.gradient(smoothed[: least + 1], np.log10(rates[: least + 1]))
    return float(rates[int(np.argmin(slopes))])


def _has_diverged(losses: list[float]) -> bool:
    """Whether the mean of the last five batches is four times the least mean of five; one batch is noise."""
    if len(losses) < 2 * _RECENT:
        return False
    means = np.convolve(losses, np.full(_RECENT, 1 / _RECENT), mode="valid")
    return bool(means[-1] > _DIVERGED * means.min())


def _endless(recipe: Recipe, train: DecodedSplit, class_names: tuple[str, ...]) -> Iterator[Any]:
    labels = train.labels(class_names)
    for epoch in itertools.count(1):
        batches = EpochBatches(
            train.images,
            labels,
            weights=class_weights(labels, len(class_names), recipe.training.class_weights),
            batch_size=recipe.training.batch_size,
            augmentation=recipe.augmentation,
            seed=recipe.training.seed,
            epoch=epoch,
        )
        for index in range(len(batches)):
            yield batches[index]
