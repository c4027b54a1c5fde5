"""How the model of a report was trained, as its card tells it: not figures of this evaluation."""

from typing import Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import Part

__all__ = ["TrainingDocument"]


class TrainingDocument(Part):
    """The figures of every epoch from 1, and the epoch whose weights were kept."""

    figures: dict[str, tuple[float | None, ...]] = Field(
        description="train_… and dev_…, losses in nats, shares 0–1; learning_rate; null where not measured"
    )
    kept_epoch: int
    selected_by: str = Field(description="the figure that was best at the epoch kept")
    named_epoch: int | None = Field(default=None, description="the epoch that the diagnosis names")
    named_as: str = Field(default="", description="what that epoch is: turn, end or best")
    samples: dict[str, int] = Field(description="split → samples; empty where not known")
    configuration: tuple[str, ...] = ()
    evaluated_split: Literal["train", "dev", "test"] | None = Field(
        default=None, description="the split that has the images and labels of this evaluation"
    )
