"""The networks that recipes name: uint8 images in, logits out, an embedding in front of them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign_training.recipe import MobileNetConfig, Recipe, SmallConfig

__all__ = ["EMBEDDING_LAYER", "LOGITS_LAYER", "build_model", "high_pass_kernels", "inspectable_layers"]

EMBEDDING_LAYER = "embedding"
LOGITS_LAYER = "logits"
_MAX_INSPECTED = 6


def build_model(recipe: Recipe, *, classes: int, weights: Path | None = None) -> keras.Model:
    """Build the recipe's network: input ``images`` uint8 ``(n, height, width, 3)`` → logits ``(n, classes)``.

    Pixels are scaled inside. The small network takes any height and width, so it can learn from
    crops. The layer ``embedding`` is the vector in front of the classifier.

    Raises:
        ConfigurationError: a weights file that is missing or does not fit, or one for a network without.
    """
    if isinstance(recipe.model, MobileNetConfig):
        return _mobilenetv2(recipe, recipe.model, classes, weights)
    if weights is not None:
        raise ConfigurationError(f"recipe {recipe.name!r} trains from scratch and takes no --weights")
    return _small(recipe.model, classes)


def inspectable_layers(model: keras.Model) -> tuple[str, ...]:
    """Return the names of up to six activations, evenly from first to last, for feature-map figures."""
    stages = [
        layer.name
        for layer in model.layers
        if isinstance(layer, layers.Activation | layers.ReLU) and _is_feature_map(layer.output)
    ]
    if len(stages) <= _MAX_INSPECTED:
        return tuple(stages)
    picks = np.linspace(0, len(stages) - 1, _MAX_INSPECTED).round().astype(int)
    return tuple(stages[index] for index in picks)


def _is_feature_map(output: Any) -> bool:
    return len(output.shape) == 4


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


def _small(config: SmallConfig, classes: int) -> keras.Model:
    images: Any = keras.Input((None, None, 3), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(images)
    if config.high_pass:
        x = layers.Concatenate(name="with_residuals")([x, _residuals(x)])
    x = layers.Conv2D(
        config.stem_filters, 3, strides=config.stem_stride, padding="same", use_bias=False, name="stem_conv"
    )(x)
    x = _normalised(x, config, "stem")
    for number, filters in enumerate(config.block_filters, start=1):
        x = _block(x, filters, config, f"block{number}")
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    return _with_head(images, x, config.embedding_size, config.dropout, classes, "small")


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


def _mobilenetv2(recipe: Recipe, config: MobileNetConfig, classes: int, weights: Path | None) -> keras.Model:
    images: Any = keras.Input(
        (recipe.preprocessing.height, recipe.preprocessing.width, 3), dtype="uint8", name="images"
    )
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(images)
    if weights is not None and not weights.is_file():
        raise ConfigurationError(f"no weights file at {weights}")
    try:
        backbone = keras.applications.MobileNetV2(
            input_tensor=x,
            alpha=config.alpha,
            include_top=False,
            weights=_weights_argument(weights),
        )
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"weights {weights} do not fit MobileNetV2 without its top: {error}"
        ) from error
    pooled = layers.GlobalAveragePooling2D(name="pooled")(backbone.output)
    return _with_head(images, pooled, config.embedding_size, config.dropout, classes, "mobilenetv2")


def _weights_argument(weights: Path | None) -> Any:
    # Checkers take the type from the default of Keras, "imagenet"; None starts from random weights.
    return None if weights is None else str(weights)


def _with_head(
    images: keras.KerasTensor, x: keras.KerasTensor, size: int, dropout: float, classes: int, name: str
) -> keras.Model:
    x = layers.Dense(size, activation="relu", name=EMBEDDING_LAYER)(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    # float32 also under mixed precision: softmax of half-precision logits loses the tails.
    logits = layers.Dense(classes, dtype="float32", name=LOGITS_LAYER)(x)
    return keras.Model(images, logits, name=name)
