"""Change, and single samples: drift, another version on the same samples, the worst errors."""

from typing import Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import GateStatus, Part, RateRow, Value

__all__ = ["BaselineComparison", "DriftRow", "EarlierRun", "ErrorExample", "FlippedSample", "MetricChange"]


class DriftRow(Part):
    """One feature against the reference profile of the model card."""

    feature: str
    meaning: str = Field(default="", description="the change in words, with medians before and now")
    method: str
    statistic: float | None
    effect: float | None
    p_value: float | None
    q_value: float | None
    verdict: Literal["ok", "alert", "insufficient"]
    reference_count: int
    current_count: int
    minimum_detectable: float | None
    reference_histogram: tuple[float, ...] = Field(description="shares per bin")
    current_histogram: tuple[float, ...]


class MetricChange(Part):
    metric: str
    baseline: float | None
    current: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    verdict: Literal["better", "worse", "same", "insufficient"]
    samples: int = 0
    newly_wrong: int = Field(default=0, description="right before, wrong now")
    newly_right: int = Field(default=0, description="wrong before, right now")
    worst_slice: str = Field(default="", description="slice with the largest net rise of errors, with counts")


class FlippedSample(Part):
    sample_id: str
    label: str
    species: str | None
    baseline_score: float | None
    current_score: float | None
    regression: bool
    path: str = Field(default="", description="of its picture, below the root of the data set")


class BaselineComparison(Part):
    """The same samples answered by another version: exact McNemar per kind of error."""

    run_id: str
    model_version: str
    common_samples: int
    changes: tuple[MetricChange, ...]
    regressions: int
    improvements: int
    flipped: tuple[FlippedSample, ...]


class EarlierRun(Part):
    """A run that this one descends from: its baseline, the baseline of that, and so on."""

    run_id: str
    model_version: str = Field(description="versions that answered; empty where scores came from a file")
    dataset: str
    data_digest: str
    samples: int
    verdict: GateStatus
    alerts: int = Field(description="those that are more than information")
    accuracy: Value
    apcer_max: RateRow | None
    bpcer: RateRow | None
    largest_drift: float | None = Field(description="of a feature from the model's reference")
    drifted: int = Field(description="features with a drift alert")


class ErrorExample(Part):
    """One of the worst errors; the page shows its picture where it may."""

    sample_id: str
    path: str
    label: str
    predicted: str
    score: float | None
    species: str | None
    slices: dict[str, str]
