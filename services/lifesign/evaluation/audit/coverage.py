"""What a set covers: classes and species per split, and enough of each."""

import math
from collections import Counter

from lifesign.evaluation.audit.findings import (
    MAX_EXAMPLES,
    Example,
    Finding,
    FindingCode,
    Severity,
    SplitRow,
)
from lifesign.evaluation.audit.metadata_coverage import find_metadata_coverage
from lifesign.evaluation.audit.table import AuditTable, Text
from lifesign.evaluation.metrics.intervals import upper_bound
from lifesign.labels import Split, split_order

__all__ = ["find_coverage", "needed_without_errors", "split_rows"]


def find_coverage(table: AuditTable, *, target_rate: float) -> list[Finding]:
    """Return classes and species that a split lacks, those too few to prove ``target_rate``, and what
    the metadata do not cover.
    """
    return [
        *_missing_classes(table),
        *_species(table),
        *_too_few(table, target_rate),
        *find_metadata_coverage(table),
    ]


def needed_without_errors(target_rate: float) -> int:
    """Return the n from which 0 errors of n prove a rate at or below the target (one-sided, 95 %).

    The rule of three, exactly: the smallest n with 1 - 0.05^(1/n) <= target, about 3 / target.
    """
    return math.ceil(math.log(0.05) / math.log1p(-target_rate))


def split_rows(table: AuditTable) -> tuple[SplitRow, ...]:
    """Return counts per split, class and species, in the order train, dev, test."""
    keys = list(zip(table.splits, table.labels, table.species, strict=True))
    people = table.persons()
    members: dict[tuple[Text, str, Text], set[str]] = {}
    for key, person in zip(keys, people, strict=True):
        members.setdefault(key, set()).update([person] if person else [])
    counts = Counter(keys)
    return tuple(
        SplitRow(
            split=key[0],
            label=key[1],
            species=key[2],
            samples=counts[key],
            subjects=len(members[key]) if table.has_subjects else None,
        )
        for key in sorted(counts, key=lambda key: (*split_order(str(key[0])), key[1], key[2] or ""))
    )


def _missing_classes(table: AuditTable) -> list[Finding]:
    present = Counter(zip(table.splits, table.labels, strict=True))
    splits = sorted({split for split in table.splits if split is not None})
    # Training needs every class; a test without one proves nothing of it.
    missing = [(split, name) for split in splits for name in table.class_names if not present[split, name]]
    if not missing:
        return []
    words = ", ".join(f"{name} in {split}" for split, name in missing[:10])
    return [
        Finding(
            code=FindingCode.CLASS_MISSING_FROM_SPLIT,
            severity=Severity.ERROR,
            blocks=True,
            count=len(missing),
            sentence=f"{len(missing)} times a split has no sample of a class that the set has: {words}.",
            remedy="Add samples of the class to the split, or leave the split out.",
        )
    ]


def _species(table: AuditTable) -> list[Finding]:
    if not table.is_liveness:
        return []
    of = {
        split: {one for one, where in zip(table.species, table.splits, strict=True) if one and where == split}
        for split in map(str, Split)
    }
    findings = []
    if of["train"] and (unseen := sorted((of["test"] | of["dev"]) - of["train"])):
        findings.append(
            Finding(
                code=FindingCode.SPECIES_UNSEEN_IN_TRAINING,
                severity=Severity.INFO,
                blocks=False,
                count=len(unseen),
                sentence=f"{len(unseen)} PAI species of dev or test are not in train: {', '.join(unseen)}; "
                "their APCER tells of unseen attacks.",
                remedy="Nothing, if meant as a test of generalisation.",
            )
        )
    if of["dev"] and (uncovered := sorted((of["test"] | of["train"]) - of["dev"])):
        findings.append(
            Finding(
                code=FindingCode.SPECIES_MISSING_FROM_DEV,
                severity=Severity.WARNING,
                blocks=False,
                count=len(uncovered),
                sentence=f"{len(uncovered)} PAI species are not in dev: {', '.join(uncovered)}; the "
                "threshold is chosen without them.",
                remedy="Add presentations of these species to dev, of subjects that are in no other split.",
            )
        )
    return findings


def _too_few(table: AuditTable, target_rate: float) -> list[Finding]:
    needed = needed_without_errors(target_rate)
    few = []
    for row in _judged(table):
        if row.samples < needed:
            few.append(row)
    if not few:
        return []
    worst = min(few, key=lambda row: row.samples)
    return [
        Finding(
            code=FindingCode.FEW_SAMPLES,
            severity=Severity.WARNING,
            blocks=False,
            count=len(few),
            sentence=f"{len(few)} classes or species of a split have fewer than {needed} samples, the "
            f"least that could prove an error rate of {target_rate:.1%} (0 errors, 95 %); {_name(worst)} has "
            f"{worst.samples}: without any error it proves ≤ {upper_bound(0, worst.samples):.1%}.",
            examples=tuple(
                Example(samples=(), note=f"{_name(row)}: {row.samples} samples") for row in few[:MAX_EXAMPLES]
            ),
            remedy="Add presentations, or test for a larger rate (--target-rate).",
        )
    ]


def _judged(table: AuditTable) -> list[SplitRow]:
    """Return what error rates are told of: classes of dev and test, and each species of attacks there."""
    rows = split_rows(table)
    splits = {row.split for row in rows}
    told = [row for row in rows if row.split != Split.TRAIN or splits == {str(Split.TRAIN)}]
    if not table.is_liveness:
        sums: dict[tuple[Text, str], int] = {}
        for row in told:
            sums[row.split, row.label] = sums.get((row.split, row.label), 0) + row.samples
        return [
            SplitRow(split=split, label=label, species=None, samples=count, subjects=None)
            for (split, label), count in sums.items()
        ]
    # Dev chooses one threshold over all attacks; only the test split judges each species.
    return [row for row in told if row.split != Split.DEV]


def _name(row: SplitRow) -> str:
    return " ".join(word for word in (row.split, row.species or row.label) if word)
