"""The networks that recipes name: uint8 images in, logits out, an embedding in front of them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from lifesign.errors import ConfigurationError
from lifesign_training.applications import application_network, mobilenetv2_network
from lifesign_training.feature_head import images_network
from lifesign_training.heads import EMBEDDING_LAYER
from lifesign_training.model_config import (
    ApplicationConfig,
    FeaturesConfig,
    MobileNetConfig,
    PythonConfig,
    SmallConfig,
)
from lifesign_training.recipe import Recipe
from lifesign_training.small_network import small_network
from lifesign_training.stack import stack_network
from lifesign_training.user_model import import_user_file, user_network

__all__ = ["build_model", "inspectable_layers", "load_trained"]

_MAX_INSPECTED = 6


def build_model(recipe: Recipe, *, classes: int, weights: Path | None = None) -> keras.Model:
    """Build the recipe's network: input ``images`` uint8 ``(n, height, width, 3)`` → logits ``(n, classes)``.

    Pixels are scaled inside. The small network takes any height and width, so it can learn from
    crops. A user's network takes float32 pixels 0–255, which Keras makes of uint8.

    Raises:
        ConfigurationError: a weights file that is missing or does not fit, or one for a network without;
            a network that cannot be built for this size of image.
    """
    spec, model = recipe.preprocessing, recipe.model
    if isinstance(model, MobileNetConfig):
        return mobilenetv2_network(model, spec, classes, weights)
    if isinstance(model, ApplicationConfig):
        return application_network(model, spec, classes, weights)
    if isinstance(model, FeaturesConfig):
        return images_network(model, spec, classes, weights)
    if weights is not None:
        raise ConfigurationError(f"recipe {recipe.name!r} trains from scratch and takes no --weights")
    if isinstance(model, SmallConfig):
        return small_network(model, classes)
    if isinstance(model, PythonConfig):
        return user_network(model, spec, classes)
    try:
        return stack_network(model, spec, classes)
    except ValueError as error:
        told = " ".join(str(error).split())
        raise ConfigurationError(
            f"recipe {recipe.name!r}: the layers do not fit images of {spec.height} × {spec.width}: {told}"
        ) from error


def load_trained(path: Path, recipe: Recipe) -> keras.Model:
    """Load the network of a finished run; a user's layers come from the copy of their file beside it."""
    if isinstance(recipe.model, PythonConfig):
        import_user_file(recipe.model, path.parent)
    try:
        model: Any = keras.models.load_model(path, compile=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error
    return model


def inspectable_layers(model: keras.Model) -> tuple[str, ...]:
    """Return the names of up to six activations, evenly from first to last, for feature-map figures.

    They are feature maps; a network without any shows what its dense layers answer.
    """
    active = [layer for layer in model.layers if _is_activation(layer)]
    maps = [layer.name for layer in active if len(layer.output.shape) == 4]
    stages = maps or [layer.name for layer in active] or [EMBEDDING_LAYER]
    if len(stages) <= _MAX_INSPECTED:
        return tuple(stages)
    picks = np.linspace(0, len(stages) - 1, _MAX_INSPECTED).round().astype(int)
    return tuple(stages[index] for index in picks)


def _is_activation(layer: Any) -> bool:
    if isinstance(layer, layers.Activation | layers.ReLU | layers.LeakyReLU | layers.PReLU | layers.ELU):
        return True
    own = getattr(layer, "activation", None)
    return own is not None and getattr(own, "__name__", "linear") != "linear"
