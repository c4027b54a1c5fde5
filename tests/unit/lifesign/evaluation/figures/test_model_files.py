"""Filters and Grad-CAM from Keras files and SavedModels, against the Keras model itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.figures.model_files import (
    convolution_kernels,
    grad_cam,
    input_size,
    is_model_file,
    model_title,
)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="stem", activation="relu")(inputs)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="spread")(x)
    x = keras.layers.Conv2D(5, 3, name="last", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    network.save(folder / "net.keras")
    network.export(folder / "exported" / "3", verbose=False)
    call = tf.function(lambda images: {"scores": network(images, training=False)})
    concrete = call.get_concrete_function(tf.TensorSpec((None, 16, 16, 3), tf.float32, name="images"))
    frozen = convert_variables_to_constants_v2(concrete)
    module = tf.Module()
    module.frozen = frozen
    tf.saved_model.save(
        module,
        str(folder / "frozen"),
        signatures=tf.function(
            lambda images: {"scores": frozen(images)[0]},
            input_signature=[tf.TensorSpec((None, 16, 16, 3), tf.float32, name="images")],
        ),
    )
    return folder


@pytest.mark.parametrize("name", ["net.keras", "exported/3", "frozen"])
def test_kernels_are_the_weights_of_the_convolutions(files, network, name):
    assert is_model_file(files / name)
    found = convolution_kernels(files / name)
    expected = [np.asarray(network.get_layer(layer).kernel) for layer in ("stem", "spread", "last")]
    expected[1] = expected[1].reshape(3, 3, 1, 8)
    assert sorted(kernel.values.shape for kernel in found) == sorted(one.shape for one in expected)
    for one in expected:
        assert any(np.array_equal(kernel.values, one) for kernel in found if kernel.values.shape == one.shape)
    if name == "net.keras":
        assert [kernel.name for kernel in found] == ["stem", "spread", "last"]


def test_a_model_is_called_by_name_and_version(files):
    assert model_title(files / "exported" / "3") == "exported version 3"
    assert input_size(files / "net.keras") == (16, 16)


def test_the_activation_map_is_that_of_the_gradient(files, network):
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = grad_cam(files / "net.keras", image, target=1)
    scores = np.asarray(network(image[None].astype(np.float32)))[0]
    assert found.layer == "last"
    assert found.score == pytest.approx(scores[1], abs=1e-6)
    # After pooling a logit is linear in the maps: its gradient is its weights over the area, and that of the
    # log of softmax subtracts the mean of all classes.
    maps = np.asarray(
        keras.Model(network.inputs[0], network.get_layer("last").output)(image[None].astype(np.float32))
    )[0]
    weights = np.asarray(network.layers[-1].kernel)
    row = weights[:, 1] - weights @ scores
    expected = np.maximum(maps @ row, 0)
    assert found.heat == pytest.approx(expected / expected.max(), abs=1e-4)


def test_what_is_not_there_is_said(files, tmp_path):
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ConfigurationError, match="it has stem, spread, last"):
        grad_cam(files / "net.keras", image, layer="stam")
    with pytest.raises(ConfigurationError, match="expected 0 to 2, got 3"):
        grad_cam(files / "net.keras", image, target=3)
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    dense.save(tmp_path / "dense.keras")
    with pytest.raises(InputError, match="two-dimensional convolution"):
        convolution_kernels(tmp_path / "dense.keras")
    (tmp_path / "broken.keras").write_bytes(b"no model")
    with pytest.raises(InputError, match="expected a Keras model"):
        convolution_kernels(tmp_path / "broken.keras")


@pytest.mark.parametrize("kind", ["backbone", "grey"])
def test_a_model_as_a_layer_and_grey_pictures_have_maps_too(tmp_path, kind):
    inputs = keras.Input((20, 20, 1 if kind == "grey" else 3))
    inner = keras.Sequential([keras.Input(inputs.shape[1:]), keras.layers.Conv2D(4, 3)], name="backbone")
    x = inner(inputs) if kind == "backbone" else keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(inputs, keras.layers.Dense(2)(x)).save(tmp_path / "m.keras")
    found = grad_cam(
        tmp_path / "m.keras", np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    )
    assert found.layer == {"backbone": "backbone", "grey": "conv"}[kind]
    assert found.heat.shape == (18, 18)
    assert found.heat.max() == 1
