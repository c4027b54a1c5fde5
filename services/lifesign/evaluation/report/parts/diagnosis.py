"""What the diagnosis makes of the course of the training and of the report's own matrix."""

from typing import Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import AlertSeverity, Part

__all__ = ["DiagnosisRow"]


class DiagnosisRow(Part):
    """A cause with the numbers that prove it; ``code`` as ``lifesign diagnose`` has it."""

    code: str
    source: Literal["training", "evaluation", "both"] = Field(
        default="evaluation",
        description="what proves it: the training, this evaluation, or one held against the other",
    )
    title: str
    severity: AlertSeverity
    confidence: float = Field(ge=0, le=1, description="a judgement that ranks findings")
    evidence: str
    remedy: str
    refuted_by: str = ""
    excluded: tuple[str, ...] = ()
