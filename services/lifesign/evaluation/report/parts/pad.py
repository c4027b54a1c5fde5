"""Presentation-attack detection: species, thresholds, people, profiles, what is new to the model."""

from pydantic import Field

from lifesign.evaluation.report.parts.values import GateStatus, Part, RateRow

__all__ = [
    "ExpectedPerformanceRow",
    "FullSystemDocument",
    "FullSystemRow",
    "GeneralisationDocument",
    "PadDocument",
    "ProfileDocument",
    "ProfileRow",
    "SpeciesRow",
    "SubjectIntervalRow",
    "ThreeWayRow",
    "ThresholdProvenance",
    "ThresholdRow",
    "TwoThresholdDocument",
]


class SpeciesRow(Part):
    """Attack presentations of one species, or bona fide presentations, at the operating point."""

    species: str
    family: str
    presentations: int
    no_response: int
    apcer: RateRow
    apcer_no_response_as_accept: RateRow
    apcer_no_response_as_reject: RateRow | None = None
    apnrr: RateRow | None = None


class ThresholdRow(Part):
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


class ThresholdProvenance(Part):
    """The deciding threshold: how and on what it was chosen, and what it promised there."""

    id: str | None
    criterion: str
    source: str = Field(description="'dev', 'fixed' or 'ORACLE:test'")
    threshold: float
    dataset_digest: str = ""
    promised_apcer_max: RateRow | None = Field(default=None, description="on the development data")
    promised_bpcer: RateRow | None = None


class ThreeWayRow(Part):
    """Bona fide or one species under a policy with two thresholds."""

    group: str
    rejected: RateRow
    uncertain: RateRow
    accepted: RateRow


class TwoThresholdDocument(Part):
    """Reject below one operating point of the model card, accept from another, ask somebody in between."""

    reject_below: float
    accept_from: float
    reject_point: str
    accept_point: str
    source: str
    rows: tuple[ThreeWayRow, ...]


class ExpectedPerformanceRow(Part):
    """The errors here at the threshold that development data chose for one weight of the two errors."""

    weight: float = Field(description="of APCER over all species; that of BPCER is 1 − weight")
    threshold: float
    apcer: RateRow = Field(description="all species pooled")
    bpcer: RateRow
    half_total_error: float | None


class FullSystemRow(Part):
    """IAPAR of one PAI species."""

    species: str
    iapar: RateRow


class FullSystemDocument(Part):
    """Attack detection and face comparison together, where the data set has the matcher's decisions."""

    iapar_max: RateRow
    iapar_max_species: str | None
    frr: RateRow = Field(description="bona fide that attack detection or the matcher turned away")
    riapar: float | None = Field(description="IAPAR of the worst species + FRR")
    species: tuple[FullSystemRow, ...]
    left_out: int = Field(description="presentations without a decision of the matcher")


class PadDocument(Part):
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
    expected_performance: tuple[ExpectedPerformanceRow, ...] = Field(
        default=(), description="the expected performance curve; empty without thresholds of development data"
    )
    full_system: FullSystemDocument | None = Field(
        default=None, description="null where no matcher decided: then the PAD subsystem alone was tested"
    )


class SubjectIntervalRow(Part):
    """A number with limits that draw whole subjects: several images of one face are not independent."""

    name: str
    value: float
    lower: float
    upper: float
    level: float = 0.95
    method: str
    subjects: int
    threshold_source: str = Field(description="ORACLE:test where the number chose its own threshold")


class ProfileRow(Part):
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


class ProfileDocument(Part):
    """The limits of a certification or standard, held against this run. It certifies nothing."""

    name: str
    title: str
    about: str
    status: GateStatus
    sentence: str
    rows: tuple[ProfileRow, ...]
    sources: tuple[str, ...]


class GeneralisationDocument(Part):
    """Species that the operating points have development evidence of, against those that are new."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    seen_apcer: RateRow = Field(description="all seen species pooled")
    unseen_apcer: RateRow
    sentence: str
    unseen_mean_at_bpcer10: float | None = Field(
        default=None,
        description="mean APCER of unseen species at a BPCER of at most 10 % of this set, as in HTGER",
    )
    unseen_worst_at_bpcer10: RateRow | None = Field(
        default=None, description="the worst of them, as in WCGER; ORACLE:test, so it never gates"
    )
    unseen_worst_species: str | None = None
