"""Plain methods on the same training data, as the training measured them: not figures of this evaluation."""

from typing import Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import Part, Value

__all__ = ["BaselineMethodDocument", "MethodFigures"]


class MethodFigures(Part):
    """What one way to classify gave on one split, each sample being of the likeliest class."""

    samples: int
    accuracy: Value
    balanced_accuracy: float
    recalls: dict[str, float]
    confusion: tuple[tuple[int, ...], ...] = Field(description="rows are true classes; empty where many")


class BaselineMethodDocument(Part):
    """A plain method, and the network itself on the same split where the training measured that too."""

    name: str
    about: str
    split: Literal["dev", "test"]
    same_images: bool = Field(
        description="whether that split has the images and labels of this evaluation, no more and no fewer"
    )
    figures: MethodFigures
    network: MethodFigures | None
