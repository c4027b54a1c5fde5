import keras
import numpy as np
import pytest

from lifesign.errors import ConfigurationError
from lifesign_training.models import build_model, high_pass_kernels, inspectable_layers
from lifesign_training.recipe import load_recipe, recipe_names

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds_and_names_its_stages(name: str) -> None:
    recipe = load_recipe(name)
    size = (recipe.preprocessing.height, recipe.preprocessing.width)

    model = build_model(recipe, classes=3)
    logits = model.predict(RANDOM.integers(0, 256, (2, *size, 3), dtype=np.uint8), verbose=0)

    assert logits.shape == (2, 3)
    assert model.get_layer("embedding").output.shape[-1] == recipe.model.embedding_size
    assert 1 <= len(inspectable_layers(model)) <= 6


def test_high_pass_filters_answer_nothing_to_a_flat_or_sloping_image() -> None:
    rows, columns = np.mgrid[0:5, 0:5]
    kernels = high_pass_kernels()[:, :, 0, :]

    for image in (np.ones((5, 5)), rows, columns, 3 * rows - 2 * columns):
        assert np.tensordot(image, kernels, axes=2) == pytest.approx(np.zeros(4), abs=1e-5)


def test_the_fixed_filters_are_not_trained() -> None:
    model = build_model(load_recipe("liveness-small"), classes=2)

    assert model.get_layer("high_pass").trainable_variables == []
    assert model.get_layer("high_pass").get_weights()[0] == pytest.approx(
        np.repeat(high_pass_kernels(), 3, axis=2)
    )


@pytest.mark.slow
def test_weights_are_read_from_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    recipe = load_recipe("liveness-mobilenetv2", ["model.alpha=0.35", "model.embedding_size=4"])
    source = keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), alpha=0.35, include_top=False, weights=None
    )
    source.save_weights(tmp_path / "top.weights.h5")

    model = build_model(recipe, classes=2, weights=tmp_path / "top.weights.h5")

    assert model.get_layer("Conv1").get_weights()[0] == pytest.approx(
        source.get_layer("Conv1").get_weights()[0]
    )


@pytest.mark.parametrize(
    ("recipe", "content", "says"),
    [
        ("liveness-mobilenetv2", None, "no weights file"),
        ("liveness-mobilenetv2", b"nonsense", "do not fit MobileNetV2"),
        ("liveness-small", b"nonsense", "takes no --weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, recipe: str, content: bytes | None, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "some.weights.h5"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=says):
        build_model(load_recipe(recipe), classes=2, weights=path)
