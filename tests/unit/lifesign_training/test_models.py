import keras
import numpy as np
import pytest

from lifesign.errors import ConfigurationError
from lifesign_training.models import build_model, inspectable_layers
from lifesign_training.recipe import load_recipe, recipe_names
from lifesign_training.small_network import high_pass_kernels

RANDOM = np.random.default_rng(3)
EMBEDDING_SIZES = {
    "cifar100-cnn": 500,
    "cifar100-dense": 500,
    "dense-28": 128,
    "digits-small": 64,
    "features-head": 256,
    "liveness-mobilenetv2": 512,
    "liveness-small": 64,
}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds_and_names_its_stages(name: str) -> None:
    recipe = load_recipe(name)
    size = (recipe.preprocessing.height, recipe.preprocessing.width)

    model = build_model(recipe, classes=3)
    logits = model.predict(RANDOM.integers(0, 256, (2, *size, 3), dtype=np.uint8), verbose=0)

    assert logits.shape == (2, 3)
    assert model.get_layer("embedding").output.shape[-1] == EMBEDDING_SIZES[name]
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


@pytest.mark.parametrize(
    ("name", "classes", "parameters", "shapes"),
    [
        (
            "cifar100-cnn",
            100,
            6_850_792,
            [
                *((30, 30, 32), (28, 28, 64), (14, 14, 64), (12, 12, 128), (10, 10, 256), (8, 8, 512)),
                *((4, 4, 512), (2, 2, 1024), (1, 1, 1024), (1024,), (500,), (500,), (100,)),
            ],
        ),
        ("cifar100-dense", 100, 3_709_352, [(3072,), (1024,), (500,), (500,), (100,)]),
        ("dense-28", 10, 101_770, [(784,), (128,), (10,)]),
    ],
)
def test_the_reference_networks_have_the_published_layers(
    name: str, classes: int, parameters: int, shapes: list[tuple[int, ...]]
) -> None:
    model = build_model(load_recipe(name), classes=classes)

    kinds = keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.Flatten
    found = [
        tuple(layer.output.shape[1:])
        for layer in model.layers
        if isinstance(layer, (*kinds, keras.layers.Dense, keras.layers.Dropout))
    ]
    assert model.count_params() == parameters
    assert found == shapes


@pytest.mark.parametrize(("scaling", "white"), [("0..1", 1.0), ("-1..1", 1.0), ("none", 255.0)])
def test_scaling_is_in_the_graph(scaling: str, white: float) -> None:
    recipe = load_recipe("cifar100-cnn", ["model.layers=[flatten]", f"model.scaling={scaling}"])
    model = build_model(recipe, classes=2)
    taken = keras.Model(model.inputs, model.get_layer("flatten1").output)

    answer = taken.predict(np.full((1, 32, 32, 3), 255, np.uint8), verbose=0)

    assert answer == pytest.approx(np.full((1, 3072), white))


def test_grey_pictures_keep_their_value_and_colours_their_luma() -> None:
    model = build_model(load_recipe("dense-28", ["model.scaling=none"]), classes=2)
    taken = keras.Model(model.inputs, model.get_layer("flatten1").output)
    pictures = np.zeros((2, 28, 28, 3), np.uint8)
    pictures[0] = 200
    pictures[1, :, :, 1] = 100

    answer = taken.predict(pictures, verbose=0)

    assert answer[0] == pytest.approx(np.full(784, 200.0), rel=1e-5)
    assert answer[1] == pytest.approx(np.full(784, 58.7), rel=1e-5)


def test_layers_that_do_not_fit_the_image_are_told() -> None:
    recipe = load_recipe("cifar100-cnn", ["preprocessing.height=16", "preprocessing.width=16"])

    with pytest.raises(ConfigurationError, match="the layers do not fit images of 16 × 16"):
        build_model(recipe, classes=2)


APPLICATION = [
    "preprocessing.height=32",
    "preprocessing.width=32",
    "model={kind: application, name: VGG16, embedding_size: 4}",
]


def test_an_application_scales_as_its_own_preparation_does() -> None:
    model = build_model(load_recipe("digits-small", APPLICATION), classes=2)
    images = RANDOM.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    plain = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.set_weights([value for layer in model.layers[:-3] for value in layer.get_weights()])

    ours = keras.Model(model.inputs, model.get_layer("pooled").output).predict(images, verbose=0)
    prepared = keras.applications.vgg16.preprocess_input(images.astype(np.float32))

    assert ours == pytest.approx(plain.predict(prepared, verbose=0).mean(axis=(1, 2)), abs=1e-4)


def test_a_fixed_application_leaves_the_head_to_learn() -> None:
    model = build_model(
        load_recipe("digits-small", [*APPLICATION, "model.is_backbone_trained=false"]), classes=2
    )

    assert [weight.path for weight in model.trainable_variables] == [
        "embedding/kernel", "embedding/bias", "logits/kernel", "logits/bias",
    ]  # fmt: skip


def test_an_unknown_application_is_refused_with_the_known_ones() -> None:
    recipe = load_recipe("digits-small", ["model={kind: application, name: vgg}"])

    with pytest.raises(ConfigurationError, match=r"has no 'vgg'; it has ConvNeXtBase, .*VGG16"):
        build_model(recipe, classes=2)
