"""A data set as an audit reads it: every split, the labels as classes, people and faces where known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.dataset import Dataset, default_slices
from lifesign.datasets.reading import read_raw
from lifesign.datasets.sources import ImageSource, open_source
from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.audit.table import AuditTable, Text
from lifesign.labels import LIVENESS_CLASSES, liveness_label, resolve_labels, split_name

__all__ = ["AuditedData", "read_audited", "table_of_dataset"]

_BOX = ("face_x", "face_y", "face_w", "face_h")
_PEOPLE = ("attacker_id", "attacker", "depicted_id", "depicted_subject_id", "source_subject_id")
_DATASET = ("dataset", "source_dataset")


@dataclass(frozen=True)
class AuditedData:
    """The table, where its images are read from, and what the set was taken for."""

    table: AuditTable
    source: ImageSource
    recognised: str


def read_audited(
    data: str | Path,
    *,
    layout: str | None = None,
    protocol: str | None = None,
    class_map: Mapping[str, str] | None = None,
    subject_pattern: str | None = None,
) -> AuditedData:
    """Read a manifest, a published layout or class folders, with all splits.

    The classes are attack and bona fide where the labels mean these, else the labels themselves. Where no
    sample names its subject, ``subject_pattern`` finds it in the path: its first group, or all it matches.

    Raises:
        DatasetError: one sentence with what was expected and what was found.
        StorageError: the store behind an address did not answer.
    """
    raw = read_raw(data, layout=layout, protocol=protocol)
    found = sorted(set(raw.table["label"].to_pylist()))
    classes = _classes(found, class_map or {})
    resolved = resolve_labels(found, classes, class_map)
    labels = [resolved[label] for label in raw.table["label"].to_pylist()]
    if len(set(labels)) < 2:
        raise DatasetError(f"{data}: expected samples of two classes or more, got only {labels[0]!r}")
    metadata = [name for name in raw.table.column_names if name not in SAMPLE_SCHEMA.names]
    table = _table(raw.table, labels, classes, default_slices(raw.table, metadata), names=tuple(found))
    if subject_pattern is not None and not table.has_subjects:
        table = replace(table, subjects=_subjects(table.paths, subject_pattern))
    return AuditedData(table, open_source(raw.root), raw.recognised)


def table_of_dataset(dataset: Dataset, class_names: Sequence[str]) -> AuditTable:
    """Return the table of samples that an evaluation replays."""
    return _table(
        dataset.table,
        dataset.table["label"].to_pylist(),
        tuple(class_names),
        dataset.slice_columns,
        names=tuple(dataset.class_map),
    )


def _classes(found: Sequence[str], class_map: Mapping[str, str]) -> tuple[str, ...]:
    meant = [liveness_label(class_map.get(name, name)) for name in found]
    # Digits 0 and 1 are words for the classes too; only a set of nothing else means them so. A word such
    # as real beside one that nobody knows is a liveness set with an error in it, not a third class.
    words = any(one is not None and not name.isdigit() for one, name in zip(meant, found, strict=True))
    if all(one is not None for one in meant) or words:
        return LIVENESS_CLASSES
    return tuple(sorted({class_map.get(name, name) for name in found}))


def _table(
    table: pa.Table,
    labels: Sequence[str],
    classes: tuple[str, ...],
    slices: Sequence[str],
    *,
    names: tuple[str, ...],
) -> AuditTable:
    size = table.num_rows
    liveness = classes == LIVENESS_CLASSES

    def column(name: str) -> tuple[Text, ...]:
        return _texts(table[name]) if name in table.column_names else (None,) * size

    species = tuple(
        kind if not liveness or label == "attack" else None
        for label, kind in zip(labels, column("pai_species"), strict=True)
    )
    dataset = next((name for name in _DATASET if name in table.column_names), _DATASET[0])
    return AuditTable(
        sample_ids=tuple(str(one) for one in _texts(table["sample_id"])),
        paths=tuple(str(one) for one in _texts(table["path"])),
        labels=tuple(labels),
        class_names=classes,
        splits=tuple(_split(word) for word in column("split")),
        species=species,
        subjects=column("subject_id"),
        presentations=column("presentation_id"),
        datasets=column(dataset),
        slices={name: column(name) for name in slices},
        people={name: column(name) for name in _PEOPLE if name in table.column_names},
        boxes=_boxes(table),
        names=names,
    )


def _texts(column: pa.ChunkedArray) -> tuple[Text, ...]:
    """Return the values, each distinct one as one object: a split's name is not kept a million times."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    words = coded.dictionary.to_pylist()
    return tuple(None if code is None else words[code] for code in coded.indices.to_pylist())


def _subjects(paths: Sequence[str], pattern: str) -> tuple[Text, ...]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"subject pattern {pattern!r}: {error}") from error
    matches = (compiled.search(path) for path in paths)
    return tuple(
        None if match is None else match.group(1 if compiled.groups else 0) or None for match in matches
    )


def _split(word: str | None) -> str | None:
    if word is None:
        return None
    split = split_name(word)
    if split is None:
        raise DatasetError(f"expected the splits train, dev and test, got {word!r}")
    return str(split)


def _boxes(table: pa.Table) -> NDArray[np.float64] | None:
    if not set(_BOX) <= set(table.column_names):
        return None
    return np.array([[_number(value) for value in table[name].to_pylist()] for name in _BOX]).T


def _number(text: str | None) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return float("nan")
