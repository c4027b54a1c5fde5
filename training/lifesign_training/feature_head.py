"""A dense head on the features of a fixed network: trained on features, served on images."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign.preprocessing import PreprocessingSpec
from lifesign_training.applications import backbone_features
from lifesign_training.heads import head, with_head
from lifesign_training.model_config import FeaturesConfig

__all__ = [
    "FEATURES_INPUT",
    "extract_features",
    "features_network",
    "head_network",
    "images_network",
    "joined",
]

FEATURES_INPUT = "features"
_BATCH = 16
# Checkers take the type of this argument from its default in Keras, "auto".
_QUIET: Any = 0


def features_network(config: FeaturesConfig, spec: PreprocessingSpec, weights: Path | None) -> keras.Model:
    """Return the fixed network: images uint8 ``(n, height, width, 3)`` → features ``(n, d)``.

    Random weights follow Keras' random seed.
    """
    images, features = backbone_features(
        config.backbone, spec, scaling=config.scaling, pooling=config.pooling, weights=weights
    )
    network = keras.Model(images, features, name=f"{config.backbone.lower()}_features")
    network.trainable = False
    return network


def extract_features(network: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return features float32 ``(n, d)`` of images uint8 ``(n, height, width, 3)``."""
    return np.asarray(network.predict(images, batch_size=_BATCH, verbose=_QUIET), dtype=np.float32)


def head_network(config: FeaturesConfig, size: int, classes: int) -> keras.Model:
    """Return the network that is trained: features float32 ``(n, size)`` → logits ``(n, classes)``."""
    features: Any = keras.Input((size,), dtype="float32", name=FEATURES_INPUT)
    return with_head(features, features, config.embedding_size, config.dropout, classes, "features_head")


def images_network(
    config: FeaturesConfig, spec: PreprocessingSpec, classes: int, weights: Path | None
) -> keras.Model:
    """Return the network that is served: images → fixed features → logits, its head untrained."""
    network = features_network(config, spec, weights)
    features: Any = network.output
    return joined(network, head_network(config, features.shape[-1], classes), config)


def joined(network: keras.Model, trained: keras.Model, config: FeaturesConfig) -> keras.Model:
    """Return images → features → logits, with the weights of a trained head.

    Raises:
        ConfigurationError: the head was trained on features of another length.
    """
    features: Any = network.output
    answers: Any = trained.output
    takes, gives = trained.inputs[0].shape[-1], features.shape[-1]
    if takes != gives:
        raise ConfigurationError(
            f"the features have {takes} numbers per image, but {config.backbone} gives {gives} "
            f"for images of {network.inputs[0].shape[1]} × {network.inputs[0].shape[2]}"
        )
    classes = answers.shape[-1]
    logits = head(features, config.embedding_size, config.dropout, classes)
    model = keras.Model(network.inputs, logits, name="features_head")
    for layer in trained.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model
