import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.config import EvaluationConfig, digest_of, evaluation_config
from lifesign.labels import Split

BASE = {"target": "localhost:8500", "model": "m", "data": "sets/faces/manifest.csv", "out": "run"}


def test_defaults_are_the_test_split_and_no_threshold():
    config = EvaluationConfig(**BASE)
    assert config.split is Split.TEST
    assert config.threshold is None
    assert config.decode_threads >= 1


@pytest.mark.parametrize(
    ("data", "name"),
    [("sets/faces/manifest.csv", "faces"), ("sets/faces", "faces"), ("sets/odd.jsonl", "odd")],
)
def test_a_data_set_is_called_by_its_place(data, name):
    assert EvaluationConfig(**{**BASE, "data": data}).name_of_dataset == name
    assert EvaluationConfig(**{**BASE, "data": data}, dataset_name="given").name_of_dataset == "given"


@pytest.mark.parametrize("word", ["test", "testing", "Eval"])
def test_split_words_are_understood(word):
    assert evaluation_config(**BASE, split=word).split is Split.TEST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "sofa"}, "split: .*got 'sofa'"),
        ({"threshold": 1.5}, "threshold: .*less than or equal to 1, got 1.5"),
        ({"batch_size": 0}, "batch_size: .*got 0"),
        ({"gates": {"max_apcer": 7}}, "gates.max_apcer: .*got 7"),
        ({"colour": 1}, "colour: "),
        ({"card": "c.json", "model_base_path": "base"}, "card or model_base_path, not both"),
        ({"threshold": 0.5, "operating_point": "eer"}, "threshold or operating_point, not both"),
    ],
)
def test_wrong_options_are_one_line(change, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        evaluation_config(**{**BASE, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "same"),
    [
        ("target", "elsewhere:1", True),
        ("out", "other", True),
        ("data", "moved/faces/manifest.csv", True),
        ("decode_threads", 7, True),
        ("timeout_seconds", 1.0, True),
        ("threshold", 0.4, False),
        ("split", "dev", False),
        ("limit", 9, False),
        ("batch_size", 16, False),
        ("class_map", {"a": "attack"}, False),
        ("gates", {"max_apcer": 0.1}, False),
    ],
)
def test_identity_holds_what_decides_the_numbers(field, value, same):
    first = digest_of(evaluation_config(**BASE).identity())
    second = digest_of(evaluation_config(**{**BASE, field: value}).identity())
    assert (first == second) is same


def test_a_config_survives_json():
    config = evaluation_config(**BASE, class_names=("attack", "bona_fide"), image_size=(8, 9), limit=3)
    assert EvaluationConfig.model_validate_json(config.model_dump_json()) == config
