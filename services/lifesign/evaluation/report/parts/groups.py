"""Parts of the set against the rest: slices, groups of people, class shares."""

from typing import Literal

from pydantic import Field

from lifesign.evaluation.report.parts.values import Part, RateRow

__all__ = [
    "GroupGapRow",
    "GroupGapTable",
    "GroupSummary",
    "PredictionBiasRow",
    "SliceFinding",
    "SliceRow",
    "SliceSearch",
]


class SliceRow(Part):
    """One value of one metadata column."""

    column: str
    value: str
    samples: int
    no_response: int
    accuracy: RateRow = Field(description="errors counts the wrong ones: value is the error rate")
    apcer: RateRow | None = None
    bpcer: RateRow | None = None


class SliceFinding(Part):
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


class SliceSearch(Part):
    """The search for the worst slices: how many were looked at, and which stand out."""

    searched: int = Field(description="slices and crosses of at least min_size samples, of all error rates")
    not_crossed: tuple[str, ...] = Field(
        default=(), description="columns searched alone: crosses are those of the other columns"
    )
    not_searched: tuple[str, ...] = Field(default=(), description="columns of too many values")
    min_size: int
    alpha: float = Field(description="chance of any finding in the whole search where there is nothing")
    findings: tuple[SliceFinding, ...]
    sentence: str


class GroupGapRow(Part):
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


class GroupGapTable(Part):
    """Differential performance: one error rate, group by group against all others."""

    attribute: str
    metric: str
    margin: float
    alpha: float
    groups: tuple[GroupGapRow, ...]
    sentence: str


class GroupSummary(Part):
    """One attribute in a line: the worst group against the best, among groups of enough samples."""

    attribute: str
    metric: str = Field(description="BPCER, APCER, error rate, or miss rate of a class")
    groups: int = Field(description="groups with enough samples")
    worst_group: str
    best_group: str
    difference: float = Field(description="rate of the worst group minus that of the best")
    ratio: float = Field(description="of the same two, half an error added to each: (e + 1/2) / (n + 1)")
    proven: bool = Field(description="whether a group is in alert; the extremes of many groups always differ")


class PredictionBiasRow(Part):
    class_name: str
    true_share: float | None
    predicted_share: float | None
    difference: float | None
    favour: float | None = Field(
        default=None, description="others answered as this class less own missed, beyond errors alike for all"
    )
    p_value: float | None
    verdict: Literal["ok", "alert"]
