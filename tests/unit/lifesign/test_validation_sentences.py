"""What is wrong with a document is said on one line, in words for the person who wrote it."""

from typing import Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifesign.validation import problems_of


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    epochs: int = Field(default=1, ge=1)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    training: _Inner = _Inner()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name == "both":
            raise ValueError("give one, not both")
        return self


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"name": "a", "training": {"epocs": 3}}, "training.epocs: no such field"),
        (
            {"name": "a", "training": {"epochs": 0}},
            "training.epochs: expected greater than or equal to 1, got 0",
        ),
        ({}, "name: missing"),
        ({"name": "both"}, "give one, not both"),
        ({"name": 1, "x": 2}, "name: expected a valid string, got 1; x: no such field"),
    ],
)
def test_each_problem_is_named_on_one_line(document, sentence):
    with pytest.raises(ValidationError) as caught:
        _Document.model_validate(document)
    assert problems_of(caught.value) == sentence


def test_a_long_value_is_cut():
    with pytest.raises(ValidationError) as caught:
        _Document.model_validate({"name": list(range(1000))})
    assert len(problems_of(caught.value)) < 120
