"""The same image twice: byte for byte, pixel for pixel, or nearly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.leakage import split_words
from lifesign.evaluation.audit.measurements import Measurements
from lifesign.evaluation.audit.near_pairs import near_pairs
from lifesign.evaluation.audit.table import AuditTable, groups_of

__all__ = ["NEAR_THRESHOLD", "exact_groups", "find_exact_duplicates", "find_near_duplicates"]

NEAR_THRESHOLD = 6
"""Most differing bits of each 64-bit hash; a re-encoded copy has under 4 as a rule, strangers some 30."""

# Re-encoded, resized and brightened copies of faces have 0.98 or more. Among 550,000 pairs of unrelated
# aligned faces one had 0.985, and none had near hashes as well.
_COPIED_FACE = 0.98
# Digits of two hands reach 0.991 with near hashes: simple pictures need more, and never block.
_COPIED_PICTURE = 0.995
# A plane whose grey levels hardly vary correlates with anything.
_MIN_SPREAD = 2.0


def exact_groups(digests: Sequence[NDArray[np.uint64]], readable: NDArray[np.bool_]) -> list[list[int]]:
    """Return rows that share a digest of any kind, groups of two or more, by their first row.

    ``digests``: uint64 ``(n, 2)`` each; rows that could not be read are in no group.
    """
    parent = list(range(len(readable)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for kind in digests:
        first: dict[tuple[int, int], int] = {}
        for row, (high, low) in enumerate(kind.tolist()):
            if not readable[row] or not (high or low):
                continue
            other = root(first.setdefault((high, low), row))
            own = root(row)
            parent[max(own, other)] = min(own, other)
    groups = groups_of(root(row) for row in range(len(parent)))
    return [rows for rows in groups.values() if len(rows) > 1]


def find_exact_duplicates(table: AuditTable, groups: Sequence[list[int]]) -> list[Finding]:
    """Return images that are there twice: under two labels or species, in two splits, or just twice."""
    two_labels, across, inside = [], [], []
    for rows in groups:
        if len({(table.labels[row], table.species[row]) for row in rows}) > 1:
            two_labels.append(rows)
        if len({table.splits[row] for row in rows}) > 1:
            across.append(rows)
        elif rows not in two_labels[-1:]:
            inside.append(rows)
    findings = []
    if two_labels:
        findings.append(
            Finding(
                code=FindingCode.SAME_IMAGE_TWO_LABELS,
                severity=Severity.ERROR,
                blocks=True,
                count=len(two_labels),
                sentence=f"{_images(len(two_labels))} filed under two labels or species.",
                examples=_examples(table, two_labels),
                remedy="Find out which label is right, and remove the other copy.",
            )
        )
    if across:
        findings.append(
            Finding(
                code=FindingCode.EXACT_DUPLICATE_ACROSS_SPLITS,
                severity=Severity.ERROR,
                blocks=True,
                count=len(across),
                sentence=f"{_images(len(across))} in more than one split ({_where(table, across)}), the same "
                "file or the same pixels.",
                examples=_examples(table, across),
                remedy="Keep each image in one split only; what was trained on must not be tested on.",
            )
        )
    if inside:
        copies = sum(len(rows) - 1 for rows in inside)
        findings.append(
            Finding(
                code=FindingCode.EXACT_DUPLICATE,
                severity=Severity.WARNING,
                blocks=False,
                count=len(inside),
                sentence=f"{_images(len(inside))} in the set more than once within a split, {copies:,} "
                "copies too many: they count double in every rate.",
                examples=_examples(table, inside),
                remedy="Remove the copies.",
            )
        )
    return findings


def find_near_duplicates(
    table: AuditTable, measured: Measurements, exact: Sequence[list[int]], *, threshold: int = NEAR_THRESHOLD
) -> tuple[list[Finding], str]:
    """Return near duplicates by what they mean, and a note where some rows could not all be compared.

    Frames of one presentation are alike by nature and left out within a split. A bona fide image and an
    attack on the same person that look alike are the photo and its print: to be known, no error.
    """
    least = _COPIED_FACE if table.is_liveness else _COPIED_PICTURE
    pairs, crowded = _pairs(measured, exact, threshold, correlation=least)
    kinds: dict[FindingCode, list[tuple[int, int]]] = {}
    shows = table.presentation_keys()
    for one, other in pairs:
        code = _kind(table, one, other, same_show=shows[one] is not None and shows[one] == shows[other])
        if code is not None:
            kinds.setdefault(code, []).append((one, other))
    findings = [_near_finding(table, code, found, threshold) for code, found in kinds.items()]
    note = f"{crowded:,} images of very common hashes were compared with the 2,000 nearest only"
    return findings, note if crowded else ""


def _kind(table: AuditTable, one: int, other: int, *, same_show: bool) -> FindingCode | None:
    if table.splits[one] != table.splits[other]:
        return FindingCode.NEAR_DUPLICATE_ACROSS_SPLITS
    if table.labels[one] != table.labels[other]:
        people = table.persons()
        same = people[one] is not None and people[one] == people[other]
        if same and table.is_liveness:
            return FindingCode.SOURCE_PHOTO_OF_ATTACK
        return FindingCode.NEAR_DUPLICATE_ACROSS_LABELS
    return None if same_show else FindingCode.NEAR_DUPLICATE


def _pairs(
    measured: Measurements, exact: Sequence[list[int]], threshold: int, *, correlation: float
) -> tuple[list[tuple[int, int]], int]:
    rows = np.flatnonzero(measured.readable)
    found = near_pairs(measured.difference[rows], measured.perceptual[rows], threshold=threshold)
    first, second = rows[found.first], rows[found.second]
    group_of = {row: place for place, group in enumerate(exact) for row in group}
    alike = _correlations(measured.planes, first, second) >= correlation
    return [
        (one, other)
        for one, other in zip(first[alike].tolist(), second[alike].tolist(), strict=True)
        if group_of.get(one, -1) != group_of.get(other, -2)
    ], found.crowded


def _correlations(
    planes: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return Pearson's correlation of the planes of each pair; 0 where a plane is all but flat."""
    result = np.zeros(len(first))
    for start in range(0, len(first), 4096):
        span = slice(start, start + 4096)
        one, other = (
            planes[rows[span]].reshape(-1, planes.shape[1] * planes.shape[2]).astype(np.float64)
            for rows in (first, second)
        )
        one -= one.mean(axis=1, keepdims=True)
        other -= other.mean(axis=1, keepdims=True)
        spread = one.std(axis=1) * other.std(axis=1)
        flat = np.minimum(one.std(axis=1), other.std(axis=1)) < _MIN_SPREAD
        result[span] = np.where(flat, 0.0, (one * other).mean(axis=1) / np.where(spread > 0, spread, 1.0))
    return result


def _near_finding(
    table: AuditTable, code: FindingCode, pairs: list[tuple[int, int]], threshold: int
) -> Finding:
    severity, blocks, what, remedy = {
        FindingCode.NEAR_DUPLICATE_ACROSS_SPLITS: (
            Severity.ERROR if table.is_liveness else Severity.WARNING,
            table.is_liveness,
            f"nearly the same image lies in more than one split ({_where(table, pairs)})",
            "Keep the copies of an image (re-encoded, resized, a source photo and its attack) in one split.",
        ),
        FindingCode.NEAR_DUPLICATE_ACROSS_LABELS: (
            Severity.WARNING,
            False,
            "nearly the same image has two labels, and no common subject that would explain it",
            "Look at the pairs: a wrong label, or a source photo and its attack; subject_id tells which.",
        ),
        FindingCode.SOURCE_PHOTO_OF_ATTACK: (
            Severity.INFO,
            False,
            "a bona fide image and an attack on the same subject are nearly the same image: the source photo "
            "of the attack",
            "Nothing, if meant so; keep both in one split.",
        ),
        FindingCode.NEAR_DUPLICATE: (
            Severity.WARNING,
            False,
            "nearly the same image is there twice within a split and a class, outside of one presentation",
            "Remove the copies, or give frames of one presentation the same presentation_id.",
        ),
    }[code]
    return Finding(
        code=code,
        severity=severity,
        blocks=blocks,
        count=len(pairs),
        sentence=f"{len(pairs):,} {'pair' if len(pairs) == 1 else 'pairs'}: {what} (at most {threshold} of "
        "64 bits differ in dHash and in pHash).",
        examples=_examples(table, pairs),
        remedy=remedy,
    )


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count:,} images are"


def _where(table: AuditTable, groups: Sequence[Sequence[int]]) -> str:
    return split_words([table.splits[row] for rows in groups for row in rows])


def _examples(table: AuditTable, groups: Sequence[Sequence[int]]) -> tuple[Example, ...]:
    return tuple(
        Example(
            samples=tuple(table.sample_ids[row] for row in rows[:4]),
            note=" / ".join(_place(table, row) for row in rows[:4]),
        )
        for rows in groups[:MAX_EXAMPLES]
    )


def _place(table: AuditTable, row: int) -> str:
    words = (table.splits[row], table.labels[row], table.species[row])
    return " ".join(word for word in words if word)
