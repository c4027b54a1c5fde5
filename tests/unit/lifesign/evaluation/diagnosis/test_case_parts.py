"""A malformed part of a case is left out with a remark, and the rest is used."""

from typing import Any

import pytest

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

_GOOD: dict[str, Any] = {"history": {"loss": [1.0, 0.5]}}


@pytest.mark.parametrize(
    ("part", "given", "expected"),
    [
        ("confusion_matrix", [[1, 2, 3], [4, 5, 6]], "expected a square matrix, got 2 rows of 3 cells"),
        ("confusion_matrix", [[1, "x"], [2, 3]], "a cell that is no number"),
        ("confusion_matrix", [[1, -2], [2, 3]], "negative"),
        ("confusion_matrix", "1 2", "expected a list of rows"),
        ("class_names", 3, "expected a list of names, got a number"),
        ("n_classes", "many", "n_classes is left out"),
        ("n_classes", 2.5, "expected a number of classes"),
        ("classification_report", "hello", "found none"),
        ("class_counts", {"train": {"a": "many"}}, "class_counts of train are left out"),
        ("class_counts", [1, 2], "class_counts is left out"),
        ("predictions", [1, 2], "expected an object"),
        ("predictions", {"y_true": [1, 2], "y_prob": [[0.1], [0.2, 0.3]]}, "y_prob of the predictions"),
        ("predictions", {"y_true": [1, 2, 3], "y_pred": [1, 2]}, "3 labels for 2 answers"),
        ("predictions", {"y_true": [1, None], "y_pred": [1, 2]}, "y_true of the predictions"),
        ("evaluations", ["no"], "evaluation 1 is left out"),
        ("evaluations", 7, "expected a list of evaluations"),
        ("notes", 5, "expected a list of lines"),
        ("console_log", 5, "expected the text of a log, got a number"),
    ],
)
def test_a_malformed_part_is_left_out_and_the_rest_used(part: str, given: object, expected: str) -> None:
    evidence = evidence_of_inputs({**_GOOD, part: given}, identifier="x")

    assert evidence.curves is not None
    assert len(evidence.remarks) == 1
    assert expected in evidence.remarks[0]


def test_a_column_of_words_is_left_out_of_a_history() -> None:
    evidence = evidence_of_inputs({"history": {"loss": ["high", "low"], "val_loss": [1.0, "nan"]}})

    assert evidence.curves is not None
    assert list(evidence.curves.series) == ["val_loss"]
    assert evidence.curves.first_broken == ("val_loss", 1)
    assert "loss of the history is left out" in evidence.remarks[0]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([1], "expected an object with the parts of a case, got a list"),
        ({"confusion_matrix": [[1, 2]]}, "no part of the case could be read"),
    ],
)
def test_a_case_of_which_nothing_is_usable_is_refused(inputs: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        evidence_of_inputs(inputs, identifier="x")


def test_class_indices_name_the_classes_in_their_order() -> None:
    assert evidence_of_inputs({"class_names": {"dog": 1, "cat": 0}}).class_names == ("cat", "dog")
