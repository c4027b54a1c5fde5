import pytest

from lifesign.errors import ConfigurationError
from lifesign_training.recipe import load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_every_packaged_recipe_loads_and_describes_itself(name: str) -> None:
    recipe = load_recipe(name)

    assert recipe.name == name
    assert recipe.description


def test_the_three_promised_recipes_are_packaged() -> None:
    assert {"liveness-small", "liveness-mobilenetv2", "digits-small"} <= set(recipe_names())


def test_overrides_replace_nested_values_and_keep_the_rest() -> None:
    recipe = load_recipe(
        "liveness-small", ["training.epochs=3", "augmentation.crop=null", "data.class_map.x=attack"]
    )

    assert recipe.training.epochs == 3
    assert recipe.augmentation.crop is None
    assert recipe.augmentation.flip is True
    assert recipe.data.class_map == {"x": "attack"}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.epochs=0", "training.epochs"),
        ("training.epochs=many", "many"),
        ("training.epoch=3", "training.epoch: no such field$"),
        ("epochs", "key=value"),
        ("task.x=1", "has no parts"),
        ("augmentation.crop=500", "larger than the input side"),
        ("preprocessing.height=0", "preprocessing.height"),
    ],
)
def test_a_wrong_override_names_the_value(override: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_recipe("liveness-small", [override])


@pytest.mark.parametrize(
    ("recipe", "overrides", "says"),
    [
        ("liveness-mobilenetv2", ["preprocessing.height=16", "preprocessing.width=16"], "at least 32"),
        ("liveness-mobilenetv2", ["augmentation.crop=48"], "use shift"),
        ("digits-small", ["select_by=auc"], "liveness recipes only"),
        ("digits-small", ["default_operating_point=eer"], "liveness recipes only"),
        ("no-such-recipe", [], "there are cifar100-cnn, .* or give a .yaml or .py file"),
        ("missing.yaml", [], "No such file"),
        ("missing.py", [], "No such file"),
        ("cifar100-cnn", ["select_by=eer"], "eer is for liveness recipes only"),
        ("cifar100-cnn", ["augmentation.crop=24"], "use shift"),
        ("cifar100-cnn", ["training.optimizer=adam", "training.momentum=0.9"], "momentum is for sgd"),
        ("cifar100-cnn", ["model.layers=[{dense: 3}, flatten]"], "dense 3 comes before flatten"),
        ("cifar100-cnn", ["model.layers=[flatten, {conv: 3}]"], "comes after flatten"),
        ("cifar100-cnn", ["model.layers=[{conv: 3}]"], "flatten or global_average once, got 0"),
        ("features-head", ["augmentation.flip=true"], "nothing to augment"),
        ("cifar100-cnn", ["data.allowed_findings=[everything]"], "data.allowed_findings"),
    ],
)
def test_an_impossible_recipe_is_refused(recipe: str, overrides: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_recipe(recipe, overrides)


def test_a_file_is_read_and_named_after_itself(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.yaml"
    path.write_text(
        "task: classification\npreprocessing: {height: 8, width: 8}\nmodel: {kind: small}\n", encoding="utf-8"
    )

    assert load_recipe(path).name == "mine"


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n"], ids=["list", "broken"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"bad\.yaml") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_a_python_file_is_a_recipe_with_its_literal_settings(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.py"
    path.write_text("RECIPE = {'preprocessing': {'height': 8, 'width': 9}}\nraise SystemExit('was run')\n")

    recipe = load_recipe(path, ["training.epochs=2"])

    assert (recipe.name, recipe.preprocessing.width, recipe.training.epochs) == ("mine", 9, 2)
    assert recipe.model.kind == "python"
    assert recipe.model.file == str(path)
    assert len(recipe.model.source_digest) == 64


def test_a_yaml_file_finds_its_python_file_beside_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "net.py").write_text("")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "task: classification\npreprocessing: {height: 8, width: 8}\nmodel: {kind: python, file: net.py}\n"
    )

    assert load_recipe(path).model.file == str(tmp_path / "net.py")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def build(", "is not Python"),
        ("RECIPE = {'task': open('x')}", "literal values only"),
        ("RECIPE = 3", "RECIPE to be a mapping"),
        ("RECIPE = {'epochs': 3}", "epochs: no such field"),
    ],
)
def test_a_broken_python_file_is_refused(tmp_path, text: str, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "bad.py"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=says):
        load_recipe(path)
