"""What the diagnosis makes of a report's own matrix."""

from pydantic import Field

from lifesign.evaluation.report.parts.values import AlertSeverity, Part

__all__ = ["DiagnosisRow"]


class DiagnosisRow(Part):
    """A cause with the numbers that prove it; ``code`` as ``lifesign diagnose`` has it."""

    code: str
    title: str
    severity: AlertSeverity
    confidence: float = Field(ge=0, le=1, description="a judgement that ranks findings")
    evidence: str
    remedy: str
    refuted_by: str = ""
    excluded: tuple[str, ...] = ()
