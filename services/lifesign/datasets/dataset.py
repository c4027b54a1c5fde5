"""A labelled data set as one table: read, mapped to the model's classes, hashed, in a fixed order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.datasets.coding import count_values, decoded, mapped, values_of
from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.digest import data_digest, images_digest
from lifesign.datasets.layouts.layout import Rejection, counted
from lifesign.datasets.order import doubled_ids, hash_order
from lifesign.datasets.reading import RawDataset, read_raw
from lifesign.datasets.slice_names import unknown_slices
from lifesign.datasets.sources import ImageSource, open_source
from lifesign.datasets.taking import taken
from lifesign.errors import DatasetError
from lifesign.labels import Split, is_liveness, resolve_labels, split_name
from lifesign.memory import release_memory

__all__ = ["Dataset", "default_slices", "load_dataset"]

_MAX_SLICE_VALUES = 20
_MAX_REASONS = 10
_NOT_A_SLICE = re.compile(
    r"(^|_)(path|url|uri|hash|digest|seed|index|idx|frame|filename|timestamp|date|id|x|y|w|h|deg|px|q)$"
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
# Families follow from the species, which have a table of their own.
_DERIVED = frozenset({"pai_family"})


@dataclass(frozen=True)
class Dataset:
    """The samples to replay, ordered by the SHA-256 of their id, so any prefix is a fair sample.

    ``table`` has the columns of ``SAMPLE_SCHEMA`` (``label`` is a class of the model, ``path`` relative
    to ``root``, a folder or an address) and the metadata columns: texts, those that say the same again and
    again as Arrow dictionaries; ``rows`` gives plain texts. ``digest`` is the SHA-256 over
    the sorted sample ids with their labels, species, subjects, metadata, and the size and SHA-256 of every
    file. ``recognised`` says what the set was taken for, ``rejections`` what in it is no sample.
    ``fingerprints``, uint64 ``(n,)``, are the first 64 bits of each image's SHA-256, 0 where it is missing.
    """

    root: str
    table: pa.Table
    digest: str
    class_map: Mapping[str, str]
    metadata_columns: tuple[str, ...]
    slice_columns: tuple[str, ...]
    splits: tuple[str, ...]
    recognised: str = ""
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()
    fingerprints: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64), compare=False)

    @cached_property
    def source(self) -> ImageSource:
        """Where the images are read from, by the ``path`` column."""
        return open_source(self.root)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what was left out of the set as it lies there, the most frequent reasons first."""
        reasons = counted(self.rejections)
        shown = tuple(
            f"Left out of the data set, read as {self.recognised}: {count:,} × {reason}, such as {first}."
            for reason, count, first in reasons[:_MAX_REASONS]
        )
        others = reasons[_MAX_REASONS:]
        if not others:
            return shown
        count = sum(count for _, count, _ in others)
        return (*shown, f"Left out for {len(others)} other reasons: {count:,}.")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def images_digest(self, class_names: Sequence[str]) -> str:
        """Return the digest of images and labels alone: the same for the same images under other names."""
        labels = pc.index_in(self.table["label"], value_set=pa.array(class_names))
        return images_digest(self.fingerprints, labels.to_numpy().astype(np.int64), class_names)

    def rows(self, start: int, stop: int) -> pa.Table:
        """Return the samples ``start`` to ``stop`` (exclusive), every column as plain strings."""
        return decoded(self.table.slice(start, stop - start))

    @property
    def subjects(self) -> int | None:
        """Number of people; ``None`` where the data set names none."""
        return count_values(self.table["subject_id"]) or None

    @property
    def presentations(self) -> int | None:
        """Number of presentations; ``None`` where the data set names none."""
        return count_values(self.table["presentation_id"]) or None


def load_dataset(
    data: str | Path,
    *,
    layout: str | None = None,
    protocol: str | None = None,
    class_names: Sequence[str],
    class_map: Mapping[str, str] | None = None,
    split: Split | None = None,
    slices: Sequence[str] | None = None,
    limit: int | None = None,
    threads: int = 4,
) -> Dataset:
    """Read a manifest, a published layout or class folders, keep one split, and hash every image.

    ``data`` is a path or an address such as ``s3://bucket/prefix``. Each image is read once for the digest:
    that is what lets a resumed run know its data unchanged.

    Raises:
        DatasetError: one sentence with what was expected and what was found.
        StorageError: the store behind an address did not answer.
    """
    raw = read_raw(data, layout=layout, protocol=protocol)
    columns, raw = _columns_of(raw)
    splits, kept = _only_split(columns, split, data)
    resolved = _resolve_labels(columns, kept, class_names, class_map, data)
    order = _order(columns["sample_id"], kept, data)[: limit or None]
    table = taken(columns, order)
    del order
    fingerprints = np.zeros(table.num_rows, np.uint64)
    metadata = tuple(name for name in table.column_names if name not in SAMPLE_SCHEMA.names)
    digest = data_digest(open_source(raw.root), table, threads, fingerprints=fingerprints)
    release_memory()
    return Dataset(
        root=raw.root,
        table=table,
        digest=digest,
        class_map=resolved,
        metadata_columns=metadata,
        slice_columns=_chosen_slices(table, metadata, slices, data),
        splits=splits,
        recognised=raw.recognised,
        rejections=raw.rejections,
        notes=raw.notes,
        fingerprints=fingerprints,
    )


def default_slices(table: pa.Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns worth slicing by: 2 to 20 distinct values, and not a measurement or a path.

    Left out are numbers with a fraction, and names such as ``seed``, ``face_x``, ``yaw_deg``, ``jpeg_q``.
    """
    return tuple(name for name in columns if _is_slice(name, table[name]))


def _is_slice(name: str, column: pa.ChunkedArray) -> bool:
    if not 2 <= count_values(column) <= _MAX_SLICE_VALUES:
        return False
    if name in _DERIVED or _NOT_A_SLICE.search(name.lower()):
        return False
    return not _is_measurement(values_of(column))


def _is_measurement(values: Sequence[str]) -> bool:
    """Tell whether these are numbers of which some have a fraction; whole numbers can name a session."""
    return all(_NUMBER.fullmatch(one) for one in values) and any("." in one for one in values)


def _columns_of(raw: RawDataset) -> tuple[dict[str, pa.ChunkedArray], RawDataset]:
    """Part the rows from the rest, so that the columns can be let go of one by one."""
    columns = dict(zip(raw.table.column_names, raw.table.columns, strict=True))
    return columns, replace(raw, table=raw.table[:0].select([]))


def _only_split(
    columns: dict[str, pa.ChunkedArray], split: Split | None, data: str | Path
) -> tuple[tuple[str, ...], NDArray[np.int64] | None]:
    """Spell the splits; return those used, and the places of the rows kept, ``None`` for all."""
    named = values_of(columns["split"])
    if not named:
        return (), None
    words = {name: split_name(name) for name in named}
    unknown = sorted(name for name, word in words.items() if word is None)
    if unknown:
        raise DatasetError(f"{data}: expected the splits train, dev and test, got {unknown}")
    columns["split"] = mapped(columns["split"], {name: str(word) for name, word in words.items()})
    present = sorted({str(word) for word in words.values()})
    if split is None:
        return tuple(present), None
    if str(split) not in present:
        raise DatasetError(f"{data}: expected samples of the split {str(split)!r}, got only {present}")
    kept = pc.indices_nonzero(pc.fill_null(pc.equal(columns["split"], str(split)), False))
    return (str(split),), kept.to_numpy().astype(np.int64)


def _resolve_labels(
    columns: dict[str, pa.ChunkedArray],
    kept: NDArray[np.int64] | None,
    class_names: Sequence[str],
    class_map: Mapping[str, str] | None,
    data: str | Path,
) -> dict[str, str]:
    """Turn the labels into classes of the model; return what each label was taken for."""
    labels = columns["label"] if kept is None else columns["label"].take(pa.array(kept))
    resolved = resolve_labels(values_of(labels), class_names, class_map)
    missing = [name for name in class_names if name not in resolved.values()]
    if missing and is_liveness(class_names):
        raise DatasetError(
            f"{data}: expected samples of both classes, got none of {', '.join(missing)} "
            f"among {len(labels):,} samples"
        )
    columns["label"] = mapped(columns["label"], resolved)
    return resolved


def _order(ids: pa.ChunkedArray, kept: NDArray[np.int64] | None, data: str | Path) -> NDArray[np.int64]:
    """Return the places of the rows in the order of the data set, refusing samples that are there twice."""
    order, is_distinct = hash_order(ids, kept)
    if not is_distinct:
        doubled = doubled_ids(ids if kept is None else ids.take(pa.array(kept)))
        raise DatasetError(
            f"{data}: expected each sample once, got {len(doubled)} sample ids more than once, such as "
            f"{', '.join(map(repr, doubled[:3]))}"
        )
    return order


def _chosen_slices(
    table: pa.Table, metadata: Sequence[str], wanted: Sequence[str] | None, data: str | Path
) -> tuple[str, ...]:
    if wanted is None:
        return default_slices(table, metadata)
    unknown = unknown_slices(wanted, metadata)
    if unknown:
        raise DatasetError(f"{data}: expected slice columns among {list(metadata)}, got {unknown}")
    return tuple(wanted)
