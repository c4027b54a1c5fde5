"""What every network ends in: the embedding and the logits, and how both are found again."""

from typing import Any

import keras
from keras import layers

__all__ = ["EMBEDDING_LAYER", "LOGITS_LAYER", "embedding_of", "head", "logits_layer", "pooled", "with_head"]

EMBEDDING_LAYER = "embedding"
LOGITS_LAYER = "logits"


def with_head(
    images: keras.KerasTensor, x: keras.KerasTensor, size: int, dropout: float, classes: int, name: str
) -> keras.Model:
    """Return the network from ``images`` over features ``x`` ``(n, d)`` to logits ``(n, classes)``."""
    return keras.Model(images, head(x, size, dropout, classes), name=name)


def head(x: keras.KerasTensor, size: int, dropout: float, classes: int) -> keras.KerasTensor:
    """Return logits ``(n, classes)`` of features ``x`` ``(n, d)``, over an embedding ``(n, size)``."""
    x = layers.Dense(size, activation="relu", name=EMBEDDING_LAYER)(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return logits_layer(classes)(x)


def logits_layer(classes: int) -> keras.layers.Layer:
    """Return the classifier, float32 also under mixed precision."""
    # Softmax of half-precision logits loses the tails.
    return layers.Dense(classes, dtype="float32", name=LOGITS_LAYER)


def pooled(x: keras.KerasTensor, pooling: str) -> keras.KerasTensor:
    """Return features ``(n, d)`` of maps ``(n, h, w, c)``: ``average``, ``max`` or ``flatten``."""
    kinds: dict[str, Any] = {
        "average": layers.GlobalAveragePooling2D,
        "max": layers.GlobalMaxPooling2D,
        "flatten": layers.Flatten,
    }
    return kinds[pooling](name="pooled")(x)


def embedding_of(model: keras.Model) -> keras.KerasTensor:
    """Return what the classifier takes, ``(n, d)``: the layer ``embedding``, or what the last takes."""
    for layer in model.layers:
        if layer.name == EMBEDDING_LAYER:
            return layer.output
    taken = model.layers[-1].input
    return taken if len(taken.shape) == 2 else layers.Flatten(name="flat_embedding")(taken)
