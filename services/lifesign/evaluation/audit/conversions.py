"""What decoding had to change, and what could not be decoded."""

from collections import Counter

from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.measurements import Measurements
from lifesign.evaluation.audit.table import AuditTable

__all__ = ["conversion_counts", "find_conversions", "problem_counts"]

# Without a loss worth a word.
_HARMLESS = frozenset({"progressive"})
_WORDS = {
    "rotated": "turned upright by EXIF",
    "alpha": "laid on black where transparent",
    "cmyk": "converted from CMYK",
    "16bit": "reduced from 16 bits",
    "grayscale": "grey",
    "palette": "with a palette",
    "icc": "with a colour profile",
    "animated": "animated (first frame)",
    "progressive": "progressive",
}


def conversion_counts(measured: Measurements) -> dict[str, int]:
    """Return images per conversion, such as rotated, alpha, cmyk, 16bit, icc, animated, progressive."""
    counts: Counter[str] = Counter()
    for words in measured.words["conversions"]:
        counts.update(word for word in words.split(",") if word != "none")
    return dict(sorted(counts.items()))


def problem_counts(measured: Measurements) -> dict[str, int]:
    """Return images per reason that they could not be used."""
    return dict(sorted(Counter(one for one in measured.problems if one is not None).items()))


def find_conversions(table: AuditTable, measured: Measurements) -> list[Finding]:
    """Return conversions made (to be known) and images that could not be decoded (a warning)."""
    findings = []
    counts = {name: count for name, count in conversion_counts(measured).items() if name not in _HARMLESS}
    # Where all are grey, grey is what the set is.
    if set(counts) == {"grayscale"} and counts["grayscale"] == len(table):
        counts = {}
    if counts:
        words = ", ".join(f"{count:,} {_WORDS[name]}" for name, count in counts.items())
        findings.append(
            Finding(
                code=FindingCode.CONVERSIONS,
                severity=Severity.INFO,
                blocks=False,
                count=sum(counts.values()),
                sentence=f"Decoding changed images: {words}.",
                examples=tuple(_first(table, measured, name) for name in counts),
                remedy="Nothing here: gateway, evaluation and training convert alike. Other tools may not.",
            )
        )
    problems = problem_counts(measured)
    if problems:
        total = sum(problems.values())
        words = ", ".join(f"{reason} {count:,}" for reason, count in problems.items())
        rows = [row for row, problem in enumerate(measured.problems) if problem is not None]
        findings.append(
            Finding(
                code=FindingCode.UNREADABLE_IMAGES,
                severity=Severity.WARNING,
                blocks=False,
                count=total,
                sentence=f"{total:,} of {len(table):,} images cannot be decoded: {words}.",
                examples=tuple(
                    Example(samples=(table.sample_ids[row],), note=measured.problems[row] or "")
                    for row in rows[:MAX_EXAMPLES]
                ),
                remedy="Replace or remove them; an evaluation counts them as unanswered.",
            )
        )
    return findings


def _first(table: AuditTable, measured: Measurements, name: str) -> Example:
    row = next(row for row, words in enumerate(measured.words["conversions"]) if name in words.split(","))
    return Example(samples=(table.sample_ids[row],), note=_WORDS[name])
