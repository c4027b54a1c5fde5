"""A user's Python file as the network of a recipe."""

from pathlib import Path

import keras
import numpy as np
import pytest

from lifesign.errors import ConfigurationError
from lifesign_training.heads import embedding_of
from lifesign_training.models import build_model
from lifesign_training.recipe import Recipe, load_recipe

_START = "import keras\nfrom keras import layers\nRECIPE = {'preprocessing': {'height': 8, 'width': 8}}\n"
_STACK = "keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(5, 'relu'), "


def recipe_of(folder: Path, body: str) -> Recipe:
    path = folder / "mine.py"
    path.write_text(f"{_START}def build(shape, classes):\n    {body}\n")
    return load_recipe(path)


@pytest.mark.parametrize(
    "end",
    [
        "layers.Dense(classes)",
        "layers.Dense(classes, 'softmax')",
        "layers.Dense(classes), layers.Softmax()",
        "layers.Dense(classes), layers.Activation('softmax')",
    ],
)
def test_a_network_ends_in_logits_however_it_was_written(tmp_path: Path, end: str) -> None:
    model = build_model(recipe_of(tmp_path, f"return {_STACK}{end}])"), classes=3)
    images = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)

    logits = model.predict(images, verbose=0)
    embedding = keras.Model(model.inputs, embedding_of(model)).predict(images, verbose=0)
    kernel, bias = model.layers[-1].get_weights()

    assert logits == pytest.approx(embedding @ kernel + bias, rel=1e-4, abs=1e-3)
    assert embedding.shape == (4, 5)
    assert np.abs(logits).max() > 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 3", "returned int, expected a keras.Model"),
        ("return 1 / 0", r"build\(\(8, 8, 3\), 3\) failed: ZeroDivisionError"),
        ("return keras.Sequential([layers.Flatten(), layers.Dense(classes)])", "without a known input"),
        (
            f"return {_STACK}layers.Dense(classes + 1)])",
            r"expected one output \(None, 3\), got \[\(None, 4\)\]",
        ),
        (f"return {_STACK}layers.Dense(classes, 'sigmoid')])", "activation sigmoid; expected softmax"),
        (
            "return keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(classes)])",
            r"expected one input \(None, 8, 8, 3\)",
        ),
    ],
)
def test_what_is_no_classifier_is_refused_in_a_sentence(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        build_model(recipe_of(tmp_path, body), classes=3)


def test_a_file_without_the_function_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")

    with pytest.raises(ConfigurationError, match=r"expected a function build\(input_shape, classes\)"):
        build_model(load_recipe(path), classes=3)


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, f"return {_STACK}layers.Dense(classes)])")
    (tmp_path / "mine.py").write_text("changed = True\n")

    with pytest.raises(ConfigurationError, match="changed since the recipe was read"):
        build_model(recipe, classes=3)
