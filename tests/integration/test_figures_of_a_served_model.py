"""Feature maps and occlusion through ``lifesign serve``, a process of its own, against Keras itself."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lifesign.client import PredictionClient
from lifesign.errors import ConfigurationError
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.figures.drawing import FigureOptions, draw
from lifesign.evaluation.figures.kinds import FigureKind
from lifesign.evaluation.figures.maps import min_max
from lifesign.evaluation.figures.saliency import Patch, occlusion_sensitivity
from lifesign.evaluation.figures.served import asked_model
from lifesign.evaluation.figures.sources import read_sources

pytestmark = pytest.mark.slow

PATCH = Patch(top=8, left=16, side=8)


@contextlib.contextmanager
def _served(base: Path, model: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from lifesign.cli import main; main()", "serve"]
    flags = [f"--model_name={model}", f"--model_base_path={base / model}", f"--port={port}"]
    process = subprocess.Popen(
        [*command, *flags, "--host=127.0.0.1", "--rest_api_port=0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with PredictionClient(f"127.0.0.1:{port}", model=model) as client:
            client.wait_ready(deadline_seconds=120)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, tuple[str, ...]]:
    """The network of the recipe ``digits-small``, exported; weights are random, which maps do not mind."""
    import keras

    from lifesign_training.models import build_model, inspectable_layers
    from lifesign_training.recipe import load_recipe
    from lifesign_training.servable import build_servable

    keras.utils.set_random_seed(0)
    recipe = load_recipe("digits-small")
    model = build_model(recipe, classes=10)
    layers = inspectable_layers(model)
    base = tmp_path_factory.mktemp("models")
    build_servable(model, recipe.preprocessing, layers).save(base / "digits" / "1")
    return base, model, layers


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    return path


def test_the_maps_that_are_drawn_are_those_of_keras(
    digits: tuple[Path, Any, tuple[str, ...]], picture: Path
) -> None:
    import keras

    base, network, layers = digits
    with _served(base, "digits") as target:
        sources = read_sources([target])
        options = FigureOptions(served={"model": "digits"}, image=picture, layer=layers[-1])
        figure = draw(FigureKind.MAPS, sources, options)
        every = draw(FigureKind.MAPS, sources, FigureOptions(served={"model": "digits"}, image=picture))
        with pytest.raises(ConfigurationError, match=f"'inspect' shows .*{layers[0]}"):
            draw(
                FigureKind.MAPS,
                sources,
                FigureOptions(served={"model": "digits"}, image=picture, layer="nope"),
            )

    image, *maps = [
        shown.get_array()
        for axes in figure.findobj(lambda one: hasattr(one, "get_images"))
        for shown in axes.get_images()
    ]
    inner = keras.Model(network.inputs[0], network.get_layer(layers[-1]).output)
    expected = np.asarray(inner(np.asarray(image)[None], training=False))[0]
    assert len(maps) == min(64, expected.shape[-1])
    for channel, drawn in enumerate(maps):
        assert np.asarray(drawn) == pytest.approx(min_max(expected[..., channel]), abs=1e-3)
    assert every.title == f"{len(layers)} layers of digits version 1 for one picture"


def test_occlusion_through_the_server_finds_the_patch(tmp_path: Path) -> None:
    import tensorflow as tf

    def serve(images: Any) -> dict[str, Any]:
        area = images[:, PATCH.top : PATCH.top + PATCH.side, PATCH.left : PATCH.left + PATCH.side]
        logit = (tf.reduce_mean(tf.cast(area, tf.float32), axis=(1, 2, 3)) - 128) / 10
        logits = tf.stack([-logit, logit], axis=1)
        return {"scores": tf.nn.softmax(logits), "logits": logits}

    module = tf.Module()
    signature = tf.function(
        serve, input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.uint8, name="images")]
    )
    tf.saved_model.save(module, str(tmp_path / "patch" / "1"), signatures=signature)
    image = np.full((32, 32, 3), 30, np.uint8)
    image[PATCH.top : PATCH.top + PATCH.side, PATCH.left : PATCH.left + PATCH.side] = 240
    with _served(tmp_path, "patch") as target:
        config = evaluation_config(target=target, model="patch", data=".", out=tmp_path)
        found = occlusion_sensitivity(image, asked_model(config).predict, side=8, step=4)

    assert found.strongest == PATCH
    assert found.target == 1
    peak = np.unravel_index(int(found.heat.argmax()), found.heat.shape)
    assert PATCH.top <= peak[0] < PATCH.top + PATCH.side
    assert PATCH.left <= peak[1] < PATCH.left + PATCH.side
