"""What folding must leave as it was, and what it must take away."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.export import ExportArchive
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lifesign.serving.folding import folded
from lifesign.serving.loader import LoaderOptions, TensorFlowLoader

_IMAGES = np.random.default_rng(0).uniform(-1, 1, (5, 17, 18, 3)).astype(np.float32)


def _normalised(x: Any) -> Any:
    layer = layers.BatchNormalization()
    y = layer(x)
    rng = np.random.default_rng(x.shape[-1])
    layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return y


def _separable(x: Any) -> Any:
    """Depthwise convolutions with all that may follow them, and one whose result has a second reader."""
    x = layers.ReLU(6.0)(_normalised(layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)))
    shared = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    return layers.Add()([_normalised(shared), shared])


def _residual(x: Any) -> Any:
    x = layers.Conv2D(4, 1, bias_initializer="ones")(x)
    y = _normalised(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    return layers.ReLU()(layers.Add()([x, y]))


def _padded(paddings: Any, *, stride: int) -> Any:
    def build(x: Any) -> Any:
        x = layers.ZeroPadding2D(paddings)(x)
        return _normalised(layers.DepthwiseConv2D(3, strides=stride, use_bias=False)(x))

    return build


def _scaled_twice(x: Any) -> Any:
    """Constants that are not one per channel: they must stay outside of the filters."""
    x = layers.Conv2D(6, 3)(x)
    return keras.ops.multiply(x, np.linspace(0.5, 2, 16 * 6, dtype=np.float32).reshape(16, 6)) + np.float32(
        0.25
    )


def _widened(x: Any) -> Any:
    """A convolution to one channel that a constant spreads over three."""
    return layers.Conv2D(1, 3)(x) * np.array([1, 2, 3], np.float32) + np.array([3, 2, 1], np.float32)


_NETWORKS = {
    "separable": _separable,
    "residual": _residual,
    "padding of SAME": _padded(((1, 1), (0, 1)), stride=2),
    "padding of its own": _padded(((2, 0), (3, 1)), stride=2),
    "padding at stride 1": _padded(1, stride=1),
    "constants by place": _scaled_twice,
    "constants that broadcast": _widened,
}


def _saved(build: Any, folder: Path) -> Path:
    keras.utils.set_random_seed(1)
    images = keras.Input(_IMAGES.shape[1:])
    model = keras.Model(images, build(images))
    spec = tf.TensorSpec((None, *_IMAGES.shape[1:]), tf.float32, name="images")
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default", lambda images: {"y": model(images, training=False)}, input_signature=[spec]
    )
    archive.write_out(str(folder), verbose=False)
    return folder


def _answer(folder: Path, *, freeze: bool, threads: int = 1) -> list[Any]:
    servable = TensorFlowLoader(LoaderOptions(freeze=freeze), cores=2).load(folder)
    assert servable.frozen == freeze
    signature = servable.signatures["serving_default"]
    feeds = {signature.inputs["images"].name: _IMAGES}
    with ThreadPoolExecutor(threads) as pool:
        runs = [pool.submit(servable.run, feeds, [signature.outputs["y"].name]) for _ in range(10 * threads)]
    return [run.result()[0] for run in runs]


@pytest.mark.parametrize("build", _NETWORKS.values(), ids=_NETWORKS)
def test_a_folded_graph_answers_as_the_saved_one(build, tmp_path):
    folder = _saved(build, tmp_path / "1")
    expected = _answer(folder, freeze=False)[0]

    found = _answer(folder, freeze=True, threads=2)

    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    assert all((one == found[0]).all() for one in found), "each run has the same bits"


def _frozen_graph(build: Any) -> tuple[Any, str]:
    keras.utils.set_random_seed(1)
    images = keras.Input(_IMAGES.shape[1:])
    model = keras.Model(images, build(images))
    spec = tf.TensorSpec((None, *_IMAGES.shape[1:]), tf.float32)
    function = tf.function(lambda images: model(images, training=False), input_signature=[spec])
    concrete = convert_variables_to_constants_v2(function.get_concrete_function())
    return concrete.graph.as_graph_def(), concrete.outputs[0].op.name


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        # The depthwise convolution with a second reader keeps its scale outside, all else is within.
        (_separable, {"DepthwiseConv2dNative": 2, "BiasAdd": 1, "Mul": 1}),
        (_residual, {"Conv2D": 2, "BiasAdd": 2, "Mul": 0}),
        (_padded(((1, 1), (0, 1)), stride=2), {"Pad": 0, "Mul": 0, "BiasAdd": 1}),
        (_padded(((2, 0), (3, 1)), stride=2), {"Pad": 1, "Mul": 0, "BiasAdd": 1}),
        (_scaled_twice, {"Mul": 1}),
        (_widened, {"Mul": 1}),
    ],
    ids=["separable", "residual", "padding of SAME", "padding of its own", "by place", "broadcast"],
)
def test_passes_over_memory_are_gone(build, expected):
    graph_def, output = _frozen_graph(build)

    graph = folded(graph_def, [output])

    found = Counter(node.op for node in _needed(graph, output))
    assert {op: found[op] for op in expected} == expected


def _needed(graph: Any, output: str) -> list[Any]:
    return list(tf.compat.v1.graph_util.extract_sub_graph(graph, [output]).node)
