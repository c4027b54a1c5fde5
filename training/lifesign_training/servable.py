"""The graph that is served: four signatures over one frozen function."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lifesign.errors import ContractError
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import EMBEDDING, ENCODED_IMAGES, IMAGES, LOGITS, SCORES, Signature
from lifesign_training.graph_decoding import decode_in_graph
from lifesign_training.heads import embedding_of

__all__ = ["Servable", "build_servable", "require_plain_graph"]

# A stock TensorFlow Serving cannot run these, or would serve state that is not in the graph.
_REFUSED_OPS = frozenset(
    {"PyFunc", "PyFuncStateless", "EagerPyFunc", "XlaLaunch", "VarHandleOp", "ReadVariableOp"}
)


@dataclass(frozen=True)
class Servable:
    """A module to save, and its signatures by name."""

    module: tf.Module
    signatures: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        tf.saved_model.save(self.module, str(folder), signatures=self.signatures)


def build_servable(model: keras.Model, spec: PreprocessingSpec, layers: tuple[str, ...]) -> Servable:
    """Freeze a Keras model (weights become constants) and put the four signatures of Lifesign on it.

    ``layers`` are the outputs of ``inspect``. The batch dimension stays free. All signatures call one
    function, so the weights are stored once; a run computes only what its signature returns.
    """
    forward = _frozen_forward(model, spec, layers)
    images = tf.TensorSpec((None, spec.height, spec.width, 3), tf.uint8, name=IMAGES)
    encoded = tf.TensorSpec((None,), tf.string, name=ENCODED_IMAGES)

    def outputs(pixels: Any) -> dict[str, Any]:
        return dict(zip((SCORES, LOGITS, EMBEDDING, *layers), forward(pixels), strict=True))

    def signature(names: tuple[str, ...]) -> Any:
        def serve(images: Any) -> dict[str, Any]:
            found = outputs(images)
            return {name: tf.identity(found[name], name=name) for name in names}

        return tf.function(serve, input_signature=[images])

    def serve_encoded(encoded_images: Any) -> dict[str, Any]:
        found = outputs(decode_in_graph(encoded_images, spec))
        return {SCORES: found[SCORES], LOGITS: found[LOGITS]}

    signatures = {
        Signature.DEFAULT.value: signature((SCORES, LOGITS)),
        Signature.EMBED.value: signature((SCORES, LOGITS, EMBEDDING)),
        Signature.INSPECT.value: signature(layers),
        Signature.ENCODED.value: tf.function(serve_encoded, input_signature=[encoded]),
    }
    return Servable(_module(forward=forward, endpoints=signatures), signatures)


def _module(**parts: Any) -> tf.Module:
    """Return a module that holds the parts as attributes, so that they are saved with it."""
    module = tf.Module(name="lifesign")
    for name, part in parts.items():
        setattr(module, name, part)
    return module


def require_plain_graph(folder: Path) -> None:
    """Refuse a SavedModel with variables or with ops that a stock TensorFlow Serving lacks.

    Raises:
        ContractError: with the names of the ops.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = document.meta_graphs[0].graph_def
    ops = {node.op for node in graph.node} | {
        node.op for function in graph.library.function for node in function.node_def
    }
    refused = sorted(ops & _REFUSED_OPS)
    if refused:
        raise ContractError(f"the exported graph has ops that cannot be served: {', '.join(refused)}")


def _frozen_forward(
    model: keras.Model, spec: PreprocessingSpec, layers: tuple[str, ...]
) -> Callable[[Any], list[Any]]:
    shown = [model.get_layer(name).output for name in layers]
    inner = keras.Model(model.inputs, [model.outputs[0], embedding_of(model), *shown])

    def forward(images: Any) -> list[Any]:
        logits, *rest = (tf.cast(value, tf.float32) for value in inner(images, training=False))
        return [tf.nn.softmax(logits), logits, *rest]

    images = tf.TensorSpec((None, spec.height, spec.width, 3), tf.uint8, name=IMAGES)
    concrete = tf.function(forward).get_concrete_function(images)
    frozen: Callable[[Any], list[Any]] = convert_variables_to_constants_v2(concrete)
    return frozen
