"""The contract file: what is accepted, and the one sentence for what is not."""

import re
from pathlib import Path

import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.contract.document import ModelContract, read_model_contract
from lifesign.evaluation.contract.scaling import Convention, Scaling


def _file(folder: Path, text: str) -> Path:
    path = folder / "model.yml"
    path.write_text(text)
    return path


def test_yaml_and_json_say_the_same(tmp_path):
    yaml = _file(tmp_path, "input: {scaling: 0..1, size: [224, 160]}\nclass_names: [attack, bona_fide]\n")
    one = read_model_contract(yaml)
    json = tmp_path / "model.json"
    json.write_text(one.model_dump_json())
    assert read_model_contract(json) == one
    assert one.input.scaling is Convention.UNIT
    assert one.input.size == (224, 160)


def test_own_numbers_scale_too(tmp_path):
    path = _file(tmp_path, "input: {scaling: {scale: 0.01, offset: -1, mean: [1, 2, 3], std: [4, 5, 6]}}")
    scaling = read_model_contract(path).input.scaling
    assert scaling == Scaling(scale=0.01, offset=-1, mean=(1, 2, 3), std=(4, 5, 6))
    assert (
        ModelContract.model_validate(read_model_contract(path).model_dump(mode="json")).input.scaling
        == scaling
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a, b]", "expected fields such as"),
        ("", "expected fields such as"),
        ("a: [", "expected YAML or JSON"),
        ("inputs: {}", "inputs: no such field"),
        (
            "input: {scaling: imagenet}",
            "input.scaling.name: expected 'none', '0..1', 'tf', 'torch' or 'caffe'",
        ),
        ("input: {scaling: {std: 0}}", "expected std above 0, got 0"),
        ("input: {scaling: {scale: 0}}", "expected a scale other than 0"),
        ("input: {scaling: {mean: [1, 2, 3], std: [1, 2]}}", "expected as many means as stds, got 3 and 2"),
        ("input: {scaling: {mean: [.inf, 2, 3]}}", "expected finite means"),
        ("input: {layout: HWC}", "input.layout: expected 'NHWC' or 'NCHW', got 'HWC'"),
        ("input: {size: [0, 3]}", "input.size.0: expected greater than or equal to 1, got 0"),
        ("output: {kind: softmax}", "output.kind: expected 'probabilities' or 'logits', got 'softmax'"),
        ("class_names: [a]", "two or more different classes"),
        ("class_names: [a, a]", "two or more different classes"),
        ("class_names: [no, yes]", "class_names.0: expected a valid string, got False"),
        ("class_names: [a, b]\npositive_class: c", r"expected positive_class among \['a', 'b'\], got 'c'"),
        ("class_names: [a, b, c]\npositive_class: c", "for two classes and one output unit"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_model_contract(_file(tmp_path, text))
    assert str(tmp_path / "model.yml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nope\.yml: No such file or directory"):
        read_model_contract(tmp_path / "nope.yml")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read_model_contract(tmp_path)


def test_the_examples_of_the_documentation_are_contracts(tmp_path):
    page = (Path(__file__).parents[5] / "docs" / "evaluate.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    contracts = [read_model_contract(_file(tmp_path, text)) for text in examples]
    assert len(contracts) == 5
    assert contracts[-1].model_dump(exclude_none=True).keys() == {
        "signature", "input", "output", "class_names",
    }  # fmt: skip
