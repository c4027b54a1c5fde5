"""One person or one presentation in several splits: why a demo reports 99 % and the field does not."""

from collections.abc import Sequence

from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.table import AuditTable, groups_of
from lifesign.labels import split_order

__all__ = ["find_leakage", "split_words"]


def find_leakage(table: AuditTable) -> list[Finding]:
    """Return people and presentations in several splits, or that people are not known at all.

    A person is looked for in every identity column at once: who is depicted by an attack in the test
    split must not be bona fide in the training split.
    """
    if len(set(table.splits) - {None}) < 2:
        return []
    findings = []
    if table.has_subjects:
        findings += _people(table)
    else:
        findings.append(
            Finding(
                code=FindingCode.SUBJECTS_UNKNOWN,
                severity=Severity.INFO,
                blocks=False,
                count=len(table),
                sentence=f"No sample of {len(table):,} names its subject: whether a person is in two splits "
                "cannot be checked.",
                remedy="Give a manifest with a column subject_id, or name folders by subject.",
            )
        )
    return findings + _presentations(table)


def split_words(splits: Sequence[object]) -> str:
    """Return split names for a sentence, in the order train, dev, test."""
    names = sorted({str(one) for one in splits if one is not None}, key=split_order)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _people(table: AuditTable) -> list[Finding]:
    rows_of: dict[object, list[int]] = {}
    for values in table.identities().values():
        for person, rows in groups_of(values).items():
            rows_of.setdefault(person, []).extend(rows)
    shared = _in_several(rows_of, table)
    if not shared:
        return []
    rows = [row for rows in shared.values() for row in rows]
    return [
        Finding(
            code=FindingCode.SUBJECT_ACROSS_SPLITS,
            severity=Severity.ERROR,
            blocks=True,
            count=len(shared),
            sentence=f"{len(shared):,} of {len(rows_of):,} subjects are in more than one split "
            f"({split_words([table.splits[row] for row in rows])}), with {len(set(rows)):,} samples: "
            f"{_names(list(shared))}.",
            examples=_examples(shared, table),
            remedy="Put all samples of a person into one split; results on a known face say nothing about a "
            "new one.",
        )
    ]


def _presentations(table: AuditTable) -> list[Finding]:
    every = groups_of(table.presentation_keys())
    shared = _in_several(every, table)
    if not shared:
        return []
    return [
        Finding(
            code=FindingCode.PRESENTATION_ACROSS_SPLITS,
            severity=Severity.ERROR,
            blocks=True,
            count=len(shared),
            sentence=f"{len(shared):,} of {len(every):,} presentations have frames in more than one split: "
            f"{_names(list(shared))}.",
            examples=_examples(shared, table),
            remedy="Split by presentation (better: by subject), never by frame; neighbouring frames are one "
            "picture.",
        )
    ]


def _in_several(rows_of: dict[object, list[int]], table: AuditTable) -> dict[object, list[int]]:
    return {
        name: rows
        for name, rows in sorted(rows_of.items(), key=lambda item: str(item[0]))
        if len({table.splits[row] for row in rows} - {None}) > 1
    }


def _examples(shared: dict[object, list[int]], table: AuditTable) -> tuple[Example, ...]:
    examples = []
    for name, rows in list(shared.items())[:MAX_EXAMPLES]:
        # One sample per split shows it.
        first = {table.splits[row]: table.sample_ids[row] for row in reversed(rows) if table.splits[row]}
        where = split_words([table.splits[row] for row in rows])
        examples.append(Example(samples=tuple(sorted(first.values())), note=f"{name}: {where}"))
    return tuple(examples)


def _names(names: list[object], limit: int = 5) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(map(str, names[:limit])) + more
