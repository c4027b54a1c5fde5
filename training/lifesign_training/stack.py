"""Plain stacks of layers, as a recipe lists them."""

from typing import Any

import keras
from keras import layers

from lifesign.preprocessing import PreprocessingSpec
from lifesign_training.heads import EMBEDDING_LAYER, logits_layer
from lifesign_training.model_config import ConvLayer, DenseLayer, DropoutLayer, PoolLayer, StackConfig
from lifesign_training.scaling import grey, scaled

__all__ = ["stack_network"]


def stack_network(config: StackConfig, spec: PreprocessingSpec, classes: int) -> keras.Model:
    """Return the network: images uint8 ``(n, height, width, 3)`` → logits ``(n, classes)``.

    Layers are named by kind and number (``conv1``, ``pool1``, ``dense1`` …); the last dense layer of the
    list is the ``embedding``.

    Raises:
        ValueError: a convolution or pooling is larger than what is left of the image.
    """
    images: Any = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="images")
    x = scaled(grey(images) if config.channels == 1 else images, config.scaling)
    last_dense = max((i for i, one in enumerate(config.layers) if isinstance(one, DenseLayer)), default=-1)
    counts: dict[str, int] = {}
    for index, one in enumerate(config.layers):
        kind = _kind(one)
        counts[kind] = counts.get(kind, 0) + 1
        name = EMBEDDING_LAYER if index == last_dense else f"{kind}{counts[kind]}"
        x = _layer(one, name)(x)
    return keras.Model(images, logits_layer(classes)(x), name="stack")


def _kind(one: Any) -> str:
    kinds: dict[Any, str] = {
        ConvLayer: "conv",
        PoolLayer: "pool",
        DenseLayer: "dense",
        DropoutLayer: "dropout",
    }
    return one if isinstance(one, str) else kinds[type(one)]


def _layer(one: Any, name: str) -> Any:
    match one:
        case ConvLayer():
            return layers.Conv2D(
                one.conv,
                one.kernel,
                strides=one.strides,
                padding=one.padding,
                activation=one.activation,
                name=name,
            )
        case PoolLayer(by="max"):
            return layers.MaxPooling2D(one.pool, name=name)
        case PoolLayer():
            return layers.AveragePooling2D(one.pool, name=name)
        case DenseLayer():
            return layers.Dense(one.dense, activation=one.activation, name=name)
        case DropoutLayer():
            return layers.Dropout(one.dropout, name=name)
        case "flatten":
            return layers.Flatten(name=name)
        case "global_average":
            return layers.GlobalAveragePooling2D(name=name)
        case _:
            return layers.BatchNormalization(name=name)
