"""Gates: what a model must prove on this test, and whether it did.

A gate passes or fails only where the whole 95 % interval lies on one side of its limit; a point
estimate on the right side with too few samples is INSUFFICIENT, neither good nor bad.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from lifesign.evaluation.gates.differences import drift_gate, group_gap_gate, profile_gate, regression_gate
from lifesign.evaluation.gates.rates import accuracy_gate, apcer_gate, auc_gate, no_response_gate, rate_gate
from lifesign.evaluation.gates.verdicts import exit_code, verdict, verdict_sentence
from lifesign.evaluation.report.document import (
    Accounting,
    BaselineComparison,
    DriftRow,
    GateResult,
    GroupGapTable,
    PadDocument,
    ProfileDocument,
    RateRow,
    Value,
)

__all__ = [
    "GateConfig",
    "GateEvidence",
    "apply_gates",
    "exit_code",
    "verdict",
    "verdict_sentence",
]


class GateConfig(BaseModel):
    """Limits of the gates; ``None`` means that this is not gated. All limits are shares in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_apcer: float | None = Field(
        default=None, ge=0, le=1, description="largest APCER allowed for any species"
    )
    max_bpcer: float | None = Field(default=None, ge=0, le=1, description="largest BPCER allowed")
    min_accuracy: float | None = Field(default=None, ge=0, le=1, description="smallest accuracy allowed")
    min_auc: float | None = Field(
        default=0.5, ge=0, le=1, description="smallest AUC allowed; 0.5 refuses scores of inverted polarity"
    )
    max_no_response: float | None = Field(
        default=0.01, ge=0, le=1, description="largest share of samples without an answer"
    )
    max_group_gap: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest difference of an error rate: one group minus the others",
    )
    regression_margin: float | None = Field(
        default=0.02,
        ge=0,
        le=1,
        description="largest rise of an error rate over the baseline, if there is one",
    )
    drift: bool = Field(default=False, description="fail when the data have drifted from the reference")


@dataclass(frozen=True)
class GateEvidence:
    """What the gates look at: parts of a report."""

    accuracy_errors: RateRow
    auc: Value | None
    accounting: Accounting
    pad: PadDocument | None
    group_gaps: tuple[GroupGapTable, ...]
    drift: tuple[DriftRow, ...]
    baseline: BaselineComparison | None
    profile: ProfileDocument | None = None


def apply_gates(config: GateConfig, evidence: GateEvidence) -> tuple[GateResult, ...]:
    """Return the result of every gate that is set and applies, in a fixed order."""
    pad, limits = evidence.pad, config
    results: list[GateResult | None] = [
        None
        if limits.max_no_response is None
        else no_response_gate(limits.max_no_response, evidence.accounting),
        None if limits.min_auc is None else auc_gate(limits.min_auc, evidence.auc),
        None if limits.min_accuracy is None else accuracy_gate(limits.min_accuracy, evidence.accuracy_errors),
        None if limits.max_apcer is None or pad is None else apcer_gate(limits.max_apcer, pad),
        None
        if limits.max_bpcer is None or pad is None
        else rate_gate("max_bpcer", "BPCER", limits.max_bpcer, pad.bpcer),
        None if limits.max_group_gap is None else group_gap_gate(limits.max_group_gap, evidence.group_gaps),
        regression_gate(limits.regression_margin, evidence.baseline),
        drift_gate(evidence.drift) if limits.drift else None,
        None if evidence.profile is None else profile_gate(evidence.profile),
    ]
    return tuple(result for result in results if result is not None)
