"""Training batches: shuffled and augmented from (seed, epoch) alone, so a resumed epoch sees the same."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lifesign_training.recipe import AugmentationConfig

__all__ = ["EpochBatches", "augment", "class_weights"]


def class_weights(
    labels: NDArray[np.int64], classes: int, kind: str | bool = "balanced"
) -> NDArray[np.float32]:
    """Return a weight per class, ``(classes,)``; every class weighs the same in sum, or all weigh 1.

    ``balanced`` (or true) is n / (classes · n_c), 1 on average; ``inverse_frequency`` is n / n_c; false is 1.
    """
    if kind is False:
        return np.ones(classes, np.float32)
    counts = np.bincount(labels, minlength=classes)
    share = 1 if kind == "inverse_frequency" else classes
    with np.errstate(divide="ignore"):
        weights = np.where(counts > 0, len(labels) / (share * counts), 0.0)
    return weights.astype(np.float32)


def augment(images: NDArray[Any], config: AugmentationConfig, random: np.random.Generator) -> NDArray[Any]:
    """Return changed copies of images ``(n, h, w, 3)``; a crop is ``(n, side, side, 3)``.

    Without any augmentation the rows are returned as they are, features ``(n, d)`` too.
    Only mirrored, shifted or cropped: scaling, blur and compression would wash out the cues of attacks.
    """
    if config == AugmentationConfig():
        return images
    count, height, width, _ = images.shape
    if config.shift:
        images = _shifted(images, config.shift, random)
    if config.crop is not None:
        tops = random.integers(0, height - config.crop + 1, count)
        lefts = random.integers(0, width - config.crop + 1, count)
        images = np.stack(
            [
                image[top : top + config.crop, left : left + config.crop]
                for image, top, left in zip(images, tops, lefts, strict=True)
            ]
        )
    if config.flip:
        mirrored = np.flatnonzero(random.integers(0, 2, count))
        images = images.copy()
        images[mirrored] = images[mirrored, :, ::-1]
    return images


def _shifted(images: NDArray[np.uint8], reach: int, random: np.random.Generator) -> NDArray[np.uint8]:
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    offsets = random.integers(0, 2 * reach + 1, (len(images), 2))
    return np.stack(
        [
            image[top : top + height, left : left + width]
            for image, (top, left) in zip(padded, offsets, strict=True)
        ]
    )


class EpochBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of ``(images, one-hot labels, weights)`` batches, a function of ``(seed, epoch)``."""

    def __init__(
        self,
        images: NDArray[Any],
        labels: NDArray[np.int64],
        *,
        weights: NDArray[np.float32],
        batch_size: int,
        augmentation: AugmentationConfig,
        seed: int,
        epoch: int,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._images = images
        self._labels = labels
        self._weights = weights
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._key = (seed, epoch)
        self._order = np.random.default_rng(self._key).permutation(len(labels))

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self._order) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
        """Return batch ``index``: uint8 ``(b, h, w, 3)``, float32 ``(b, classes)``, float32 ``(b,)``."""
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        random = np.random.default_rng((*self._key, index))
        images = augment(self._images[rows], self._augmentation, random)
        labels = self._labels[rows]
        return images, np.eye(len(self._weights), dtype=np.float32)[labels], self._weights[labels]
