"""Filters and class activation maps out of model files; TensorFlow is loaded here, and only when asked.

Filters are kernels of convolutions as they are stored: variables of a Keras file or SavedModel, or the
constants of a frozen graph.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.figures.decision import Decide, decision_of

__all__ = [
    "ActivationMap",
    "Kernel",
    "convolution_kernels",
    "grad_cam",
    "input_size",
    "is_model_file",
    "model_title",
]

_KERAS = (".keras", ".h5", ".hdf5")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


@dataclass(frozen=True)
class Kernel:
    """The filters of one convolution, float32 ``(height, width, inputs, filters)``.

    Of a depthwise convolution every pair of input and multiplier is a filter with one input.
    """

    name: str
    values: NDArray[np.float32]


@dataclass(frozen=True)
class ActivationMap:
    """Grad-CAM of one class: ``heat`` float64 ``(height, width)`` of the layer's maps, 0–1."""

    heat: NDArray[np.float64]
    layer: str
    target: int
    score: float


def is_model_file(path: Path) -> bool:
    """Tell whether a path is a Keras file, a SavedModel folder or the folder of a training run with one."""
    return path.suffix in _KERAS or (path / "saved_model.pb").is_file() or (path / "model.keras").is_file()


def model_title(path: Path) -> str:
    """Return what to call a model: its file or folder, of ``liveness/3`` both."""
    full = path.resolve()
    return f"{full.parent.name} version {full.name}" if full.name.isdecimal() else full.name


def convolution_kernels(path: Path) -> list[Kernel]:
    """Return the kernels of all convolutions in a model file, from input to output.

    Raises:
        InputError: no model is there, or one without a convolution.
        ConfigurationError: TensorFlow is not installed.
    """
    if (path / "saved_model.pb").is_file():
        kernels = list(_graph_kernels(path))
    else:
        kernels = list(_layer_kernels(_keras_model(path)))
    if not kernels:
        raise InputError(f"{path}: expected a model with a two-dimensional convolution, found none")
    return kernels


def input_size(path: Path) -> tuple[int, int] | None:
    """Return the height and width that a Keras model takes, ``None`` where it takes any."""
    shape = tuple(_keras_model(path).inputs[0].shape)
    height, width = shape[1:3] if len(shape) in (3, 4) else (None, None)
    return None if height is None or width is None else (int(height), int(width))


def grad_cam(
    path: Path,
    image: NDArray[np.uint8],
    *,
    layer: str | None = None,
    target: int | None = None,
    decide: Decide = decision_of((), None),
) -> ActivationMap:
    """Return the class activation map of a picture, uint8 ``(height, width, 3)`` (Selvaraju et al., 2017).

    The maps of ``layer``, by default the last with two dimensions, weighted by the mean gradient of the
    class's output, negative sums cut off, the largest 1. Of softmax outputs the logarithm is derived: the
    gradient of a score near 1 vanishes. Pixels are given as 0–255: the scaling must be in the model.
    Without ``target`` the class is the one that ``decide`` tells of the scores, by default the largest.

    Raises:
        InputError: no Keras model, or one without feature maps.
        ConfigurationError: no such layer or class.
    """
    tf, model = _tensorflow(path), _keras_model(path)
    stages = [one.name for one in model.layers if _has_maps(one)]
    if not stages:
        raise InputError(f"{path}: expected a model with feature maps, found none")
    chosen = stages[-1] if layer is None else layer
    if chosen not in stages:
        raise ConfigurationError(f"{path} has no layer {chosen!r} with maps; it has {', '.join(stages)}")
    # The tape follows what hangs on trainable weights; whole pixels cannot be derived by.
    model.trainable = True
    inner = tf.keras.Model(model.inputs[0], [_maps_of(model, chosen), model.outputs[0]])
    pixels = tf.convert_to_tensor(_pixels(model, path, image))
    with tf.GradientTape() as tape:
        maps, outputs = inner(pixels, training=False)
        answer = tf.cast(outputs, tf.float32)[0]
        is_scores = bool(tf.reduce_all(answer >= 0)) and abs(float(tf.reduce_sum(answer)) - 1) < 1e-3
        probabilities = answer if is_scores else tf.nn.softmax(answer)
        index = _class_index(probabilities.numpy(), target, decide)
        score = tf.math.log(answer[index] + 1e-12) if is_scores else answer[index]
    gradient = tape.gradient(score, maps)
    weights = tf.reduce_mean(gradient[0], axis=(0, 1))
    heat = np.maximum(np.asarray(tf.reduce_sum(maps[0] * weights, axis=-1), np.float64), 0)
    most = float(heat.max())
    return ActivationMap(heat / most if most else heat, chosen, index, float(probabilities[index]))


def _class_index(scores: NDArray[np.float32], target: int | None, decide: Decide) -> int:
    if target is None:
        return decide(scores)
    if not 0 <= target < len(scores):
        raise ConfigurationError(f"class: expected 0 to {len(scores) - 1}, got {target}")
    return target


def _maps_of(model: Any, layer: str) -> Any:
    """Return the tensor of a layer in this model; a model used as a layer has one more in its own graph."""
    return model.get_layer(layer)._inbound_nodes[-1].output_tensors[0]


def _pixels(model: Any, path: Path, image: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the batch of one picture in the model's type and channels; grey is Pillow's, ITU-R 601."""
    tensor = model.inputs[0]
    channels = tensor.shape[-1] if len(tensor.shape) == 4 else 1
    if len(tensor.shape) not in (3, 4) or channels not in (1, 3, None):
        raise InputError(f"{path}: expected a model of pictures in grey or colour, got {list(tensor.shape)}")
    if channels == 1:
        grey = np.asarray(Image.fromarray(image).convert("L"))
        image = grey[..., None] if len(tensor.shape) == 4 else grey
    return image[None].astype(tensor.dtype)


def _has_maps(layer: Any) -> bool:
    try:
        shape = layer.output.shape
    except AttributeError:
        return False
    return len(shape) == 4 and type(layer).__name__ != "InputLayer"


def _tensorflow(path: Path) -> Any:
    """Import TensorFlow with native stderr closed: no setting silences its notes on CUDA and oneDNN.

    Raises:
        ConfigurationError: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow as tf

        tf.config.list_physical_devices()
    except ImportError as error:
        raise ConfigurationError(f"{path}: needs TensorFlow: pip install 'lifesign[serving]'") from error
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
    return tf


def _keras_model(path: Path) -> Any:
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: expected a Keras file, a SavedModel folder or a training run, found none")
    keras = _tensorflow(path).keras
    try:
        return keras.models.load_model(file, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{file}: expected a Keras model: {reason}") from error


def _layer_kernels(model: Any) -> Iterator[Kernel]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layer_kernels(layer)
            continue
        for weight in layer.weights:
            if len(weight.shape) == 4 and "kernel" in weight.name:
                is_depthwise = "Depthwise" in type(layer).__name__ or "depthwise" in weight.name
                yield _kernel(layer.name, np.asarray(weight), is_depthwise=is_depthwise)


def _kernel(name: str, values: NDArray[Any], *, is_depthwise: bool) -> Kernel:
    if is_depthwise:
        values = values.reshape(*values.shape[:2], 1, -1)
    return Kernel(name, np.asarray(values, np.float32))


def _graph_kernels(folder: Path) -> Iterator[Kernel]:
    """Yield kernels of a SavedModel: constants in front of its convolutions, or else its variables."""
    tf = _tensorflow(folder)
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = document.meta_graphs[0].graph_def
    found: dict[str, Kernel] = {}
    depthwise: set[str] = set()
    for nodes in [graph.node, *(function.node_def for function in graph.library.function)]:
        by_name = {node.name: node for node in nodes}
        for node in nodes:
            if node.op not in _CONVOLUTIONS or len(node.input) < 2:
                continue
            if node.op != "Conv2D":
                # Keras numbers the layers of a traced graph: spread becomes spread_1.
                depthwise.add(re.sub(r"_\d+$", "", _layer_name(node.name)))
            constant = _constant(by_name, node.input[1])
            if constant is not None:
                values = tf.make_ndarray(constant.attr["value"].tensor)
                kernel = _kernel(_layer_name(node.name), values, is_depthwise=node.op != "Conv2D")
                found.setdefault(kernel.name, kernel)
    yield from found.values() if found else _variable_kernels(tf, folder, depthwise)


def _variable_kernels(tf: Any, folder: Path, depthwise: Collection[str]) -> Iterator[Kernel]:
    loaded = tf.saved_model.load(str(folder))
    seen: set[str] = set()
    for signature in loaded.signatures.values():
        for variable in signature.variables:
            name = variable.name.partition(":")[0]
            if len(variable.shape) == 4 and name not in seen:
                seen.add(name)
                layer = _layer_name(name)
                is_depthwise = re.sub(r"_\d+$", "", layer) in depthwise
                yield _kernel(layer, variable.numpy(), is_depthwise=is_depthwise)


def _constant(nodes: dict[str, Any], name: str) -> Any:
    """Return the constant behind an input, through identities; ``None`` where there is none."""
    while True:
        node = nodes.get(name.partition(":")[0].lstrip("^"))
        if node is None or node.op == "Const":
            return node
        if node.op not in ("Identity", "Cast", "ReadVariableOp") or not node.input:
            return None
        name = node.input[0]


def _layer_name(name: str) -> str:
    """Return the layer of a node or variable: ``small/stem_conv/convolution`` is ``stem_conv``."""
    parts = [part for part in name.split("/") if part]
    rest: Sequence[str] = [
        part for part in parts if part not in ("kernel", "convolution", "depthwise", "Conv2D")
    ]
    return rest[-1] if rest else name
