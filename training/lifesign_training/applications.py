"""Networks of ``keras.applications``, with weights from a local file and never from the net."""

import sys
from pathlib import Path
from typing import Any

import keras

from lifesign.errors import ConfigurationError
from lifesign.preprocessing import PreprocessingSpec
from lifesign_training.heads import pooled, with_head
from lifesign_training.model_config import ApplicationConfig, MobileNetConfig
from lifesign_training.scaling import scaled

__all__ = ["application_network", "backbone_features", "mobilenetv2_network"]


def mobilenetv2_network(
    config: MobileNetConfig, spec: PreprocessingSpec, classes: int, weights: Path | None
) -> keras.Model:
    """Return MobileNetV2 with a dense head: images uint8 ``(n, h, w, 3)`` → logits ``(n, classes)``."""
    images: Any = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="images")
    x = _built(
        keras.applications.MobileNetV2,
        "MobileNetV2",
        scaled(images, config.scaling),
        weights,
        alpha=config.alpha,
    )
    return with_head(
        images, pooled(x, "average"), config.embedding_size, config.dropout, classes, "mobilenetv2"
    )


def application_network(
    config: ApplicationConfig, spec: PreprocessingSpec, classes: int, weights: Path | None
) -> keras.Model:
    """Return the named network with a dense head: images uint8 ``(n, height, width, 3)`` → logits."""
    images, features = backbone_features(
        config.name, spec, scaling=config.scaling, pooling=config.pooling, weights=weights
    )
    if not config.is_backbone_trained:
        for layer in keras.Model(images, features).layers:
            layer.trainable = False
    return with_head(images, features, config.embedding_size, config.dropout, classes, config.name.lower())


def backbone_features(
    name: str, spec: PreprocessingSpec, *, scaling: str, pooling: str, weights: Path | None
) -> tuple[Any, Any]:
    """Return the input ``images`` and the features ``(n, d)`` of a network without its top.

    Raises:
        ConfigurationError: Keras has no such network, the input is too small, or the weights do not fit.
    """
    builder = _builder(name)
    images: Any = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="images")
    x = scaled(images, "none" if scaling == "own" else scaling)
    if scaling == "own":
        x = sys.modules[builder.__module__].preprocess_input(x)
    return images, pooled(_built(builder, name, x, weights), pooling)


def _builder(name: str) -> Any:
    builder = getattr(keras.applications, name, None)
    if not callable(builder):
        names = sorted(one for one in dir(keras.applications) if callable(getattr(keras.applications, one)))
        raise ConfigurationError(f"keras.applications has no {name!r}; it has {', '.join(names)}")
    return builder


def _built(builder: Any, name: str, x: Any, weights: Path | None, **options: Any) -> Any:
    if weights is not None and not weights.is_file():
        raise ConfigurationError(f"no weights file at {weights}")
    try:
        # Without weights Keras would take "imagenet" and download it; None starts from random numbers.
        network = builder(
            input_tensor=x,
            include_top=False,
            weights=None if weights is None else str(weights),
            **options,
        )
    except (ValueError, OSError) as error:
        what = f"weights {weights} do not fit {name} without its top" if weights else f"cannot build {name}"
        raise ConfigurationError(f"{what}: {' '.join(str(error).split())}") from error
    return network.output
