"""What happens to pixels inside the graph, before the first layer."""

from typing import Any

import keras
from keras import layers

__all__ = ["grey", "scaled"]

_BT601: Any = [0.299, 0.587, 0.114]


def scaled(x: Any, scaling: str) -> Any:
    """Return pixels 0–255 as floats: ``0..1``, ``-1..1``, or ``none`` for 0–255."""
    if scaling == "-1..1":
        return layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(x)
    return layers.Rescaling(1 / 255 if scaling == "0..1" else 1.0, name="scaled")(x)


def grey(x: Any) -> Any:
    """Return luma ``(n, h, w, 1)``, 0–255, of RGB pixels ``(n, h, w, 3)``; grey pixels keep their value."""
    weighted = layers.Rescaling(_BT601, name="luma_weights")(x)
    return keras.ops.sum(weighted, axis=-1, keepdims=True)
