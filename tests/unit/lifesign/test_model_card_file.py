import json

import pytest
from pydantic import ValidationError

from lifesign.errors import ConfigurationError, ContractError, NotReadyError
from lifesign.model_card import (
    BaselineMethod,
    MethodResult,
    ModelCard,
    OperatingPoint,
    TrainingCourse,
    read_given_card,
    read_model_card,
)
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import CARD_FILE

POINTS = (
    OperatingPoint(id="eer", criterion="eer", threshold=0.4),
    OperatingPoint(id="strict", criterion="apcer_max<=0.01", threshold=0.9),
)


def _card(**changes) -> ModelCard:
    values = {
        "name": "liveness",
        "version": 3,
        "task": "liveness",
        "class_names": ("attack", "bona_fide"),
        "preprocessing": PreprocessingSpec(height=112, width=96),
        "operating_points": POINTS,
        "default_operating_point": "eer",
    }
    return ModelCard(**{**values, **changes})


def _svm(**changes) -> BaselineMethod:
    values = {"samples": 9, "errors": 2, "balanced_accuracy": 0.8, "recalls": {"attack": 0.6}}
    result = MethodResult(**{**values, "confusion": ((3, 2), (0, 4)), **changes})
    return BaselineMethod(name="svm", split="test", images_digest="ab", result=result, network=result)


def _course(**changes) -> TrainingCourse:
    values = {"figures": {"train_loss": (0.9, 0.4), "dev_loss": (0.8, None)}, "kept_epoch": 1}
    return TrainingCourse(**{**values, "selected_by": "dev_loss", **changes})


def _write(folder, text):
    path = folder / CARD_FILE
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")


def test_a_card_comes_back_as_written(tmp_path):
    _write(tmp_path, _card().model_dump_json())
    assert read_model_card(tmp_path) == _card()


def test_a_card_keeps_its_plain_methods_and_writes_none_where_there_is_none(tmp_path):
    card = _card(baselines=(_svm(), _svm(confusion=())))
    _write(tmp_path, card.model_dump_json())

    assert read_model_card(tmp_path) == card
    # The id of a run hashes the card: that of a model without such a method stays what it was.
    assert "baselines" not in _card().model_dump(mode="json")
    assert "baselines" not in _card().model_dump_json()


def test_a_card_keeps_the_course_of_its_training_and_writes_none_where_there_is_none(tmp_path):
    card = _card(training=_course(class_counts={"train": (3, 4)}, images_digests={"train": "ab"}))
    _write(tmp_path, card.model_dump_json())

    assert read_model_card(tmp_path) == card
    assert "training" not in _card().model_dump(mode="json")
    assert '"training"' not in _card().model_dump_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figures": {"train_loss": (0.9, 0.4), "dev_loss": (0.8,)}}, "one value per epoch of each"),
        ({"figures": {}}, "figures"),
        ({"kept_epoch": 3}, "kept epoch 3: expected one of the 2 epochs"),
    ],
    ids=["lengths differ", "no figure", "an epoch that was not"],
)
def test_a_course_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        _course(**changes)


def test_a_card_that_a_user_names_must_be_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"model card .*none\.json: No such file"):
        read_given_card(tmp_path / "none.json")
    _write(tmp_path, "{}")
    with pytest.raises(ContractError, match="not valid: name: missing"):
        read_given_card(tmp_path / CARD_FILE)


def test_no_card_and_a_broken_card_are_different_errors(tmp_path):
    with pytest.raises(NotReadyError, match="no model card"):
        read_model_card(tmp_path)
    _write(tmp_path, "{}")
    with pytest.raises(ContractError, match="not valid: name: missing; version: missing") as caught:
        read_model_card(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_field_is_refused(tmp_path):
    _write(tmp_path, json.dumps({**_card().model_dump(mode="json"), "colour": "red"}))
    with pytest.raises(ContractError, match="colour"):
        read_model_card(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ("attack", "attack")}, "repeat"),
        ({"class_names": ("spoof", "live")}, "attack and bona_fide"),
        ({"default_operating_point": "absent"}, "not among"),
        ({"version": 0}, "version"),
        ({"baselines": (_svm(recalls={"cat": 1.0}),)}, "expected classes of the model, got .'cat'"),
        ({"baselines": (_svm(confusion=((3, 2), (0,))),)}, "svm: expected 2 rows of 2 counts"),
        ({"baselines": (_svm(errors=10),)}, "expected at most 9 errors, got 10"),
        (
            {"training": _course(class_counts={"dev": (1, 2, 3)})},
            "dev split: expected the samples of each of 2 classes",
        ),
        ({"class_names": ("one",)}, "class_names"),
    ],
)
def test_inconsistent_cards_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        _card(**changes)


def test_operating_points_are_found_by_id_or_default():
    card = _card()
    assert card.operating_point() == POINTS[0]
    assert card.operating_point("strict") == POINTS[1]
    assert _card(default_operating_point=None).operating_point() is None
    with pytest.raises(ContractError, match=r"no operating point 'loose'.*\['eer', 'strict'\]"):
        card.operating_point("loose")


@pytest.mark.parametrize(("names", "index"), [(("attack", "bona_fide"), 1), (("bona_fide", "attack"), 0)])
def test_bona_fide_column_follows_the_class_order(names, index):
    assert _card(class_names=names).bona_fide_index == index
