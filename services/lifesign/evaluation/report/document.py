"""The report of one evaluation: the versioned document of which page, instruments and gate are views.

A report is a pure function of configuration, model card and predictions: it holds no clock, duration,
host or absolute path, so a run that was killed and resumed ends with the same bytes. Timing is kept
beside it, in ``performance.json``. A rate that cannot be computed (nothing in the denominator) is null.
"""

import json
from typing import Any, Final, Literal

from pydantic import Field

from lifesign.evaluation.audit.findings import Finding
from lifesign.evaluation.report.parts.baseline_methods import BaselineMethodDocument, MethodFigures
from lifesign.evaluation.report.parts.changes import (
    BaselineComparison,
    DriftRow,
    EarlierRun,
    ErrorExample,
    FlippedSample,
    MetricChange,
)
from lifesign.evaluation.report.parts.classes import (
    CalibrationBin,
    CalibrationDocument,
    ClassMetrics,
    CoarseDocument,
    ConfusionDocument,
    CurvePoint,
    HistogramRow,
    RocDocument,
    TemperatureDocument,
)
from lifesign.evaluation.report.parts.diagnosis import DiagnosisRow
from lifesign.evaluation.report.parts.groups import (
    GroupGapRow,
    GroupGapTable,
    GroupSummary,
    PredictionBiasRow,
    SliceFinding,
    SliceRow,
    SliceSearch,
)
from lifesign.evaluation.report.parts.pad import (
    GeneralisationDocument,
    PadDocument,
    ProfileDocument,
    ProfileRow,
    SpeciesRow,
    SubjectIntervalRow,
    ThreeWayRow,
    ThresholdProvenance,
    ThresholdRow,
    TwoThresholdDocument,
)
from lifesign.evaluation.report.parts.run import Accounting, Alert, GateResult, ModelFacts, Subject
from lifesign.evaluation.report.parts.training import TrainingDocument
from lifesign.evaluation.report.parts.values import AlertSeverity, GateStatus, Part, RateRow, Value

__all__ = [
    "SCHEMA_VERSION",
    "Accounting",
    "Alert",
    "AlertSeverity",
    "BaselineComparison",
    "BaselineMethodDocument",
    "CalibrationBin",
    "CalibrationDocument",
    "ClassMetrics",
    "CoarseDocument",
    "ConfusionDocument",
    "CurvePoint",
    "DiagnosisRow",
    "DriftRow",
    "EarlierRun",
    "ErrorExample",
    "FlippedSample",
    "GateResult",
    "GateStatus",
    "GeneralisationDocument",
    "GroupGapRow",
    "GroupGapTable",
    "GroupSummary",
    "HistogramRow",
    "MethodFigures",
    "MetricChange",
    "ModelFacts",
    "PadDocument",
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
    "TrainingDocument",
    "TwoThresholdDocument",
    "Value",
    "report_schema",
]

# Within 1.x a field is only added, and with a default, so that stored reports are read for ever. From the
# first release on an addition also raises the minor version, and ``ReportDocument`` takes all there were.
SCHEMA_VERSION: Final = "1.0"


class ReportDocument(Part):
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
    baseline_methods: tuple[BaselineMethodDocument, ...] = Field(
        default=(), description="plain methods that the training set beside the network"
    )
    pad: PadDocument | None
    roc: tuple[RocDocument, ...]
    roc_macro: RocDocument | None = Field(
        default=None, description="mean of the curves of all classes; null for liveness"
    )
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
    history: tuple[EarlierRun, ...] = Field(default=(), description="the chain of baselines, oldest first")
    worst_errors: tuple[ErrorExample, ...]
    diagnosis: tuple[DiagnosisRow, ...] = Field(
        default=(), description="causes that training or confusion matrix prove and no alert tells"
    )
    training: TrainingDocument | None = Field(
        default=None, description="the course of the training; null where the model card has none"
    )
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
