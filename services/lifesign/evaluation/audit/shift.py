"""Size and quality, compared between the splits and between the classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import Example, Finding, FindingCode, Severity, ShiftRow
from lifesign.evaluation.audit.measurements import Measurements
from lifesign.evaluation.audit.table import AuditTable
from lifesign.evaluation.metrics.drift import DriftState, drift_tests
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile

__all__ = ["find_shifts", "measure_shifts"]

_FEATURES = (
    "width", "height", "bytes", "quality",
    "brightness", "contrast", "saturation", "sharpness", "noise", "blockiness", "entropy",
    "dark_end", "bright_end", "clipped",
)  # fmt: skip
_MIN_SAMPLES = 40
_MAX_CLASSES = 12
# Half of one group lies where hardly any of the other does: a person would see it on a contact sheet.
_LARGE_KS = 0.5
_LARGE_PSI = 0.25


def measure_shifts(table: AuditTable, measured: Measurements) -> tuple[ShiftRow, ...]:
    """Compare each size and quality between train and the other splits, and between the classes.

    Kolmogorov–Smirnov with effective sizes by subject, corrected over the features (Benjamini–Hochberg).
    Material: q <= 0.01, D >= 0.5 and PSI >= 0.25.
    """
    values = _values(table, measured)
    result: list[ShiftRow] = []
    splits = np.array([split or "" for split in table.splits])
    named = [split for split in ("train", "dev", "test") if (splits == split).any()]
    for other in named[1:]:
        result += _compare("split", values, table.subjects, splits, named[0], other)
    labels = np.array(table.labels)
    if len(table.class_names) <= _MAX_CLASSES:
        for other in table.class_names[1:]:
            result += _compare("label", values, table.subjects, labels, table.class_names[0], other)
    return tuple(result)


def find_shifts(rows: Sequence[ShiftRow], *, is_liveness: bool) -> list[Finding]:
    """Return what differs between splits (a warning) and between classes (to be known; liveness only).

    Attacks may rightly be less sharp; that they are smaller is how a set was collected. Whether such a
    difference gives the label away is said by the shortcuts.
    """
    findings = []
    by_split = [row for row in rows if row.kind == "split" and row.material]
    by_label = [row for row in rows if row.kind == "label" and row.material]
    if by_split:
        findings.append(
            _finding(
                FindingCode.SPLIT_SHIFT,
                Severity.WARNING,
                by_split,
                "The splits differ in what the images are like",
                "Draw the splits from the same sources, or report the test as one of another domain.",
            )
        )
    if by_label and is_liveness:
        findings.append(
            _finding(
                FindingCode.LABEL_SHIFT,
                Severity.INFO,
                by_label,
                "The classes differ in what the images are like",
                "See whether the difference is the attack's own, or comes of how they were collected.",
            )
        )
    return findings


def _finding(code: FindingCode, severity: Severity, rows: list[ShiftRow], what: str, remedy: str) -> Finding:
    worst = sorted(rows, key=lambda row: -(row.ks or 0.0))
    words = "; ".join(map(_told, worst[:4])) + (f"; and {len(rows) - 4} more" if len(rows) > 4 else "")
    return Finding(
        code=code,
        severity=severity,
        blocks=False,
        count=len(rows),
        sentence=f"{what}: {words}.",
        examples=tuple(
            Example(samples=(), note=f"{_told(row)}, PSI {row.psi:.2f}, q = {row.q_value:.2g}")
            for row in worst[:8]
        ),
        remedy=remedy,
    )


def _told(row: ShiftRow) -> str:
    return (
        f"{row.feature} {row.one} {row.median_one:.4g}, {row.other} {row.median_other:.4g} "
        f"(medians, KS {row.ks:.2f})"
    )


def _values(table: AuditTable, measured: Measurements) -> dict[str, NDArray[np.float64]]:
    values = {name: measured.number(name) for name in _FEATURES} | {"bytes": measured.coded_bytes()}
    if table.boxes is not None:
        values["face_size"] = np.sqrt(np.maximum(0.0, table.boxes[:, 2] * table.boxes[:, 3]))
    return values


def _compare(
    kind: str,
    values: Mapping[str, NDArray[np.float64]],
    subjects: Sequence[str | None],
    groups: NDArray[np.str_],
    one: str,
    other: str,
) -> list[ShiftRow]:
    usable = {}
    for name, column in values.items():
        sizes = [int(np.isfinite(column[groups == group]).sum()) for group in (one, other)]
        if min(sizes) >= _MIN_SAMPLES and len(np.unique(column[np.isfinite(column)])) > 1:
            usable[name] = column
    if not usable:
        return []
    people = np.array(subjects, dtype=object)
    first, second = groups == one, groups == other
    # Bins from both: a value that one group has not must not fall together with its nearest.
    profile = ReferenceProfile.from_samples(
        {name: column[first] for name, column in usable.items()}, subjects=people[first], bins=64
    )
    state = DriftState.from_batch(
        profile, {name: column[second] for name, column in usable.items()}, subjects=people[second]
    )
    result = []
    for test in drift_tests(profile, state, alpha=0.01, effect_floor=_LARGE_KS):
        column = usable[test.feature]
        result.append(
            ShiftRow(
                kind="split" if kind == "split" else "label",
                feature=test.feature,
                one=one,
                other=other,
                median_one=_rounded(np.nanmedian(column[first])),
                median_other=_rounded(np.nanmedian(column[second])),
                ks=_rounded(test.statistic),
                psi=_rounded(test.psi),
                q_value=_rounded(test.q_value),
                material=test.material and test.psi >= _LARGE_PSI,
            )
        )
    return result


def _rounded(value: float | np.floating) -> float | None:
    return None if not np.isfinite(value) else float(f"{value:.5g}")
