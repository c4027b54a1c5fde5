"""Metadata of a set: columns that follow the label, and classes or species missing at a value."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import (
    MAX_EXAMPLES,
    CrossTable,
    Example,
    Finding,
    FindingCode,
    Severity,
)
from lifesign.evaluation.audit.table import AuditTable, Text
from lifesign.labels import ATTACK

__all__ = ["coverage_tables", "cramers_v", "find_metadata_coverage", "species_tables"]

_STRONG = 0.5
_MIN_FOR_CORRELATION = 40
_MIN_PER_GROUP = 20
# Where species and column are independent, chance leaves such a cell empty once in 20,000.
_EXPECTED_IN_A_GAP = 10
# What bona fide rows say in a column that describes attacks only, and what such columns are called.
_NOT_APPLICABLE = frozenset({"none", "n/a", "na", "-", "not applicable"})
_OF_ATTACKS = re.compile(
    r"(^|_)(attack|attacker|spoof|pai|artefact|artifact|instrument|medium|border|bezel|printer|paper|screen|"
    r"display|strength)(_|$)"
)


def find_metadata_coverage(table: AuditTable) -> list[Finding]:
    """Return columns that go with the label, and values without a sample of a class or a species."""
    return [*_correlations(table), *_gaps(table), *_species_gaps(table)]


def coverage_tables(table: AuditTable) -> tuple[CrossTable, ...]:
    """Return a table of class × value per metadata column, with the corrected Cramér's V."""
    return tuple(
        _cross(table, name, values, table.labels, table.class_names)
        for name, values in sorted(table.slices.items())
    )


def species_tables(table: AuditTable) -> tuple[CrossTable, ...]:
    """Return a table of PAI species × value per metadata column; none where fewer than two are named."""
    species = tuple(sorted({name for name in table.species if name}))
    if not table.is_liveness or len(species) < 2:
        return ()
    return tuple(
        _cross(table, name, values, table.species, species) for name, values in sorted(table.slices.items())
    )


def _cross(
    table: AuditTable, column: str, values: Sequence[Text], kinds: Sequence[Text], rows: tuple[str, ...]
) -> CrossTable:
    """Count the samples of each kind (a class or a species; ``rows`` are all of them) by a column's value."""
    counts = Counter(
        (kind, value)
        for kind, value in zip(kinds, values, strict=True)
        if kind is not None and value is not None
    )
    names = sorted({value for _, value in counts})
    grid = np.array([[counts[kind, name] for name in names] for kind in rows], np.int64)
    grid = grid.reshape(len(rows), len(names))
    association = cramers_v(grid)
    return CrossTable(
        column=column,
        values=tuple(names),
        labels=rows,
        counts=tuple(tuple(row) for row in grid.tolist()),
        cramers_v=None if math.isnan(association) else round(association, 4),
        describes_attack=table.is_liveness and _is_about_attacks(table, column, values),
    )


def _is_about_attacks(table: AuditTable, column: str, values: Sequence[Text]) -> bool:
    if _OF_ATTACKS.search(column.lower()):
        return True
    said = {
        (value or "none").lower()
        for label, value in zip(table.labels, values, strict=True)
        if label != ATTACK
    }
    return said <= _NOT_APPLICABLE


def cramers_v(counts: NDArray[np.int64]) -> float:
    """Return Cramér's V of a contingency table, in [0, 1], corrected for chance (Bergsma, 2013).

    phi² = chi²/n is lowered by (r-1)(c-1)/(n-1), rows and columns likewise; ``nan`` with fewer than two
    rows or columns in use.
    """
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    if min(table.shape, default=0) < 2:
        return math.nan
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) @ table.sum(axis=0, keepdims=True) / total
    squared = float(((table - expected) ** 2 / expected).sum() / total)
    rows, columns = table.shape
    if total < 2:
        return math.nan
    squared = max(0.0, squared - (rows - 1) * (columns - 1) / (total - 1))
    rows_left = rows - (rows - 1) ** 2 / (total - 1)
    columns_left = columns - (columns - 1) ** 2 / (total - 1)
    smaller = min(rows_left, columns_left) - 1
    return math.nan if smaller <= 0 else min(1.0, math.sqrt(squared / smaller))


def _correlations(table: AuditTable) -> list[Finding]:
    found = [
        cross
        for cross in coverage_tables(table)
        if not cross.describes_attack
        and cross.cramers_v is not None
        and cross.cramers_v >= _STRONG
        and sum(map(sum, cross.counts)) >= _MIN_FOR_CORRELATION
    ]
    if not found:
        return []
    worst = max(found, key=lambda cross: cross.cramers_v or 0.0)
    return [
        Finding(
            code=FindingCode.LABEL_SLICE_CORRELATION,
            severity=Severity.WARNING,
            blocks=False,
            count=len(found),
            sentence=f"{len(found)} metadata columns go with the label (Cramér's V of {_STRONG} or more): "
            + ", ".join(f"{cross.column} {cross.cramers_v:.2f}" for cross in found)
            + f"; {_told(worst)}.",
            examples=tuple(Example(samples=(), note=f"{cross.column}: {_told(cross)}") for cross in found),
            remedy="Collect both classes for each value, or the model learns the column, not the class.",
        )
    ]


def _told(cross: CrossTable) -> str:
    """Return the value whose class shares differ most from the others', in words."""
    grid = np.array(cross.counts, np.float64)
    totals = grid.sum(axis=0)
    shares = np.divide(grid, totals, out=np.zeros_like(grid), where=totals > 0)
    gap = np.abs(shares - (grid.sum(axis=1) / grid.sum())[:, np.newaxis]) * totals
    value = int(gap.max(axis=0).argmax())
    label = int(grid[:, value].argmax())
    return (
        f"{cross.column} {cross.values[value]} has {int(grid[label, value]):,} of {int(totals[value]):,} "
        f"samples in {cross.labels[label]}"
    )


def _gaps(table: AuditTable) -> list[Finding]:
    empty = [
        (cross.column, value, cross.labels[row])
        for cross in coverage_tables(table)
        if not cross.describes_attack
        for row, counts in enumerate(cross.counts)
        for value, count in zip(cross.values, counts, strict=True)
        if count == 0 and sum(part[cross.values.index(value)] for part in cross.counts) >= _MIN_PER_GROUP
    ]
    if not empty:
        return []
    words = ", ".join(f"{label} with {column} {value}" for column, value, label in empty[:5])
    return [
        Finding(
            code=FindingCode.COVERAGE_GAPS,
            severity=Severity.INFO,
            blocks=False,
            count=len(empty),
            sentence=f"{len(empty)} combinations of class and metadata have no sample at all: {words}"
            + (" and more." if len(empty) > 5 else "."),
            examples=tuple(
                Example(samples=(), note=f"{column} {value}: no {label}")
                for column, value, label in empty[:MAX_EXAMPLES]
            ),
            remedy="Collect them, or do not report rates for these groups.",
        )
    ]


def _species_gaps(table: AuditTable) -> list[Finding]:
    """Tell species that were never collected with a value, where chance would have given some."""
    empty = []
    for cross in species_tables(table):
        if cross.describes_attack or not cross.values:
            continue
        grid = np.array(cross.counts, np.float64)
        expected = grid.sum(axis=1, keepdims=True) * grid.sum(axis=0) / grid.sum()
        rows, columns = np.nonzero((grid == 0) & (expected >= _EXPECTED_IN_A_GAP))
        empty += [
            (cross.column, cross.values[column], cross.labels[row], expected[row, column])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
    if not empty:
        return []
    words = ", ".join(f"{species} with {column} {value}" for column, value, species, _ in empty[:5])
    return [
        Finding(
            code=FindingCode.SPECIES_GAPS,
            severity=Severity.INFO,
            blocks=False,
            count=len(empty),
            sentence=f"{len(empty)} combinations of PAI species and metadata have no attack at all: {words}"
            + (" and more." if len(empty) > 5 else "."),
            examples=tuple(
                Example(samples=(), note=f"{species}, {column} {value}: 0 where {expected:.0f} were likely")
                for column, value, species, expected in empty[:MAX_EXAMPLES]
            ),
            remedy="Collect them, or say that the APCER of the species does not cover this value.",
        )
    ]
