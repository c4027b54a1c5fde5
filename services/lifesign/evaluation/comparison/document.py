"""The comparison of two models as one versioned document: terminal, page and gate are views of it."""

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from lifesign.evaluation.report.document import FlippedSample, GateStatus, MetricChange

__all__ = [
    "COMPARISON_VERSION",
    "AreaChange",
    "ClassChange",
    "ComparedRun",
    "ComparisonDocument",
    "ErrorChangeRow",
    "LeftOut",
    "comparison_schema",
]

COMPARISON_VERSION: Final = "1.0"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComparedRun(_Document):
    """One side: which run or file, and at what threshold it decides."""

    name: str
    run_id: str
    model: str
    version: int | None
    dataset: str
    samples: int
    no_response: int
    threshold: float | None = Field(description="null for classifiers, which decide by the largest score")
    threshold_source: str | None


class ErrorChangeRow(MetricChange):
    """One error rate of both: exact McNemar, limits of the change, and what they say about the margin.

    ``p_value`` is McNemar's, corrected by Holm; ``subject_p_value`` is that of a test over subjects.
    """

    interval_method: str
    subject_p_value: float | None
    non_inferiority: Literal["non_inferior", "inferior", "undecided"]


class AreaChange(_Document):
    """One area under the ROC curve of both, by paired DeLong; a positive difference is better."""

    name: str
    baseline: float | None
    current: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    method: str
    positives: int
    negatives: int
    corrected_p_value: float | None = Field(default=None, description="by Holm over all curves")


class ClassChange(_Document):
    """How often a class is missed by each: shares of its samples, and exact McNemar."""

    class_name: str
    samples: int
    baseline: float | None = Field(description="miss rate, 1 - recall; null without samples")
    current: float | None
    newly_wrong: int
    newly_right: int
    p_value: float | None = Field(description="exact McNemar, corrected by Holm over the classes")


class LeftOut(_Document):
    """Why samples are not among those that both answered; one that neither answered counts for each."""

    absent_in_current: int = Field(description="samples of A that are not in B")
    absent_in_baseline: int = Field(description="samples of B that are not in A")
    unanswered_by_baseline: int = Field(description="samples in both that A did not answer")
    unanswered_by_current: int


class ComparisonDocument(_Document):
    """Run B against run A on the samples that both answered; differences are B - A."""

    schema_version: Literal["1.0"] = COMPARISON_VERSION
    tool_version: str
    baseline: ComparedRun
    current: ComparedRun
    task: Literal["liveness", "classification"]
    class_names: tuple[str, ...]
    aggregate: str
    common_samples: int = Field(description="samples that both answered")
    only_baseline: int = Field(description="samples of A that B does not have or did not answer")
    only_current: int
    left_out: LeftOut | None = Field(default=None, description="null in comparisons of older releases")
    subjects: int | None
    margin: float = Field(description="largest rise of an error rate that counts as no worse, share")
    verdict: GateStatus
    verdict_sentence: str
    errors: tuple[ErrorChangeRow, ...]
    areas: tuple[AreaChange, ...]
    classes: tuple[ClassChange, ...] = Field(default=(), description="of classifiers")
    regressions: int
    improvements: int
    flipped: tuple[FlippedSample, ...] = Field(description="regressions and large moves first")

    def to_json(self) -> str:
        """Return the document as stable, indented JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a comparison."""
    schema = ComparisonDocument.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lifesign comparison",
        **schema,
    }


if __name__ == "__main__":
    print(json.dumps(comparison_schema(), indent=2, ensure_ascii=False))
