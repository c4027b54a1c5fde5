"""Folding of frozen graphs: what TensorFlow's own optimiser leaves undone.

It scales the filters of convolutions by a batch normalisation, but not those of depthwise convolutions; it
sorts a bias and a residual sum so that neither can be computed within the convolution; and it pads in a pass
of its own. Done here, at load, MobileNetV2 takes .72 of the CPU time on CPU (``benchmarks/serving.py``). The
sums are the same in another order, so scores move in their last bits, once and for all callers.
"""

import threading
from collections import Counter
from collections.abc import Collection
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import config_pb2, device_properties_pb2, meta_graph_pb2
from tensorflow.python.framework import tensor_util
from tensorflow.python.grappler import cluster, tf_optimizer

__all__ = ["folded"]

_FILTER_AXES: Final = {"Conv2D": (3,), "DepthwiseConv2dNative": (2, 3)}
"""Convolutions, and the axes of their filters that number the channels of the result."""

# Functions are put in their callers' place first: fusion does not look beyond them.
_PASSES: Final = ("function", "constfold", "dependency")
# The optimiser's cluster is one per process.
_OPTIMISER = threading.Lock()


def folded(graph_def: Any, kept: Collection[str]) -> Any:
    """Return a graph that computes the same from the same nodes ``kept``, with fewer passes over memory.

    Raises:
        tf.errors.OpError: the graph is not one that the optimiser can read.
    """
    rewriter = _Rewriter(_inlined(graph_def, kept), frozenset(kept))
    for rewrite in (rewriter.scale_filter, rewriter.make_bias, rewriter.absorb_padding):
        for node in list(rewriter.graph_def.node):
            rewrite(node)
    return rewriter.graph_def


def _inlined(graph_def: Any, kept: Collection[str]) -> Any:
    meta_graph = meta_graph_pb2.MetaGraphDef(graph_def=graph_def)
    meta_graph.collection_def["train_op"].node_list.value.extend(kept)
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1
    config.graph_options.rewrite_options.optimizers.extend(_PASSES)
    processor = device_properties_pb2.NamedDevice(
        name="/device:CPU:0", properties=device_properties_pb2.DeviceProperties(type="CPU")
    )
    with _OPTIMISER:
        return tf_optimizer.OptimizeGraph(
            config, meta_graph, verbose=False, cluster=cluster.Cluster(devices=[processor])
        )


class _Rewriter:
    """A graph whose nodes are replaced one by one; a node keeps its name, so its readers stay as they are."""

    def __init__(self, graph_def: Any, kept: frozenset[str]) -> None:
        self.graph_def = graph_def
        self._kept = kept
        self._nodes = {node.name: node for node in graph_def.node}
        self._readers = Counter(name for node in graph_def.node for name in node.input)
        self._shapes = tf.Graph()
        with self._shapes.as_default():
            tf.import_graph_def(graph_def, name="")

    def scale_filter(self, node: Any) -> None:
        """Replace convolution · constant per channel by a convolution with scaled filters."""
        for convolution, filters, scale in self._with_vector(node, ("Mul",)):
            if self._readers[convolution.name] > 1 or convolution.name in self._kept:
                continue
            axes = _FILTER_AXES[convolution.op]
            scaled = filters * scale.reshape([filters.shape[axis] for axis in axes])
            inputs = [convolution.input[0], self._add_constant(f"{node.name}/filters", scaled)]
            inputs += [*convolution.input[2:], *node.input[2:]]
            node.op = convolution.op
            node.ClearField("attr")
            node.MergeFrom(type(node)(attr=convolution.attr))
            node.input[:] = inputs
            return

    def make_bias(self, node: Any) -> None:
        """Replace convolution + constant per channel by a bias, which cannot be taken for a residual."""
        for convolution, _, bias in self._with_vector(node, ("Add", "AddV2")):
            inputs = [convolution.name, self._add_constant(f"{node.name}/bias", bias), *node.input[2:]]
            node.op = "BiasAdd"
            node.attr["data_format"].s = b"NHWC"
            node.input[:] = inputs
            return

    def absorb_padding(self, node: Any) -> None:
        """Let a convolution pad by itself where the zeros in front of it are those of SAME."""
        if node.op not in _FILTER_AXES or node.attr["padding"].s != b"VALID" or not _is_channels_last(node):
            return
        pad = self._nodes.get(node.input[0])
        filters = self._constant(node.input[1])
        if pad is None or pad.op != "Pad" or filters is None:
            return
        paddings = self._constant(pad.input[1])
        shape = self._shapes.get_tensor_by_name(f"{pad.name}:0").op.inputs[0].shape
        if paddings is None or shape.rank != 4:
            return
        sizes = [size for size in shape[1:3] if size is not None]
        if len(sizes) == 2 and paddings.tolist() == _same_paddings(node, filters.shape[:2], sizes):
            node.attr["padding"].s = b"SAME"
            node.input[0] = pad.input[0]

    def _with_vector(self, node: Any, ops: tuple[str, ...]) -> list[tuple[Any, NDArray[Any], NDArray[Any]]]:
        """Return the convolution, its filters and the constant per channel that a node joins, if it does."""
        if node.op not in ops:
            return []
        found = []
        for name, other in (node.input[:2], node.input[1::-1]):
            convolution, vector = self._nodes.get(name), self._constant(other)
            if convolution is None or vector is None or convolution.op not in _FILTER_AXES:
                continue
            filters = self._constant(convolution.input[1])
            if filters is None or not _is_channels_last(convolution):
                continue
            channels = int(np.prod([filters.shape[axis] for axis in _FILTER_AXES[convolution.op]]))
            if vector.size == channels and vector.shape[-1:] == (channels,) and vector.ndim <= 4:
                found.append((convolution, filters, vector.reshape(channels)))
        return found

    def _constant(self, name: str) -> NDArray[Any] | None:
        node = self._nodes.get(name)
        if node is None or node.op != "Const":
            return None
        value: NDArray[Any] = tensor_util.MakeNdarray(node.attr["value"].tensor)
        return value

    def _add_constant(self, name: str, value: NDArray[Any]) -> str:
        node = self.graph_def.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tensor_util.make_tensor_proto(value))
        self._nodes[name] = node
        return name


def _is_channels_last(node: Any) -> bool:
    return node.attr["data_format"].s in (b"NHWC", b"")


def _same_paddings(node: Any, kernel: tuple[int, ...], sizes: list[int]) -> list[list[int]]:
    """Return what SAME would pad: rows and columns so that ceil(size / stride) results fit."""
    strides = node.attr["strides"].list.i[1:3]
    dilations = node.attr["dilations"].list.i[1:3] or [1, 1]
    paddings = [[0, 0]]
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        reach = (taps - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        paddings.append([total // 2, total - total // 2])
    return [*paddings, [0, 0]]
