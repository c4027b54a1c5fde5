"""What was tested, on what, and what came of it: the run, its gates and its alerts."""

from typing import Any, Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import AlertSeverity, GateStatus, Part

__all__ = ["Accounting", "Alert", "GateResult", "ModelFacts", "Subject"]


class Subject(Part):
    """What was tested on: the data set and the number of people, presentations and images in it."""

    dataset: str
    data_digest: str
    split: str | None
    subjects: int | None = Field(description="null where the data set names no subjects")
    presentations: int | None
    samples: int
    class_counts: dict[str, int]
    class_map: dict[str, str] = Field(description="label found in the data set → class of the model")
    slice_columns: tuple[str, ...]
    aggregate: Literal["none", "mean", "median", "max", "min"] = Field(
        default="none", description="how the frames of a presentation became one sample; none: they did not"
    )
    frames: int | None = Field(default=None, description="images behind the samples, where aggregated")


class ModelFacts(Part):
    """What was tested: the version that answered, not the one asked for."""

    name: str
    requested_version: int | None
    served_versions: dict[str, int] = Field(description="version that answered → samples")
    task: Literal["liveness", "classification"]
    class_names: tuple[str, ...]
    preprocessing: str
    training_data_digest: str = ""
    recipe: str = ""
    operating_point: str | None
    threshold: float | None
    threshold_criterion: str | None
    threshold_source: str | None = Field(description="'dev', 'fixed' or 'ORACLE:test'")
    made_at: str = Field(default="", description="of the version, as its card tells; RFC 3339, UTC")
    export_digest: str = Field(
        default="", description="SHA-256 of the version's files; empty where they were not at hand"
    )
    source: Literal["served", "file"] = Field(
        default="served", description="whether a model server answered, or scores were read from a file"
    )


class Accounting(Part):
    """Every sample is scored or has a reason: scored + no_response = total, always."""

    total: int
    scored: int
    no_response: int
    reasons: dict[str, int]
    conversions: dict[str, int] = Field(description="images rotated, converted from CMYK, …")


class GateResult(Part):
    """One gate: a limit, what was measured, and whether that is proof."""

    name: str
    status: GateStatus
    limit: float
    value: float | None
    lower: float | None
    upper: float | None
    sentence: str


class Alert(Part):
    """Something a person should know: what, where, how sure, since when, what to do."""

    kind: Literal[
        "gate",
        "prediction_bias",
        "differential_performance",
        "drift",
        "regression",
        "non_response",
        "polarity",
        "constant_scores",
        "mixed_versions",
        "shortcut",
        "seen_images",
    ]
    severity: AlertSeverity
    title: str
    sentence: str
    remedy: str
    since: str = Field(default="", description="since when, as far as the baseline run can tell")
    evidence: dict[str, Any] = Field(description="the numbers behind the sentence")
