"""Labelled samples from whatever ``lifesign.datasets`` reads, with the class order of the model."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lifesign.datasets.layouts.layout import counted
from lifesign.datasets.reading import RawDataset, read_raw
from lifesign.datasets.sources import ImageSource, open_source
from lifesign.errors import DatasetError
from lifesign.labels import ATTACK, LIVENESS_CLASSES, Split, resolve_labels, split_name
from lifesign_training.recipe import Recipe

__all__ = ["Sample", "SampleSet", "read_samples"]

UNNAMED_SPECIES = "unnamed"


@dataclass(frozen=True)
class Sample:
    """One image; ``path`` is where its source finds it, the same as ``sample_id`` but in some manifests.

    ``dataset`` is the set that subject and presentation are numbered in, where several are joined.
    """

    sample_id: str
    label: str
    split: Split | None
    species: str = ""
    subject: str = ""
    path: str = ""
    presentation: str = ""
    dataset: str = ""


@dataclass(frozen=True)
class SampleSet:
    """The samples of a data set, in the order of their ids, and the class order of the model.

    ``superclasses`` maps classes to what the data set's column ``superclass`` says, where it has one.
    """

    root: str
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = field(default=())
    superclasses: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def source(self) -> ImageSource:
        """Where the images are read from."""
        return open_source(self.root)

    def of(self, split: Split) -> tuple[Sample, ...]:
        """Return the samples of one split."""
        return tuple(sample for sample in self.samples if sample.split is split)


def read_samples(data: str | Path, recipe: Recipe) -> SampleSet:
    """Read a manifest, a published layout, or class folders, at a path or an address.

    Folders below an attack class name the PAI species; ``data.subject_pattern`` finds the subject where
    the data set names none.

    Raises:
        DatasetError: nothing there, a class or split name that means nothing, a class without images.
        StorageError: the store behind an address did not answer.
    """
    raw = read_raw(data, layout=recipe.data.layout, protocol=recipe.data.protocol)
    classes = _class_names(raw.table["label"].to_pylist(), recipe)
    labels = resolve_labels(raw.table["label"].to_pylist(), classes, recipe.data.class_map)
    samples = _samples(raw, labels, classes, recipe.data.subject_pattern)
    _refuse_doubles(samples, data)
    _refuse_empty_classes(samples, classes, data)
    return SampleSet(
        root=raw.root,
        class_names=classes,
        samples=samples,
        notes=_notes(raw),
        superclasses=_superclasses(raw, labels),
    )


def _superclasses(raw: RawDataset, labels: Mapping[str, str]) -> dict[str, str]:
    if "superclass" not in raw.table.column_names:
        return {}
    pairs = zip(raw.table["label"].to_pylist(), raw.table["superclass"].to_pylist(), strict=True)
    return {labels[word]: above for word, above in pairs if above}


def _class_names(found: Iterable[str], recipe: Recipe) -> tuple[str, ...]:
    if recipe.task == "liveness":
        return LIVENESS_CLASSES
    names = {recipe.data.class_map.get(label, label) for label in found}
    if len(names) < 2:
        raise DatasetError(f"expected at least 2 classes, found {sorted(names)}")
    return tuple(sorted(names))


def _samples(
    raw: RawDataset, labels: Mapping[str, str], classes: tuple[str, ...], subject_pattern: str | None
) -> tuple[Sample, ...]:
    subject_of = re.compile(subject_pattern) if subject_pattern else None
    samples = []
    names = ("sample_id", "path", "label", "split", "pai_species", "subject_id", "presentation_id")
    nothing = [None] * raw.table.num_rows
    sets = raw.table["dataset"].to_pylist() if "dataset" in raw.table.column_names else nothing
    for sample_id, path, word, split, species, subject, presentation, dataset in zip(
        *(raw.table[name].to_pylist() for name in names), sets, strict=True
    ):
        label = labels[word]
        is_attack = classes == LIVENESS_CLASSES and label == ATTACK
        samples.append(
            Sample(
                sample_id=sample_id,
                label=label,
                split=_split(split, sample_id),
                species=(species or UNNAMED_SPECIES) if is_attack else "",
                subject=subject or _subject(path, subject_of),
                path=path,
                presentation=presentation or "",
                dataset=dataset or "",
            )
        )
    return tuple(sorted(samples, key=lambda item: item.sample_id))


def _split(word: str | None, sample_id: str) -> Split | None:
    if word is None:
        return None
    split = split_name(word)
    if split is None:
        raise DatasetError(f"{sample_id}: unknown split {word!r}, expected train, dev or test")
    return split


def _subject(path: str, pattern: re.Pattern[str] | None) -> str:
    match = pattern.search(path) if pattern else None
    if match is None:
        return ""
    return str(match.group(1) if match.re.groups else match.group(0))


def _refuse_doubles(samples: Iterable[Sample], data: str | Path) -> None:
    counts = Counter(sample.sample_id for sample in samples)
    doubled = sorted(sample_id for sample_id, count in counts.items() if count > 1)
    if doubled:
        raise DatasetError(f"{data}: {len(doubled)} samples are listed twice, such as {doubled[0]}")


def _refuse_empty_classes(samples: tuple[Sample, ...], classes: tuple[str, ...], data: str | Path) -> None:
    splits = {sample.split for sample in samples}
    for split in sorted(splits, key=str):
        present = {sample.label for sample in samples if sample.split is split}
        missing = [name for name in classes if name not in present]
        if missing:
            where = f"split {split}" if split else "the data"
            raise DatasetError(
                f"{data}: {where} has no image of class {', '.join(missing)}; found {sorted(present)}"
            )


def _notes(raw: RawDataset) -> tuple[str, ...]:
    """Say what was left out; what the layout itself has to say is for ``lifesign dataset``."""
    return tuple(
        f"{raw.recognised}: {count} rejected, {reason}, such as {first}"
        for reason, count, first in counted(raw.rejections)
    )
