"""What is in a data set: counts per split, label and species, people, what is not there."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lifesign.datasets.cifar import ARCHIVE_SCHEME
from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.layouts.layout import Rejection, counted
from lifesign.datasets.location import is_uri, joined
from lifesign.datasets.reading import RawDataset
from lifesign.datasets.remote import list_objects

__all__ = ["Cell", "Inventory", "inventory_of"]


@dataclass(frozen=True)
class Cell:
    """The samples of one split, label and species; ``subjects`` and ``presentations`` where named."""

    split: str | None
    label: str
    pai_species: str | None
    samples: int
    subjects: int | None
    presentations: int | None


@dataclass(frozen=True)
class Inventory:
    """A data set in numbers.

    ``shared_subjects`` are in more than one split. ``missing`` are paths of samples that lead nowhere: they
    stay samples, and will have no response. ``columns`` are the metadata with their distinct values.
    """

    recognised: str
    layout: str
    root: str
    samples: int
    subjects: int | None
    presentations: int | None
    cells: tuple[Cell, ...]
    shared_subjects: tuple[str, ...]
    missing: tuple[str, ...]
    columns: dict[str, int]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]

    def reasons(self) -> list[tuple[str, int, str]]:
        """Return (reason, how many, the first of them) of what was rejected, the most frequent first."""
        return counted(self.rejections)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def inventory_of(raw: RawDataset) -> Inventory:
    """Count a data set; the images are looked for, not read.

    Raises:
        StorageError: the store behind an address did not answer.
    """
    names = ("split", "label", "pai_species", "subject_id", "presentation_id")
    columns = [raw.table[name].to_pylist() for name in names]
    subjects, presentations = columns[3], columns[4]
    return Inventory(
        recognised=raw.recognised,
        layout=raw.layout,
        root=raw.root,
        samples=raw.table.num_rows,
        subjects=_distinct(subjects),
        presentations=_distinct(presentations),
        cells=_cells(columns),
        shared_subjects=_shared(subjects, columns[0]),
        missing=_missing(raw),
        columns={
            name: _distinct(raw.table[name].to_pylist()) or 0
            for name in raw.table.column_names
            if name not in SAMPLE_SCHEMA.names
        },
        rejections=raw.rejections,
        notes=raw.notes,
    )


def _cells(columns: Sequence[Sequence[str | None]]) -> tuple[Cell, ...]:
    """Count by split, label and species; ``columns`` are those, then subjects and presentations."""
    splits, labels, species, subjects, presentations = columns
    grouped: defaultdict[tuple[str | None, str, str | None], list[int]] = defaultdict(list)
    for row, (split, label, kind) in enumerate(zip(splits, labels, species, strict=True)):
        grouped[split, str(label), kind].append(row)
    return tuple(
        Cell(
            split,
            label,
            kind,
            len(rows),
            _distinct([subjects[row] for row in rows]),
            _distinct([presentations[row] for row in rows]),
        )
        for (split, label, kind), rows in sorted(grouped.items(), key=lambda item: tuple(map(str, item[0])))
    )


def _distinct(values: Sequence[str | None]) -> int | None:
    return len({value for value in values if value is not None}) or None


def _shared(subjects: Sequence[str | None], splits: Sequence[str | None]) -> tuple[str, ...]:
    pairs = {(subject, split) for subject, split in zip(subjects, splits, strict=True) if subject and split}
    counts = Counter(subject for subject, _ in pairs)
    return tuple(sorted(subject for subject, count in counts.items() if count > 1))


def _missing(raw: RawDataset) -> tuple[str, ...]:
    """Return the paths that lead nowhere; those that are addresses themselves are not asked one by one."""
    paths = [path for path in raw.table["path"].to_pylist() if not is_uri(path)]
    if raw.root.startswith(ARCHIVE_SCHEME):
        return ()
    if is_uri(raw.root):
        there = set(list_objects(raw.root))
        return tuple(path for path in paths if path not in there)
    return tuple(path for path in paths if not Path(joined(raw.root, path)).is_file())
