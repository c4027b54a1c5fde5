"""The report of one evaluation: the versioned document of which page, instruments and gate are views.

A report is a pure function of configuration, model card and predictions: it holds no clock, duration,
host or absolute path, so a run that was killed and resumed ends with the same bytes. Timing is kept
beside it, in ``performance.json``. A rate that cannot be computed (nothing in the denominator) is null.
"""

import json
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from lifesign.evaluation.audit.findings import Finding

__all__ = [
    "SCHEMA_VERSION",
    "Accounting",
    "Alert",
    "AlertSeverity",
    "BaselineComparison",
    "CalibrationBin",
    "ClassMetrics",
    "CoarseDocument",
    "ConfusionDocument",
    "CurvePoint",
    "DriftRow",
    "ErrorExample",
    "GateResult",
    "GateStatus",
    "GeneralisationDocument",
    "GroupGapRow",
    "GroupGapTable",
    "GroupSummary",
    "HistogramRow",
    "ModelFacts",
    "PredictionBiasRow",
    "ProfileDocument",
    "ProfileRow",
    "RateRow",
    "ReportDocument",
    "RocDocument",
    "SliceFinding",
    "SliceRow",
    "SliceSearch",
    "SpeciesRow",
    "Subject",
    "SubjectIntervalRow",
    "TemperatureDocument",
    "ThreeWayRow",
    "ThresholdProvenance",
    "ThresholdRow",
    "TwoThresholdDocument",
    "Value",
    "report_schema",
]

SCHEMA_VERSION: Final = "1.0"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GateStatus(StrEnum):
    """PASS and FAIL only where the whole interval is on one side of the limit."""

    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


class AlertSeverity(StrEnum):
    """``critical`` pages someone, ``warning`` makes a ticket, ``info`` is only written down."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Value(_Document):
    """A number with its interval; null where it is undefined or has no interval."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    level: float = 0.95
    method: str = ""
    certificate: float | None = Field(
        default=None, description="largest possible error of the value from binning the scores"
    )


class RateRow(_Document):
    """A rate with the counts behind it; ``text`` is how people should read it ("0/150 (≤ 2.0 %)")."""

    errors: int
    total: int
    value: float | None
    lower: float
    upper: float
    level: float = 0.95
    text: str
    resolved: bool | None = Field(
        default=None,
        description="whether its size is known, not only a bound: 30 errors, or limits within a point of it",
    )


class Subject(_Document):
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


class ModelFacts(_Document):
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
    source: Literal["served", "file"] = Field(
        default="served", description="whether a model server answered, or scores were read from a file"
    )


class Accounting(_Document):
    """Every sample is scored or has a reason: scored + no_response = total, always."""

    total: int
    scored: int
    no_response: int
    reasons: dict[str, int]
    conversions: dict[str, int] = Field(description="images rotated, converted from CMYK, …")


class GateResult(_Document):
    """One gate: a limit, what was measured, and whether that is proof."""

    name: str
    status: GateStatus
    limit: float
    value: float | None
    lower: float | None
    upper: float | None
    sentence: str


class Alert(_Document):
    """Something a person should know: what, where, how sure, since when, what to do."""

    kind: Literal[
        "gate",
        "prediction_bias",
        "differential_performance",
        "drift",
        "regression",
        "non_response",
        "polarity",
        "mixed_versions",
        "shortcut",
    ]
    severity: AlertSeverity
    title: str
    sentence: str
    remedy: str
    since: str = Field(default="", description="since when, as far as the baseline run can tell")
    evidence: dict[str, Any] = Field(description="the numbers behind the sentence")


class ConfusionDocument(_Document):
    """Rows are true classes, columns predicted ones, both in the order of ``class_names``."""

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    no_response: tuple[int, ...] = Field(description="samples of each true class that got no answer")
    decision: str = Field(description="how a class was predicted: 'argmax' or 'score >= 0.412'")


class ClassMetrics(_Document):
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


class CurvePoint(_Document):
    x: float
    y: float
    threshold: float | None = None


class RocDocument(_Document):
    """A receiver operating characteristic, thinned to at most 200 points.

    For liveness ``x`` is APCER and ``y`` is 1 − BPCER, for classes false and true positive rate.
    """

    name: str
    auc: Value
    points: tuple[CurvePoint, ...]


class HistogramRow(_Document):
    """Counts of scores per bin; ``edges`` has one more entry than ``counts``."""

    group: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class SpeciesRow(_Document):
    """Attack presentations of one species, or bona fide presentations, at the operating point."""

    species: str
    family: str
    presentations: int
    no_response: int
    apcer: RateRow
    apcer_no_response_as_accept: RateRow
    apcer_no_response_as_reject: RateRow | None = None
    apnrr: RateRow | None = None


class ThresholdRow(_Document):
    """An error rate at a threshold, with where the threshold came from. ORACLE rows never gate."""

    name: str
    threshold: float | None
    threshold_source: str
    apcer: RateRow | None
    bpcer: RateRow | None
    value: float | None = None
    note: str = ""
    criterion: str = Field(default="", description="how the threshold was chosen: 'eer', 'bpcer<=0.01', …")
    dataset_digest: str = Field(default="", description="of the data it was chosen on; empty if not known")


class ThresholdProvenance(_Document):
    """The deciding threshold: how and on what it was chosen, and what it promised there."""

    id: str | None
    criterion: str
    source: str = Field(description="'dev', 'fixed' or 'ORACLE:test'")
    threshold: float
    dataset_digest: str = ""
    promised_apcer_max: RateRow | None = Field(default=None, description="on the development data")
    promised_bpcer: RateRow | None = None


class ThreeWayRow(_Document):
    """Bona fide or one species under a policy with two thresholds."""

    group: str
    rejected: RateRow
    uncertain: RateRow
    accepted: RateRow


class TwoThresholdDocument(_Document):
    """Reject below one operating point of the model card, accept from another, ask somebody in between."""

    reject_below: float
    accept_from: float
    reject_point: str
    accept_point: str
    source: str
    rows: tuple[ThreeWayRow, ...]


class SubjectIntervalRow(_Document):
    """A number with limits that draw whole subjects: several images of one face are not independent."""

    name: str
    value: float
    lower: float
    upper: float
    level: float = 0.95
    method: str
    subjects: int
    threshold_source: str = Field(description="ORACLE:test where the number chose its own threshold")


class ProfileRow(_Document):
    """One criterion of a profile, with what was measured and whether that is proof."""

    name: str
    status: GateStatus
    limit: float
    value: float | None
    lower: float | None
    upper: float | None
    sentence: str
    is_share: bool = Field(default=True, description="limit and value are shares; else numbers of things")
    source: str = Field(description="where the limit comes from")
    conflict: str = Field(default="", description="what other sources say")


class ProfileDocument(_Document):
    """The limits of a certification or standard, held against this run. It certifies nothing."""

    name: str
    title: str
    about: str
    status: GateStatus
    sentence: str
    rows: tuple[ProfileRow, ...]
    sources: tuple[str, ...]


class CoarseDocument(_Document):
    """The same decisions in superclasses: a confusion within one is no error."""

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    no_response: tuple[int, ...]
    accuracy: Value
    balanced_accuracy: float | None
    averages: dict[str, float | None]
    classes: tuple[ClassMetrics, ...]


class PadDocument(_Document):
    """Presentation-attack detection after ISO/IEC 30107-3."""

    bpcer: RateRow
    apcer_max: RateRow
    apcer_max_species: str | None
    apcer_pooled: RateRow
    acer_max: float | None = Field(description="(APCER max + BPCER) / 2; not part of ISO/IEC 30107-3")
    apnrr: RateRow
    bpnrr: RateRow
    bpcer_no_response_as_reject: RateRow
    eer: ThresholdRow
    species: tuple[SpeciesRow, ...]
    thresholds: tuple[ThresholdRow, ...]
    acer_pooled: float | None = Field(
        default=None, description="(pooled APCER + BPCER) / 2, called ACER by other papers; not ISO"
    )
    bpcer_no_response_as_accept: RateRow | None = None
    apcer_max_no_response_as_reject: RateRow | None = None
    apcer_max_no_response_as_accept: RateRow | None = None
    provenance: ThresholdProvenance | None = None
    two_thresholds: TwoThresholdDocument | None = None


class GeneralisationDocument(_Document):
    """Species that the card has development evidence of, against those that are new to the model."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    seen_apcer: RateRow = Field(description="all seen species pooled")
    unseen_apcer: RateRow
    sentence: str


class SliceRow(_Document):
    """One value of one metadata column."""

    column: str
    value: str
    samples: int
    no_response: int
    accuracy: RateRow = Field(description="errors counts the wrong ones: value is the error rate")
    apcer: RateRow | None = None
    bpcer: RateRow | None = None


class SliceFinding(_Document):
    """One of the worst slices: a value of a column, or of two, against all other samples."""

    metric: str
    slices: dict[str, str] = Field(description="column → value; two for a cross")
    rate: RateRow
    rest: RateRow
    difference: float
    lower: float | None = Field(description="of the difference, for all slices searched at 95 % together")
    upper: float | None
    p_value: float
    corrected_p: float = Field(description="by Holm over all slices searched")
    verdict: Literal["worse", "unproven"]


class SliceSearch(_Document):
    """The search for the worst slices: how many were looked at, and which stand out."""

    searched: int = Field(description="slices and crosses of at least min_size samples, of all error rates")
    min_size: int
    alpha: float = Field(description="chance of any finding in the whole search where there is nothing")
    findings: tuple[SliceFinding, ...]
    sentence: str


class GroupGapRow(_Document):
    group: str
    rate: RateRow
    rest: RateRow
    difference: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    q_value: float | None
    verdict: Literal["ok", "alert", "insufficient"]
    words: str = Field(default="", description="why the evidence is insufficient, with the samples there are")


class GroupGapTable(_Document):
    """Differential performance: one error rate, group by group against all others."""

    attribute: str
    metric: str
    margin: float
    alpha: float
    groups: tuple[GroupGapRow, ...]
    sentence: str


class GroupSummary(_Document):
    """One attribute in a line: the worst group against the best, among groups of enough samples."""

    attribute: str
    metric: str = Field(description="BPCER, APCER, error rate, or miss rate of a class")
    groups: int = Field(description="groups with enough samples")
    worst_group: str
    best_group: str
    difference: float = Field(description="rate of the worst group minus that of the best")
    ratio: float = Field(description="of the same two, half an error added to each: (e + 1/2) / (n + 1)")
    proven: bool = Field(description="whether a group is in alert; the extremes of many groups always differ")


class PredictionBiasRow(_Document):
    class_name: str
    true_share: float | None
    predicted_share: float | None
    difference: float | None
    favour: float | None = Field(
        default=None, description="others answered as this class less own missed, beyond errors alike for all"
    )
    p_value: float | None
    verdict: Literal["ok", "alert"]


class DriftRow(_Document):
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


class CalibrationBin(_Document):
    lower: float
    upper: float
    count: int
    mean_score: float | None
    share_positive: float | None


class TemperatureDocument(_Document):
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


class CalibrationDocument(_Document):
    ece: float | None
    mce: float | None
    brier: float | None
    bins: tuple[CalibrationBin, ...]
    adaptive_ece: float | None = Field(default=None, description="expected error over bins of equal mass")
    equal_mass_bins: tuple[CalibrationBin, ...] = ()
    temperature: TemperatureDocument | None = Field(default=None, description="null without logits")


class MetricChange(_Document):
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


class FlippedSample(_Document):
    sample_id: str
    label: str
    species: str | None
    baseline_score: float | None
    current_score: float | None
    regression: bool


class BaselineComparison(_Document):
    """The same samples answered by another version: exact McNemar per kind of error."""

    run_id: str
    model_version: str
    common_samples: int
    changes: tuple[MetricChange, ...]
    regressions: int
    improvements: int
    flipped: tuple[FlippedSample, ...]


class ErrorExample(_Document):
    """One of the worst errors; the page shows its picture where it may."""

    sample_id: str
    path: str
    label: str
    predicted: str
    score: float | None
    species: str | None
    slices: dict[str, str]


class ReportDocument(_Document):
    """One evaluation of one served model on one labelled set."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    run_id: str
    tool_version: str
    command: str
    verdict: GateStatus
    verdict_sentence: str
    gates: tuple[GateResult, ...]
    alerts: tuple[Alert, ...]
    subject: Subject
    model: ModelFacts
    accounting: Accounting
    accuracy: Value
    balanced_accuracy: float | None
    confusion: ConfusionDocument
    classes: tuple[ClassMetrics, ...]
    averages: dict[str, float | None] = Field(
        description="macro_f1, weighted_f1, kappa, mcc, auc_macro, auc_micro, log_loss, …"
    )
    pad: PadDocument | None
    roc: tuple[RocDocument, ...]
    histograms: tuple[HistogramRow, ...]
    calibration: CalibrationDocument | None
    superclasses: CoarseDocument | None = None
    subject_intervals: tuple[SubjectIntervalRow, ...] = ()
    profile: ProfileDocument | None = None
    slices: tuple[SliceRow, ...]
    worst_slices: SliceSearch | None = None
    group_gaps: tuple[GroupGapTable, ...]
    group_summaries: tuple[GroupSummary, ...] = ()
    prediction_bias: tuple[PredictionBiasRow, ...]
    drift: tuple[DriftRow, ...]
    generalisation: GeneralisationDocument | None = None
    baseline: BaselineComparison | None
    worst_errors: tuple[ErrorExample, ...]
    data_findings: tuple[Finding, ...] = Field(
        default=(), description="what the audit found in the samples themselves"
    )
    limitations: tuple[str, ...]

    def to_json(self) -> str:
        """Return the document as stable, indented JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report."""
    schema = ReportDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Lifesign report", **schema}


if __name__ == "__main__":
    print(json.dumps(report_schema(), indent=2, ensure_ascii=False))
