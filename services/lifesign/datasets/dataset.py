"""A labelled data set as one table: read, mapped to the model's classes, hashed, in a fixed order."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.layouts.layout import Rejection, counted
from lifesign.datasets.reading import read_raw
from lifesign.datasets.slice_names import unknown_slices
from lifesign.datasets.sources import ImageSource, open_source
from lifesign.errors import DatasetError
from lifesign.labels import Split, is_liveness, resolve_labels, split_name

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
    to ``root``, a folder or an address) and the metadata columns as strings. ``digest`` is the SHA-256 over
    the sorted sample ids with their labels, species, subjects, metadata, and the size and SHA-256 of every
    file. ``recognised`` says what the set was taken for, ``rejections`` what in it is no sample.
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

    @property
    def subjects(self) -> int | None:
        """Number of people; ``None`` where the data set names none."""
        return _distinct(self.table["subject_id"])

    @property
    def presentations(self) -> int | None:
        """Number of presentations; ``None`` where the data set names none."""
        return _distinct(self.table["presentation_id"])


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
    table, splits = _only_split(raw.table, split, data)
    found = pc.unique(table["label"]).to_pylist()
    resolved = resolve_labels(found, class_names, class_map)
    table = _replace(table, "label", [resolved[label] for label in table["label"].to_pylist()])
    _require_classes(table, class_names, data)
    _require_unique(table, data)
    table = _in_order(table)[: limit or None]
    metadata = tuple(name for name in table.column_names if name not in SAMPLE_SCHEMA.names)
    return Dataset(
        root=raw.root,
        table=table,
        digest=_digest(open_source(raw.root), table, threads),
        class_map=resolved,
        metadata_columns=metadata,
        slice_columns=_chosen_slices(table, metadata, slices, data),
        splits=splits,
        recognised=raw.recognised,
        rejections=raw.rejections,
        notes=raw.notes,
    )


def default_slices(table: pa.Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns worth slicing by: 2 to 20 distinct values, and not a measurement or a path.

    Left out are numbers with a fraction, and names such as ``seed``, ``face_x``, ``yaw_deg``, ``jpeg_q``.
    """
    return tuple(name for name in columns if _is_slice(name, table[name]))


def _is_slice(name: str, column: pa.ChunkedArray) -> bool:
    values = pc.unique(column).drop_null()
    if not 2 <= len(values) <= _MAX_SLICE_VALUES:
        return False
    if name in _DERIVED or _NOT_A_SLICE.search(name.lower()):
        return False
    return not _is_measurement(values.to_pylist())


def _is_measurement(values: Sequence[str]) -> bool:
    """Tell whether these are numbers of which some have a fraction; whole numbers can name a session."""
    return all(_NUMBER.fullmatch(one) for one in values) and any("." in one for one in values)


def _only_split(table: pa.Table, split: Split | None, data: str | Path) -> tuple[pa.Table, tuple[str, ...]]:
    named = pc.unique(table["split"]).drop_null().to_pylist()
    if not named:
        return table, ()
    unknown = sorted(name for name in named if split_name(name) is None)
    if unknown:
        raise DatasetError(f"{data}: expected the splits train, dev and test, got {unknown}")
    words = [None if one is None else split_name(one) for one in table["split"].to_pylist()]
    table = _replace(table, "split", [None if one is None else str(one) for one in words])
    present = sorted({str(one) for one in words if one is not None})
    if split is None:
        return table, tuple(present)
    kept = table.filter(pc.equal(table["split"], str(split)))
    if kept.num_rows == 0:
        raise DatasetError(f"{data}: expected samples of the split {str(split)!r}, got only {present}")
    return kept, (str(split),)


def _require_classes(table: pa.Table, class_names: Sequence[str], data: str | Path) -> None:
    present = set(pc.unique(table["label"]).to_pylist())
    missing = [name for name in class_names if name not in present]
    if missing and is_liveness(class_names):
        raise DatasetError(
            f"{data}: expected samples of both classes, got none of {', '.join(missing)} "
            f"among {table.num_rows:,} samples"
        )


def _require_unique(table: pa.Table, data: str | Path) -> None:
    counts = pc.value_counts(table["sample_id"])
    doubled = sorted(
        item["values"] for item in counts.filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    )
    if doubled:
        raise DatasetError(
            f"{data}: expected each sample once, got {len(doubled)} sample ids more than once, such as "
            f"{', '.join(map(repr, doubled[:3]))}"
        )


def _in_order(table: pa.Table) -> pa.Table:
    keys = [hashlib.sha256(one.encode()).digest() for one in table["sample_id"].to_pylist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return table.take(pa.array(order, pa.int64())).combine_chunks()


def _chosen_slices(
    table: pa.Table, metadata: Sequence[str], wanted: Sequence[str] | None, data: str | Path
) -> tuple[str, ...]:
    if wanted is None:
        return default_slices(table, metadata)
    unknown = unknown_slices(wanted, metadata)
    if unknown:
        raise DatasetError(f"{data}: expected slice columns among {list(metadata)}, got {unknown}")
    return tuple(wanted)


def _digest(source: ImageSource, table: pa.Table, threads: int) -> str:
    with ThreadPoolExecutor(threads, thread_name_prefix="hash") as pool:
        files = list(pool.map(source.digest, table["path"].to_pylist(), chunksize=64))
    # Where a file lies is left out: a data set keeps its digest when it moves.
    facts = [name for name in table.column_names if name not in ("path", "split")]
    columns = [table[name].to_pylist() for name in facts]
    whole = hashlib.sha256(json.dumps(facts).encode())
    for row in sorted(zip(*columns, files, strict=True), key=lambda row: str(row[0])):
        whole.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return whole.hexdigest()


def _replace(table: pa.Table, name: str, values: list[str | None]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))


def _distinct(column: pa.ChunkedArray) -> int | None:
    count = int(pc.count_distinct(column, mode="only_valid").as_py())
    return count or None
