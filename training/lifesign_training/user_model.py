"""Networks from a user's Python file: one function, ``build(input_shape, classes)``."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import keras

from lifesign.errors import ConfigurationError
from lifesign.preprocessing import PreprocessingSpec
from lifesign_training.model_config import ModelConfig, PythonConfig
from lifesign_training.storage import write_text

__all__ = ["import_user_file", "keep_user_file", "user_network"]

_KEPT_FILE = "user_model.py"


def user_network(config: PythonConfig, spec: PreprocessingSpec, classes: int) -> keras.Model:
    """Call ``build((height, width, 3), classes)`` of the file and return its network, ending in logits.

    The network takes pixels 0–255 as float32 and scales them itself. It ends in one unit per class, with
    softmax or without; a softmax at the end is taken off, since the loss and the export apply it.

    Raises:
        ConfigurationError: no such function, an error in it, or a network of another shape.
    """
    build = getattr(import_user_file(config), "build", None)
    if not callable(build):
        raise ConfigurationError(
            f"{config.file}: expected a function build(input_shape, classes), found none"
        )
    shape = (spec.height, spec.width, 3)
    try:
        model = build(shape, classes)
    except Exception as error:
        raise ConfigurationError(
            f"{config.file}: build({shape}, {classes}) failed: {type(error).__name__}: {error}"
        ) from error
    return _logits_network(model, classes, shape, origin=f"{config.file}: build")


def keep_user_file(config: ModelConfig, directory: Path) -> None:
    """Copy the file of a user's network into the run folder, so that the run can be exported without it."""
    if isinstance(config, PythonConfig):
        write_text(directory / _KEPT_FILE, Path(config.file).read_text("utf-8"))


def import_user_file(config: PythonConfig, directory: Path | None = None) -> Any:
    """Run the file, or its copy in a run folder; what it registers with Keras can be loaded from now on.

    Raises:
        ConfigurationError: it cannot be read, is another file than when the recipe was read, or fails.
    """
    path = Path(config.file) if directory is None else directory / _KEPT_FILE
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    if config.source_digest and digest != config.source_digest:
        raise ConfigurationError(
            f"{path} changed since the recipe was read: SHA-256 {config.source_digest[:12]}…, "
            f"now {digest[:12]}…"
        )
    name = f"lifesign_recipe_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ConfigurationError(f"{path}: expected a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigurationError(f"{path}: {type(error).__name__}: {error}") from error
    return module


def _logits_network(model: Any, classes: int, shape: tuple[int, int, int], *, origin: str) -> keras.Model:
    """Return a functional network that ends in logits ``(n, classes)``.

    Raises:
        ConfigurationError: not a built Keras model, another input or output, or an ending like sigmoid.
    """
    if not isinstance(model, keras.Model):
        raise ConfigurationError(f"{origin} returned {type(model).__name__}, expected a keras.Model")
    if not getattr(model, "inputs", None):
        raise ConfigurationError(
            f"{origin} returned a model without a known input; begin it with keras.Input"
        )
    if len(model.inputs) != 1 or tuple(model.inputs[0].shape[1:]) != shape:
        shapes = [tuple(one.shape) for one in model.inputs]
        raise ConfigurationError(f"{origin}: expected one input {(None, *shape)}, got {shapes}")
    if len(model.outputs) != 1 or tuple(model.outputs[0].shape) != (None, classes):
        shapes = [tuple(one.shape) for one in model.outputs]
        raise ConfigurationError(f"{origin}: expected one output (None, {classes}), got {shapes}")
    return keras.Model(model.inputs, _without_softmax(model, origin), name=model.name)


def _without_softmax(model: keras.Model, origin: str) -> Any:
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return last.input
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", "linear")
    if name == "softmax":
        if isinstance(last, keras.layers.Activation):
            return last.input
        last.activation = keras.activations.linear
    elif name != "linear":
        raise ConfigurationError(
            f"{origin}: the last layer has the activation {name}; expected softmax or none, a unit per class"
        )
    return model.outputs[0]
