"""Labelled samples from folders or a manifest."""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lifesign.errors import DatasetError
from lifesign.labels import ATTACK, IGNORED_NAMES, LIVENESS_CLASSES, Split, resolve_labels, split_name
from lifesign_training.recipe import DataConfig, Recipe

__all__ = ["Sample", "SampleSet", "read_samples"]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
_MANIFEST = "manifest.csv"
UNNAMED_SPECIES = "unnamed"


@dataclass(frozen=True)
class Sample:
    """One image: ``sample_id`` is its path below the root of the data set, with forward slashes."""

    sample_id: str
    label: str
    split: Split | None
    species: str = ""
    subject: str = ""


@dataclass(frozen=True)
class SampleSet:
    """The samples of a data set, in the order of their ids, and the class order of the model."""

    root: Path
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = field(default=())

    def of(self, split: Split) -> tuple[Sample, ...]:
        """Return the samples of one split."""
        return tuple(sample for sample in self.samples if sample.split is split)

    def path(self, sample: Sample) -> Path:
        """Return where the image of a sample lies."""
        return self.root / sample.sample_id


def read_samples(data: Path, recipe: Recipe) -> SampleSet:
    """Read ``root/{train,dev,test}/{class}/**``, ``root/{class}/**``, or a manifest.

    A manifest is a CSV file with the columns path and label, and optionally split, subject_id and
    pai_species; its paths are relative to its folder. A folder that holds a ``manifest.csv`` is read
    by it. Folders below an attack class name the PAI species.

    Raises:
        DatasetError: nothing there, a class or split name that means nothing, a class without images.
    """
    if not data.exists():
        raise DatasetError(f"no data at {data}")
    manifest = data / _MANIFEST if data.is_dir() else data
    if manifest.is_file():
        root, found = manifest.parent, list(_from_manifest(manifest))
    else:
        root, found = data, _listed_folders(data, recipe.data)
    if not found:
        raise DatasetError(f"{manifest}: expected one row per image, got only a header")
    classes = _class_names(found, recipe)
    labels = resolve_labels({sample.label for sample in found}, classes, recipe.data.class_map)
    samples = tuple(
        sorted((_labelled(sample, labels, classes) for sample in found), key=lambda item: item.sample_id)
    )
    _refuse_empty_classes(samples, classes, data)
    return SampleSet(root=root, class_names=classes, samples=samples)


def _class_names(found: Iterable[Sample], recipe: Recipe) -> tuple[str, ...]:
    if recipe.task == "liveness":
        return LIVENESS_CLASSES
    names = {recipe.data.class_map.get(sample.label, sample.label) for sample in found}
    if len(names) < 2:
        raise DatasetError(f"expected at least 2 classes, found {sorted(names)}")
    return tuple(sorted(names))


def _labelled(sample: Sample, labels: Mapping[str, str], classes: tuple[str, ...]) -> Sample:
    label = labels[sample.label]
    is_attack = classes == LIVENESS_CLASSES and label == ATTACK
    return replace(sample, label=label, species=(sample.species or UNNAMED_SPECIES) if is_attack else "")


def _refuse_empty_classes(samples: tuple[Sample, ...], classes: tuple[str, ...], data: Path) -> None:
    splits = {sample.split for sample in samples}
    for split in sorted(splits, key=str):
        present = {sample.label for sample in samples if sample.split is split}
        missing = [name for name in classes if name not in present]
        if missing:
            where = f"split {split}" if split else "the data"
            raise DatasetError(
                f"{data}: {where} has no image of class {', '.join(missing)}; found {sorted(present)}"
            )


def _from_manifest(path: Path) -> Iterator[Sample]:
    try:
        yield from _rows(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: expected a CSV manifest in UTF-8, got other bytes") from error


def _rows(path: Path) -> Iterator[Sample]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = {"path", "label"} - set(reader.fieldnames or ())
        if missing:
            raise DatasetError(
                f"{path}: no column {', '.join(sorted(missing))}; found {list(reader.fieldnames or ())}"
            )
        seen: set[str] = set()
        for number, row in enumerate(reader, start=2):
            sample_id = (row["path"] or "").strip().replace("\\", "/")
            if not sample_id or not (row["label"] or "").strip():
                raise DatasetError(f"{path}, line {number}: path and label must not be empty")
            if sample_id in seen:
                raise DatasetError(f"{path}, line {number}: {sample_id} is listed twice")
            seen.add(sample_id)
            yield Sample(
                sample_id=sample_id,
                label=row["label"].strip(),
                split=_manifest_split(row.get("split"), f"{path}, line {number}"),
                species=(row.get("pai_species") or "").strip(),
                subject=(row.get("subject_id") or "").strip(),
            )


def _manifest_split(word: str | None, where: str) -> Split | None:
    if not (word or "").strip():
        return None
    split = split_name(word or "")
    if split is None:
        raise DatasetError(f"{where}: unknown split {word!r}, expected train, dev or test")
    return split


def _listed_folders(root: Path, config: DataConfig) -> list[Sample]:
    try:
        return list(_from_folders(root, config))
    except OSError as error:
        raise DatasetError(f"{error.filename}: cannot be read: {error.strerror or error}") from error


def _from_folders(root: Path, config: DataConfig) -> Iterator[Sample]:
    subject_of = re.compile(config.subject_pattern) if config.subject_pattern else None
    folders = _folders(root)
    splits = {folder: split_name(folder.name) for folder in folders}
    if any(splits.values()):
        strange = [folder.name for folder, split in splits.items() if split is None]
        if strange:
            raise DatasetError(
                f"{root}: {', '.join(strange)} is no split; found {[folder.name for folder in folders]}, "
                "expected train, dev (or val) and test"
            )
        branches = [(split, folder) for parent, split in splits.items() for folder in _class_folders(parent)]
    else:
        branches = [(None, folder) for folder in _class_folders(root)]
    for split, folder in branches:
        paths = sorted(_images(folder))
        if not paths:
            raise DatasetError(f"class folder {folder} has no images")
        for path in paths:
            relative = path.relative_to(root).as_posix()
            inner = path.relative_to(folder).parts[:-1]
            yield Sample(
                sample_id=relative,
                label=folder.name,
                split=split,
                species=inner[0] if inner else "",
                subject=_subject(relative, subject_of),
            )


def _subject(relative: str, pattern: re.Pattern[str] | None) -> str:
    match = pattern.search(relative) if pattern else None
    if match is None:
        return ""
    return str(match.group(1) if match.re.groups else match.group(0))


def _folders(root: Path) -> list[Path]:
    return sorted(
        entry
        for entry in root.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and entry.name.lower() not in IGNORED_NAMES
    )


def _class_folders(parent: Path) -> list[Path]:
    folders = _folders(parent)
    if not folders:
        raise DatasetError(f"{parent} has no class folders")
    return folders


def _images(folder: Path) -> Iterator[Path]:
    for where, _, files in os.walk(folder, onerror=_stop):
        yield from (path for name in files if _is_image(path := Path(where) / name))


def _stop(error: OSError) -> None:
    """Images that cannot be listed must not vanish from the set unseen."""
    raise error


def _is_image(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name.lower() in IGNORED_NAMES
    return not hidden and path.suffix.lower() in _SUFFIXES and path.is_file()
