"""The data of a training: read, carved, audited, decoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.audit.findings import Finding, Severity
from lifesign.labels import Split
from lifesign_training.data_audit import audit_decoded, audit_samples, finding_line, refuse_blocking
from lifesign_training.feature_file import is_feature_file, read_feature_file, split_features
from lifesign_training.pixels import DecodedSplit, decode_samples
from lifesign_training.progress import TrainingProgress
from lifesign_training.recipe import Recipe
from lifesign_training.samples import SampleSet, read_samples
from lifesign_training.splits import audit_lines, carve_dev

__all__ = ["PreparedData", "prepare_data"]


@dataclass(frozen=True)
class PreparedData:
    """Splits that a training can use, what was said of them, and whether they are features already."""

    class_names: tuple[str, ...]
    splits: Mapping[Split, DecodedSplit]
    audit: tuple[str, ...]
    findings: tuple[Finding, ...]
    superclasses: Mapping[str, str]
    is_features: bool = False


def prepare_data(
    recipe: Recipe, data: str | Path, listener: TrainingProgress, *, allow_findings: bool
) -> PreparedData:
    """Read the samples at ``data``, part them, audit them, and decode their images.

    A development split is carved where there is none: stratified, shuffled, whole subjects.

    Raises:
        DatasetError: the data cannot be used, or its audit has blocking findings that are not allowed.
        ConfigurationError: a file of features, and a recipe that takes images.
    """
    if is_feature_file(data):
        return _features(recipe, Path(data), listener, allow_findings=allow_findings)
    samples = _carved(read_samples(data, recipe), recipe)
    # What the rows tell stops a training before an hour of decoding.
    known = recipe.data.allowed_findings
    told = audit_samples(samples.samples, samples.class_names)
    refuse_blocking(told, allowed=allow_findings, allowed_codes=known)
    audit = _told(samples, listener)
    splits = _decode(samples, recipe, listener)
    findings = audit_decoded(splits.values(), samples.class_names)
    refuse_blocking(findings, allowed=allow_findings, allowed_codes=known)
    for finding in findings:
        if finding.severity is not Severity.INFO:
            listener.on_message(finding_line(finding))
    return PreparedData(samples.class_names, splits, audit, findings, samples.superclasses)


def _features(
    recipe: Recipe, path: Path, listener: TrainingProgress, *, allow_findings: bool
) -> PreparedData:
    if recipe.model.kind != "features":
        raise ConfigurationError(
            f"{path} holds features, but recipe {recipe.name!r} takes images; use features-head"
        )
    table = read_feature_file(path)
    samples = _carved(table.samples, recipe)
    findings = audit_samples(samples.samples, samples.class_names)
    refuse_blocking(findings, allowed=allow_findings, allowed_codes=recipe.data.allowed_findings)
    audit = _told(samples, listener)
    splits = {split: split_features(table, members) for split in Split if (members := samples.of(split))}
    return PreparedData(samples.class_names, splits, audit, findings, {}, is_features=True)


def _carved(samples: SampleSet, recipe: Recipe) -> SampleSet:
    return carve_dev(samples, fraction=recipe.data.dev_fraction, seed=recipe.training.seed)


def _told(samples: SampleSet, listener: TrainingProgress) -> tuple[str, ...]:
    audit = (*samples.notes, *audit_lines(samples))
    for line in audit:
        listener.on_message(line)
    return audit


def _decode(samples: SampleSet, recipe: Recipe, listener: TrainingProgress) -> dict[Split, DecodedSplit]:
    total = len(samples.samples)
    done = 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        listener.on_images(done, total)

    splits = {
        split: decode_samples(
            samples, members, recipe.preprocessing, threads=recipe.data.decode_threads, on_decoded=count
        )
        for split in Split
        if (members := samples.of(split))
    }
    unreadable = [item for part in splits.values() for item in part.unreadable]
    for item in unreadable:
        listener.on_message(f"unreadable ({item.reason}): {item.sample_id}: {item.detail}")
    if len(unreadable) > recipe.data.max_unreadable * total:
        raise DatasetError(
            f"{len(unreadable)} of {total} images are unreadable, more than the "
            f"{recipe.data.max_unreadable:.0%} of data.max_unreadable; "
            f"the first: {unreadable[0].sample_id}: {unreadable[0].detail}"
        )
    return splits
