"""What a person can choose of a figure; apart from the drawing, so that asking for help loads none of it."""

from enum import StrEnum

__all__ = ["ClassOrder", "FigureKind"]


class FigureKind(StrEnum):
    """What can be drawn."""

    CURVES = "curves"
    CONFUSION = "confusion"
    ROC = "roc"
    CALIBRATION = "calibration"
    CLASSES = "classes"
    ERRORS = "errors"
    MAPS = "maps"
    FILTERS = "filters"
    SALIENCY = "saliency"
    WALL = "wall"


class ClassOrder(StrEnum):
    """How the classes of a confusion matrix are sorted."""

    AUTO = "auto"
    MODEL = "model"
    CONFUSION = "confusion"
    SUPERCLASS = "superclass"
