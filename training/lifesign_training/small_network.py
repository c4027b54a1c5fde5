"""The residual network of the small recipes, with fixed high-pass filters in front."""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from lifesign_training.heads import pooled, with_head
from lifesign_training.model_config import SmallConfig
from lifesign_training.scaling import scaled

__all__ = ["high_pass_kernels", "small_network"]


def high_pass_kernels() -> NDArray[np.float32]:
    """Return fixed noise-residual filters, ``(5, 5, 1, 4)``, each summing to 0.

    Second differences along both axes, the 3 × 3 and the 5 × 5 square filters of the spatial rich model
    (Fridrich and Kodovský, 2012): they remove the picture and leave print raster, sub-pixels and noise.
    """
    row = np.zeros((5, 5), np.float32)
    row[2, 1:4] = [0.5, -1.0, 0.5]
    square3 = np.zeros((5, 5), np.float32)
    square3[1:4, 1:4] = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
    square5 = (
        np.array(
            [
                [-1, 2, -2, 2, -1],
                [2, -6, 8, -6, 2],
                [-2, 8, -12, 8, -2],
                [2, -6, 8, -6, 2],
                [-1, 2, -2, 2, -1],
            ],
            np.float32,
        )
        / 12
    )
    return np.stack([row, row.T, square3, square5], axis=-1)[:, :, None, :].astype(np.float32)


def small_network(config: SmallConfig, classes: int) -> keras.Model:
    """Return a network for images of any height and width: uint8 ``(n, h, w, 3)`` → logits."""
    images: Any = keras.Input((None, None, 3), dtype="uint8", name="images")
    x = scaled(images, "-1..1")
    if config.high_pass:
        x = layers.Concatenate(name="with_residuals")([x, _residuals(x)])
    x = layers.Conv2D(
        config.stem_filters, 3, strides=config.stem_stride, padding="same", use_bias=False, name="stem_conv"
    )(x)
    x = _normalised(x, config, "stem")
    for number, filters in enumerate(config.block_filters, start=1):
        x = _block(x, filters, config, f"block{number}")
    return with_head(images, pooled(x, "average"), config.embedding_size, config.dropout, classes, "small")


def _residuals(x: keras.KerasTensor) -> keras.KerasTensor:
    kernels = np.repeat(high_pass_kernels(), 3, axis=2)
    filtered = layers.DepthwiseConv2D(
        5,
        padding="same",
        depth_multiplier=kernels.shape[-1],
        use_bias=False,
        trainable=False,
        name="high_pass",
    )
    x = filtered(x)
    filtered.set_weights([kernels])
    # Truncation keeps edges of the picture from drowning the residual noise.
    x = layers.Rescaling(8.0, name="residual_gain")(x)
    signed = layers.Activation("hard_tanh", name="residuals")(x)
    # The size of a residual tells noise and raster from a sharp face; a ReLU needs two maps for it.
    return layers.Concatenate(name="residuals_and_sizes")([signed, keras.ops.absolute(signed)])


def _normalised(x: keras.KerasTensor, config: SmallConfig, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name=f"{name}_norm")(x)
    return layers.Activation("relu", name=name)(x)


def _block(x: keras.KerasTensor, filters: int, config: SmallConfig, name: str) -> keras.KerasTensor:
    """Halve the size: 3×3 convolutions, with a 1×1 shortcut around them."""
    shortcut = layers.AveragePooling2D(2, padding="same", name=f"{name}_shortcut_pool")(x)
    shortcut = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv1")(x)
    x = _normalised(x, config, f"{name}_inner")
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv2")(x)
    x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name=f"{name}_norm")(x)
    x = layers.Add(name=f"{name}_sum")([x, shortcut])
    return layers.Activation("relu", name=name)(x)
