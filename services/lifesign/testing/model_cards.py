"""Model cards of invented models."""

from lifesign.labels import LIVENESS_CLASSES
from lifesign.model_card import ModelCard, OperatingPoint
from lifesign.preprocessing import PreprocessingSpec

__all__ = ["liveness_card"]


def liveness_card(
    *points: OperatingPoint, name: str = "liveness", version: int = 1, side: int = 32
) -> ModelCard:
    """Return the card of a liveness model of ``side`` × ``side`` pixels that decides by the first point."""
    return ModelCard(
        name=name,
        version=version,
        task="liveness",
        class_names=LIVENESS_CLASSES,
        preprocessing=PreprocessingSpec(height=side, width=side),
        operating_points=points,
        default_operating_point=points[0].id if points else None,
    )
