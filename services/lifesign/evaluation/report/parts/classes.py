"""Decisions and scores per class: confusion, curves, distributions, calibration."""

from pydantic import Field

from lifesign.evaluation.report.parts.values import Part, Value

__all__ = [
    "CalibrationBin",
    "CalibrationDocument",
    "ClassMetrics",
    "CoarseDocument",
    "ConfusionDocument",
    "CurvePoint",
    "HistogramRow",
    "RocDocument",
    "TemperatureDocument",
]


class ConfusionDocument(Part):
    """Rows are true classes, columns predicted ones, both in the order of ``class_names``."""

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    no_response: tuple[int, ...] = Field(description="samples of each true class that got no answer")
    decision: str = Field(description="how a class was predicted: 'argmax' or 'score >= 0.412'")


class ClassMetrics(Part):
    class_name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    auc: Value | None = None
    specificity: float | None = None
    average_precision: Value | None = Field(
        default=None, description="area under precision over recall; depends on how frequent the class is"
    )


class CoarseDocument(Part):
    """The same decisions in superclasses: a confusion within one is no error."""

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    no_response: tuple[int, ...]
    accuracy: Value
    balanced_accuracy: float | None
    averages: dict[str, float | None]
    classes: tuple[ClassMetrics, ...]


class CurvePoint(Part):
    x: float
    y: float
    threshold: float | None = None


class RocDocument(Part):
    """A receiver operating characteristic, thinned to at most 200 points.

    For liveness ``x`` is APCER and ``y`` is 1 − BPCER, for classes false and true positive rate.
    """

    name: str
    auc: Value
    points: tuple[CurvePoint, ...]
    partial_auc: float | None = Field(
        default=None,
        description="area where x is at most 0.1, rescaled: 0.5 is chance, 1 is best (McClish, 1989)",
    )


class HistogramRow(Part):
    """Counts of scores per bin; ``edges`` has one more entry than ``counts``."""

    group: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class CalibrationBin(Part):
    lower: float
    upper: float
    count: int
    mean_score: float | None
    share_positive: float | None


class TemperatureDocument(Part):
    """What dividing the logits by one number would do. Fitted on this test set: a diagnosis, not a remedy.

    The numbers after are cross-fitted: each half of the subjects at the temperature of the other half.
    """

    value: float = Field(description="above 1: over-confident, below 1: over-cautious")
    samples: int
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float
    source: str = "ORACLE:test"


class CalibrationDocument(Part):
    ece: float | None
    mce: float | None
    brier: float | None
    bins: tuple[CalibrationBin, ...]
    adaptive_ece: float | None = Field(default=None, description="expected error over bins of equal mass")
    equal_mass_bins: tuple[CalibrationBin, ...] = ()
    temperature: TemperatureDocument | None = Field(default=None, description="null without logits")
