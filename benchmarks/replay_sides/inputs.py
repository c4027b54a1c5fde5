"""Images and a model for people who bring none."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from lifesign.labels import LIVENESS_CLASSES


def write_images(root: Path, samples: int) -> None:
    """Write class folders of 256 × 256 JPEGs of about 14 kB."""
    rng = np.random.default_rng(0)
    for name in LIVENESS_CLASSES:
        (root / name).mkdir(parents=True)
    for index in range(samples):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((256, 256))
        grain = rng.integers(0, 24, (256, 256, 3), dtype=np.uint8)
        image = Image.fromarray(np.asarray(coarse.filter(ImageFilter.GaussianBlur(3))) // 2 + grain)
        image.save(root / LIVENESS_CLASSES[index % 2] / f"{index:05d}.jpg", quality=84)


def give_statistics(network: Any, size: int) -> None:
    """Give each batch normalisation a scale, an offset and the statistics of random pixels.

    Fresh ones have the offset 0, which the graph optimiser drops: faster than any trained network.
    """
    import tensorflow as tf

    rng = np.random.default_rng(1)
    for layer in network._flatten_layers():
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.7, 1.3, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
            layer.momentum = 0.0  # the moving averages become those of the one batch
    network(rng.integers(0, 256, (32, size, size, 3)).astype(np.float32), training=True)


def export_untrained(folder: Path, size: int) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((size, size, 3))
    body = tf.keras.applications.MobileNetV2(
        (size, size, 3), weights=None, classes=2, classifier_activation=None
    )
    network = tf.keras.Model(pixels, body(tf.keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)))
    give_statistics(network, size)
    folder.parent.mkdir(parents=True)
    network.save(folder.parent / "model.keras")

    @tf.function(input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8, name="images")])
    def serve(images: Any) -> Any:
        logits = network(tf.cast(images, tf.float32), training=False)
        return tf.nn.softmax(logits), logits

    # Frozen, as lifesign's own export is.
    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    module = tf.Module()
    module.serve = tf.function(
        lambda images: dict(zip(("scores", "logits"), frozen(images), strict=True)),
        input_signature=serve.input_signature,
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
