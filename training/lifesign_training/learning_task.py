"""What is trained on what: a network on images, or a head on features of a fixed network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from lifesign.errors import ConfigurationError
from lifesign.labels import Split
from lifesign_training.feature_head import extract_features, features_network, head_network, joined
from lifesign_training.loop import ModelBuilder
from lifesign_training.model_config import FeaturesConfig, PythonConfig
from lifesign_training.models import build_model
from lifesign_training.pixels import DecodedSplit
from lifesign_training.prepared import PreparedData
from lifesign_training.progress import TrainingProgress
from lifesign_training.recipe import Recipe
from lifesign_training.user_model import import_user_file

__all__ = ["LearningTask", "learning_task"]


@dataclass(frozen=True)
class LearningTask:
    """The inputs of the network by split, how it is built, and what is kept of the trained one."""

    inputs: Mapping[Split, DecodedSplit]
    build: ModelBuilder
    finish: Callable[[keras.Model], keras.Model]


def learning_task(
    recipe: Recipe,
    data: PreparedData,
    *,
    weights: Path | None,
    random_weights: bool,
    listener: TrainingProgress,
) -> LearningTask:
    """Return what the recipe trains; features of images are computed here, once.

    Raises:
        ConfigurationError: features of images without weights, and random ones are not asked for.
    """
    classes = len(data.class_names)
    if isinstance(recipe.model, PythonConfig):
        import_user_file(recipe.model)  # a resumed training loads the user's layers before it builds any
    if not isinstance(recipe.model, FeaturesConfig):
        return LearningTask(
            data.splits,
            lambda path: build_model(recipe, classes=classes, weights=path),
            lambda model: model,
        )
    network = _fixed_network(recipe, recipe.model, weights) if weights or random_weights else None
    if data.is_features:
        return _head_task(recipe.model, data.splits, network, classes)
    if network is None:
        raise ConfigurationError(
            f"features of images need weights of {recipe.model.backbone} without its top: "
            "give --weights FILE, or --random-weights for features that know nothing"
        )
    return _head_task(recipe.model, _extracted(network, data, listener), network, classes)


def _head_task(
    config: FeaturesConfig, inputs: Mapping[Split, DecodedSplit], network: keras.Model | None, classes: int
) -> LearningTask:
    size = inputs[Split.TRAIN].images.shape[1]
    if network is not None:
        # What does not fit is told before the training.
        joined(network, head_network(config, size, classes), config)
    return LearningTask(
        inputs,
        lambda _weights: head_network(config, size, classes),
        lambda model: model if network is None else joined(network, model, config),
    )


def _fixed_network(recipe: Recipe, config: FeaturesConfig, weights: Path | None) -> keras.Model:
    keras.utils.set_random_seed(recipe.training.seed)
    return features_network(config, recipe.preprocessing, weights)


def _extracted(
    network: keras.Model, data: PreparedData, listener: TrainingProgress
) -> dict[Split, DecodedSplit]:
    inputs = {}
    for split, part in data.splits.items():
        features = extract_features(network, part.images)
        listener.on_message(f"{split}: {features.shape[1]:,} features of {len(features):,} images computed")
        inputs[split] = replace(part, images=features)
    return inputs
