"""``lifesign diagnose``: what it prints where, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifesign.cli import app

_TURNS = {
    "loss": [1.0, 0.7, 0.5, 0.35, 0.2, 0.1, 0.05],
    "val_loss": [1.0, 0.8, 0.7, 0.75, 0.9, 1.1, 1.3],
    "accuracy": [0.513, 0.671, 0.7432, 0.8217, 0.911, 0.9634, 0.9917],
    "val_accuracy": [0.5071, 0.6432, 0.6917, 0.6894, 0.6823, 0.6751, 0.6712],
}
_HEALTHY = {"loss": [1.0, 0.5, 0.3, 0.22, 0.2], "val_loss": [1.0, 0.52, 0.31, 0.23, 0.21]}


def _diagnose(*arguments: object, typed: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["diagnose", *map(str, arguments)], input=typed)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return _case(tmp_path, "turns", {"history": _TURNS, "confusion_matrix": [[90, 10], [45, 55]]})


def _case(folder: Path, identifier: str, inputs: Any) -> Path:
    path = folder / f"{identifier}.json"
    path.write_text(json.dumps({"id": identifier, "inputs": inputs}))
    return path


def test_json_is_one_object_per_case_with_exactly_the_agreed_keys(tmp_path: Path, case: Path) -> None:
    other = _case(tmp_path, "healthy", {"history": _HEALTHY})

    result = _diagnose("--json", case, other)

    assert result.exit_code == 0
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [document["id"] for document in documents] == ["turns", "healthy"]
    for document in documents:
        assert list(document) == ["id", "findings"]
        assert document["findings"]
        for finding in document["findings"]:
            assert list(finding) == ["code", "severity", "confidence", "evidence", "remedy", "details"]
            assert finding["severity"] in ("info", "warning", "error")
            assert 0 < finding["confidence"] <= 1
            assert isinstance(finding["details"], dict)
    assert documents[0]["findings"][0]["code"] == "overfitting"
    assert documents[0]["findings"][0]["details"]["turn_epoch"] == 3


def test_a_file_that_cannot_be_read_does_not_keep_others_from_being_diagnosed(
    tmp_path: Path, case: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"loss": [1, ')

    result = _diagnose("--json", broken, case)

    assert result.exit_code == 2
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["turns"]
    assert result.stderr.startswith(f"error: {broken}: expected JSON")


def test_a_part_left_out_is_told_on_stderr_and_is_no_failure(tmp_path: Path) -> None:
    path = _case(tmp_path, "torn", {"history": _TURNS, "confusion_matrix": [[1, 2, 3]]})

    result = _diagnose("--json", path)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["findings"][0]["code"] == "overfitting"
    assert "warning: torn: confusion_matrix is left out: expected a square matrix" in result.stderr


def test_the_standard_input_is_read(case: Path) -> None:
    by_pipe = _diagnose("--json", "-", typed=json.dumps(_TURNS))

    assert by_pipe.exit_code == 0
    assert json.loads(by_pipe.stdout)["findings"][0]["code"] == "overfitting"


@pytest.mark.parametrize(
    ("fail_on", "code"), [("never", 0), ("warning", 1), ("error", 0)], ids=["never", "warning", "error"]
)
def test_the_exit_code_follows_fail_on(case: Path, fail_on: str, code: int) -> None:
    assert _diagnose(case, "--fail-on", fail_on).exit_code == code


def test_people_read_what_the_figures_say_and_what_to_try_first(case: Path) -> None:
    text = " ".join(_diagnose(case).stdout.split())

    assert "Overfitting: training goes on improving after validation has turned." in text
    assert "Training loss falls from 1 to 0.05 over 7 epochs." in text
    assert "Validation loss is best at epoch 3 (0.7)" in text
    assert "Of 200 samples in 2 classes 72.5% are right." in text
    assert "Try first: Keep the weights of epoch 3" in text
    assert "refuted by" in text


def test_the_page_has_curves_matrix_and_bars_and_neither_script_nor_network(
    tmp_path: Path, case: Path
) -> None:
    out = tmp_path / "page.html"

    result = _diagnose(case, "--out", out, "--json")

    page = out.read_text("utf-8")
    assert json.loads(result.stdout)["id"] == "turns"
    assert page.count("<svg") == 3
    assert 'class="matrix"' in page
    assert "class 1" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count('role="img"') == page.count("<svg")


def test_names_of_classes_are_escaped_on_the_page(tmp_path: Path) -> None:
    matrix = [[90, 10], [45, 55]]
    path = _case(tmp_path, "x", {"confusion_matrix": matrix, "class_names": ["<b>cat</b>", "dog"]})
    out = tmp_path / "page.html"

    _diagnose(path, "--out", out)

    assert "<b>cat" not in out.read_text("utf-8")


def test_a_note_adds_to_the_files(tmp_path: Path) -> None:
    path = _case(tmp_path, "x", {"history": _HEALTHY})

    result = _diagnose("--json", path, "--note", "Dense(1, activation='softmax'), loss='binary_crossentropy'")

    assert json.loads(result.stdout)["findings"][0]["code"] == "wrong_loss_activation_pair"
