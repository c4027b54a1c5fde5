"""Numbers with their evidence, as every part of a report has them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AlertSeverity", "GateStatus", "Part", "RateRow", "Value"]


class Part(BaseModel):
    """A part of a report: frozen, and without fields that the schema does not know."""

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


class Value(Part):
    """A number with its interval; null where it is undefined or has no interval."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    level: float = 0.95
    method: str = ""
    certificate: float | None = Field(
        default=None, description="largest possible error of the value from binning the scores"
    )


class RateRow(Part):
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
    wilson_lower: float | None = Field(
        default=None, description="Wilson's score interval: right on average only, so it never gates"
    )
    wilson_upper: float | None = None
