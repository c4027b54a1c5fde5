"""The audit before a training: on the rows before anything is decoded, on the pixels when they are."""

from collections.abc import Collection, Iterable, Sequence

from lifesign.errors import DatasetError
from lifesign.evaluation.audit.auditing import audit_pixels, audit_table
from lifesign.evaluation.audit.findings import Finding, FindingCode, blocking
from lifesign.evaluation.audit.measurements import measure_pixels
from lifesign.evaluation.audit.table import AuditTable
from lifesign_training.pixels import DecodedSplit
from lifesign_training.samples import UNNAMED_SPECIES, Sample

__all__ = ["audit_decoded", "audit_samples", "finding_line", "refuse_blocking"]

_NO_SPECIES = ("", UNNAMED_SPECIES)


def audit_samples(samples: Sequence[Sample], class_names: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what the rows alone tell: people in several splits, classes and species that a split lacks."""
    return audit_table(_table(samples, class_names))


def audit_decoded(splits: Iterable[DecodedSplit], class_names: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what the rows and the decoded images tell: duplicates and near duplicates as well.

    The images are those the model sees, so nothing is read twice; what only files tell (formats, sizes,
    EXIF) is for ``lifesign audit``.
    """
    parts = list(splits)
    samples = [sample for part in parts for sample in part.samples]
    measured = measure_pixels(
        [image for part in parts for image in part.images],
        [part.digests[sample.sample_id] for part in parts for sample in part.samples],
    )
    return audit_pixels(_table(samples, class_names), measured)


def refuse_blocking(
    findings: tuple[Finding, ...], *, allowed: bool, allowed_codes: Collection[FindingCode] = ()
) -> None:
    """Refuse to go on with blocking findings, unless all of them, or their codes, are allowed.

    Raises:
        DatasetError: with the sentence of each finding, its first example, and how to go on all the same.
    """
    found = [one for one in blocking(findings) if one.code not in allowed_codes]
    if not found or allowed:
        return
    told = " ".join(f"[{one.code}] {one.sentence}{_example(one)}" for one in found)
    raise DatasetError(f"the data audit stops the training: {told} --allow-findings trains all the same")


def finding_line(finding: Finding) -> str:
    """Return a finding as one line: ``warning few_samples: 2 classes …``."""
    word = "blocking" if finding.blocks else finding.severity
    return f"{word} {finding.code}: {finding.sentence}"


def _example(finding: Finding) -> str:
    return f" ({', '.join(finding.examples[0].samples)})" if finding.examples else ""


def _table(samples: Sequence[Sample], class_names: tuple[str, ...]) -> AuditTable:
    return AuditTable(
        sample_ids=tuple(sample.sample_id for sample in samples),
        paths=tuple(sample.path or sample.sample_id for sample in samples),
        labels=tuple(sample.label for sample in samples),
        class_names=class_names,
        splits=tuple(None if sample.split is None else str(sample.split) for sample in samples),
        species=tuple(None if sample.species in _NO_SPECIES else sample.species for sample in samples),
        subjects=tuple(sample.subject or None for sample in samples),
        presentations=tuple(sample.presentation or None for sample in samples),
        datasets=tuple(sample.dataset or None for sample in samples),
    )
