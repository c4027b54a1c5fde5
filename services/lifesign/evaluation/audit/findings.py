"""What an audit finds: the versioned document of which table and page are views.

An audit is a pure function of the data: it holds no clock, host or absolute path.
"""

import json
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AUDIT_SCHEMA_VERSION",
    "AuditReport",
    "CheckRow",
    "CrossTable",
    "Example",
    "Finding",
    "FindingCode",
    "Severity",
    "ShiftRow",
    "ShortcutRow",
    "SplitRow",
    "SuspectRow",
    "audit_schema",
    "blocking",
    "in_order",
]

AUDIT_SCHEMA_VERSION: Final = "1.0"
MAX_EXAMPLES = 8


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """``error`` makes results untrue, ``warning`` makes them doubtful, ``info`` is to be known."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class FindingCode(StrEnum):
    """The stable names of what can be found; docs/audit.md explains each."""

    SUBJECT_ACROSS_SPLITS = "subject_across_splits"
    PRESENTATION_ACROSS_SPLITS = "presentation_across_splits"
    SUBJECTS_UNKNOWN = "subjects_unknown"
    EXACT_DUPLICATE_ACROSS_SPLITS = "exact_duplicate_across_splits"
    SAME_IMAGE_TWO_LABELS = "same_image_two_labels"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE_ACROSS_SPLITS = "near_duplicate_across_splits"
    NEAR_DUPLICATE_ACROSS_LABELS = "near_duplicate_across_labels"
    SOURCE_PHOTO_OF_ATTACK = "source_photo_of_attack"
    NEAR_DUPLICATE = "near_duplicate"
    CLASS_MISSING_FROM_SPLIT = "class_missing_from_split"
    SPECIES_UNSEEN_IN_TRAINING = "species_unseen_in_training"
    SPECIES_MISSING_FROM_DEV = "species_missing_from_dev"
    FEW_SAMPLES = "few_samples"
    SUSPECTED_LABEL_ERRORS = "suspected_label_errors"
    SHORTCUT_FEATURE = "shortcut_feature"
    SPLIT_SHIFT = "split_shift"
    LABEL_SHIFT = "label_shift"
    CONVERSIONS = "conversions"
    UNREADABLE_IMAGES = "unreadable_images"
    LABEL_SLICE_CORRELATION = "label_slice_correlation"
    COVERAGE_GAPS = "coverage_gaps"
    SPECIES_GAPS = "species_gaps"
    FACE_BOXES = "face_boxes"
    SMALL_FACES = "small_faces"
    DECODE_PARITY = "decode_parity"
    SCORE_PARITY = "score_parity"
    TRAINING_IMAGES_IN_TEST = "training_images_in_test"
    TRAINING_SUBJECTS_IN_TEST = "training_subjects_in_test"
    SAMPLED = "sampled"


class Example(_Document):
    """Samples that show a finding, and what they have in common."""

    samples: tuple[str, ...] = Field(description="sample ids")
    note: str = ""


class Finding(_Document):
    """One thing found: how bad, how often, in a sentence with numbers, where, and what to do."""

    code: FindingCode
    severity: Severity
    blocks: bool = Field(description="training must not go on with it")
    count: int
    sentence: str
    examples: tuple[Example, ...] = ()
    remedy: str


class SplitRow(_Document):
    """The samples of one class (and species) in one split; ``split`` is null for samples of none."""

    split: str | None
    label: str
    species: str | None
    samples: int
    subjects: int | None = Field(description="null where the data set names no subjects")


class ShortcutRow(_Document):
    """How well one property of the files tells the classes apart, out of fold."""

    feature: str
    meaning: str
    auc: float | None = Field(description="null where there are too few samples or only one value")
    lower: float | None = None
    upper: float | None = None


class ShiftRow(_Document):
    """One property, compared between two splits or two classes."""

    kind: Literal["split", "label"]
    feature: str
    one: str
    other: str
    median_one: float | None
    median_other: float | None
    ks: float | None = Field(description="Kolmogorov–Smirnov distance, 0 to 1")
    psi: float | None = Field(description="population stability index")
    q_value: float | None
    material: bool


class CrossTable(_Document):
    """Samples per class, or per PAI species, and value of one metadata column."""

    column: str
    values: tuple[str, ...]
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...] = Field(description="a row per label, a column per value")
    cramers_v: float | None = Field(description="0 independent, 1 one follows from the other")
    describes_attack: bool = Field(default=False, description="says something only attacks have")


class SuspectRow(_Document):
    """A sample whose label the others contradict."""

    sample_id: str
    path: str
    label: str
    suggested: str
    probability: float = Field(description="out-of-fold probability of the suggested label")


class CheckRow(_Document):
    """One check: ``ran``, or why it did not."""

    name: str
    ran: bool
    note: str = ""


class AuditReport(_Document):
    """The audit of one data set."""

    schema_version: Literal["1.0"] = AUDIT_SCHEMA_VERSION
    tool_version: str
    dataset: str
    task: Literal["liveness", "classification"]
    samples: int
    readable: int
    blocked: bool
    findings: tuple[Finding, ...]
    checks: tuple[CheckRow, ...]
    splits: tuple[SplitRow, ...]
    conversions: dict[str, int] = Field(default_factory=dict)
    unreadable: dict[str, int] = Field(default_factory=dict, description="reason → images")
    shortcuts: tuple[ShortcutRow, ...] = ()
    shifts: tuple[ShiftRow, ...] = ()
    coverage: tuple[CrossTable, ...] = ()
    species_coverage: tuple[CrossTable, ...] = Field(
        default=(), description="attacks only: a row per PAI species instead of per class"
    )
    suspects: tuple[SuspectRow, ...] = ()

    def to_json(self) -> str:
        """Return the document as stable, indented JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_PLACE = {code: place for place, code in enumerate(FindingCode)}


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with the worst first, equals in the order of the codes."""
    return tuple(
        sorted(
            findings, key=lambda one: (not one.blocks, _RANK[one.severity], _PLACE[one.code], one.sentence)
        )
    )


def blocking(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return those that training must not go on with."""
    return tuple(one for one in findings if one.blocks)


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an audit."""
    schema = AuditReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Lifesign audit"}


if __name__ == "__main__":
    print(json.dumps(audit_schema(), indent=2, ensure_ascii=False))
