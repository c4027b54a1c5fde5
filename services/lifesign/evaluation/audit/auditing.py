"""The audit of a data set: what can be said of the table alone, of digests, and of the images."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lifesign import __version__
from lifesign.evaluation.audit.conversions import conversion_counts, find_conversions, problem_counts
from lifesign.evaluation.audit.coverage import find_coverage, split_rows
from lifesign.evaluation.audit.duplicates import (
    NEAR_THRESHOLD,
    exact_groups,
    find_exact_duplicates,
    find_near_duplicates,
)
from lifesign.evaluation.audit.face_boxes import find_face_boxes
from lifesign.evaluation.audit.findings import (
    AuditReport,
    CheckRow,
    Finding,
    ShiftRow,
    ShortcutRow,
    SuspectRow,
    in_order,
)
from lifesign.evaluation.audit.label_noise import find_label_noise
from lifesign.evaluation.audit.leakage import find_leakage
from lifesign.evaluation.audit.measurements import Measurements
from lifesign.evaluation.audit.metadata_coverage import coverage_tables, species_tables
from lifesign.evaluation.audit.shift import find_shifts, measure_shifts
from lifesign.evaluation.audit.shortcuts import find_shortcuts, measure_shortcuts
from lifesign.evaluation.audit.table import AuditTable

__all__ = ["DEFAULT_TARGET_RATE", "audit_images", "audit_pixels", "audit_table"]

DEFAULT_TARGET_RATE = 0.1
"""Error rate that every class and species should be able to prove: 29 samples without an error."""


@dataclass
class _Draft:
    findings: list[Finding] = field(default_factory=list)
    checks: list[CheckRow] = field(default_factory=list)

    def add(self, name: str, findings: Sequence[Finding], *, missing: str = "") -> None:
        self.findings += findings
        self.checks.append(CheckRow(name=name, ran=not missing, note=missing))


def audit_table(table: AuditTable, *, target_rate: float = DEFAULT_TARGET_RATE) -> tuple[Finding, ...]:
    """Return what the table alone tells: leakage, coverage, sizes; nothing is read."""
    return in_order([*find_leakage(table), *find_coverage(table, target_rate=target_rate)])


def audit_pixels(
    table: AuditTable, measured: Measurements, *, target_rate: float = DEFAULT_TARGET_RATE
) -> tuple[Finding, ...]:
    """Return what the table and images that are decoded already tell: leakage, coverage and duplicates.

    The measurements are those of ``measure_pixels``: what files say of themselves is not known.
    """
    groups = exact_groups([measured.file_digests], measured.readable)
    near, _ = find_near_duplicates(table, measured, groups)
    return in_order(
        [
            *audit_table(table, target_rate=target_rate),
            *find_exact_duplicates(table, groups),
            *near,
        ]
    )


def audit_images(
    table: AuditTable,
    measured: Measurements,
    *,
    dataset: str,
    target_rate: float = DEFAULT_TARGET_RATE,
    near_threshold: int = NEAR_THRESHOLD,
    parity: Sequence[Finding] | None = None,
    parity_note: str = "not asked for (--decode-parity)",
    score_parity: Sequence[Finding] | None = None,
) -> AuditReport:
    """Run every check and return the report; the same data gives the same bytes.

    ``parity`` are the findings of the decoders' comparison, ``score_parity`` those of a version's scores by
    either decoder; ``None`` where that was not made.
    """
    draft = _Draft()
    named = len(set(table.splits) - {None})
    no_splits = "" if named > 1 else "the set has one split only" if named else "the set names no splits"
    draft.add("leakage of subjects and presentations", find_leakage(table), missing=no_splits)
    draft.add(f"coverage, sizes for {target_rate:.0%}", find_coverage(table, target_rate=target_rate))
    groups = exact_groups([measured.file_digests, measured.pixel_digests], measured.readable)
    draft.add("exact duplicates", find_exact_duplicates(table, groups))
    near, crowded = find_near_duplicates(table, measured, groups, threshold=near_threshold)
    draft.add("near duplicates", near)
    draft.checks[-1] = draft.checks[-1].model_copy(update={"note": crowded})
    draft.add(
        "face boxes",
        find_face_boxes(table, measured),
        missing="" if table.boxes is not None else "needs columns face_x, face_y, face_w, face_h",
    )
    draft.add("conversions and unreadable images", find_conversions(table, measured))
    shortcuts: tuple[ShortcutRow, ...] = measure_shortcuts(table, measured)
    draft.add(
        "shortcut features",
        find_shortcuts(shortcuts),
        missing="" if shortcuts else "needs 20 samples per class, 10 subjects, at most 20 classes",
    )
    shifts: tuple[ShiftRow, ...] = measure_shifts(table, measured)
    draft.add("size and quality", find_shifts(shifts, is_liveness=table.is_liveness))
    suspects: tuple[SuspectRow, ...]
    noise, suspects, silence = find_label_noise(table, measured)
    draft.add("label errors", noise, missing=silence)
    draft.add("decode parity", parity or (), missing="" if parity is not None else parity_note)
    draft.add(
        "score parity",
        score_parity or (),
        missing="" if score_parity is not None else "not asked for (--score-parity VERSION)",
    )
    findings = in_order(draft.findings)
    return AuditReport(
        tool_version=__version__,
        dataset=dataset,
        task="liveness" if table.is_liveness else "classification",
        samples=len(table),
        readable=int(measured.readable.sum()),
        blocked=any(one.blocks for one in findings),
        findings=findings,
        checks=tuple(draft.checks),
        splits=split_rows(table),
        conversions=conversion_counts(measured),
        unreadable=problem_counts(measured),
        shortcuts=shortcuts,
        shifts=shifts,
        coverage=coverage_tables(table),
        species_coverage=species_tables(table),
        suspects=suspects,
    )
