"""One split of a predictions file: what is in it, found in a first pass, and its rows, in a second."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lifesign.datasets.dataset import default_slices
from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.answers import text_column
from lifesign.evaluation.imported_predictions.columns import FileColumns, find_columns
from lifesign.evaluation.imported_predictions.table_file import TableFile, open_table
from lifesign.labels import Split, split_name

__all__ = ["Survey", "batches_of", "survey_file"]

_REQUIRED = ("sample_id", "label")
_MAX_VALUES = 64


@dataclass(frozen=True)
class Survey:
    """What one split of a file holds.

    ``kept`` are the sample ids to read, ``None`` for all of the split. ``sliceable`` are metadata columns
    with few values that are no measurements.
    """

    file: TableFile
    columns: FileColumns
    split: Split | None
    splits: tuple[str, ...]
    samples: int
    labels: frozenset[str]
    subjects: int | None
    presentations: int | None
    sliceable: tuple[str, ...]
    kept: pa.Array | None


@dataclass
class _Found:
    words: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    presentations: set[str] = field(default_factory=set)
    ids: list[pa.ChunkedArray] = field(default_factory=list)
    values: dict[str, set[str]] = field(default_factory=dict)


def survey_file(path: Path, *, split: Split | None, limit: int | None = None) -> Survey:
    """Read a file once and return what its ``split`` holds; ``None`` is every row.

    A file that names no splits is used whole. With ``limit`` samples are drawn by the hash of their id.

    Raises:
        DatasetError: one sentence with what was expected and what was found.
    """
    file = open_table(path)
    columns = find_columns(file.names, path)
    found = _Found(values={name: set() for name in _possible_slices(columns)})
    for table in _canonical(file, columns):
        found.words |= _values(table, "split")
        _collect(found, table.filter(_is_in_split(table, split)), path)
    split, splits = _split_used(found.words, split, path)
    ids = pa.chunked_array([chunk for one in found.ids for chunk in one.chunks], pa.string())
    if not len(ids):
        found_words = f"only {sorted(found.words)}" if found.words else "only a header"
        wanted = "one row per sample" if split is None else f"samples of the split {str(split)!r}"
        raise DatasetError(f"{path}: expected {wanted}, got {found_words}")
    _require_unique(ids, path)
    kept = None if limit is None or limit >= len(ids) else _drawn(ids, limit)
    return Survey(
        file=file,
        columns=columns,
        split=split,
        splits=splits,
        samples=len(ids) if kept is None else len(kept),
        labels=frozenset(found.labels),
        subjects=len(found.subjects) or None,
        presentations=len(found.presentations) or None,
        sliceable=_sliceable(found.values),
        kept=kept,
    )


def batches_of(survey: Survey) -> Iterator[pa.Table]:
    """Yield the rows again: columns with a role as text under its name, the others as the file has them."""
    for table in _canonical(survey.file, survey.columns):
        table = table.filter(_is_in_split(table, survey.split))
        if survey.kept is not None:
            table = table.filter(pc.is_in(table["sample_id"], value_set=survey.kept))
        if table.num_rows:
            yield table


def _canonical(file: TableFile, columns: FileColumns) -> Iterator[pa.Table]:
    place = str(file.path)
    raw = [*columns.scores.values(), *columns.logits.values(), *columns.metadata]
    text = {role: name for role, name in columns.roles.items() if role not in ("score", "logit")}
    raw += [name for role, name in columns.roles.items() if role in ("score", "logit")]
    for table in file.read():
        found = {name: table[name] for name in raw}
        yield pa.table(
            {**found, **{role: text_column(table[name], name, place) for role, name in text.items()}}
        )


def _is_in_split(table: pa.Table, split: Split | None) -> pa.ChunkedArray | pa.Array:
    """Tell which rows are of a split; without split names, or without a split asked for, all are."""
    if split is None or "split" not in table.column_names or table["split"].null_count == table.num_rows:
        return pa.array([True]).take(pa.array([0] * table.num_rows, pa.int8()))
    words = [word for word in _values(table, "split") if split_name(word) is split]
    return pc.is_in(table["split"], value_set=pa.array(words, pa.string()))


def _split_used(words: set[str], split: Split | None, path: Path) -> tuple[Split | None, tuple[str, ...]]:
    if not words:
        return None, ()
    named = {word: split_name(word) for word in words}
    unknown = sorted(word for word, name in named.items() if name is None)
    if split is None:
        return None, tuple(sorted({str(name) for name in named.values() if name is not None}))
    if unknown:
        raise DatasetError(
            f"{path}: expected the splits train, dev and test, got {unknown[:5]}; --split all uses every row"
        )
    return split, (str(split),)


def _collect(found: _Found, table: pa.Table, path: Path) -> None:
    for name in _REQUIRED:
        empty = table[name].null_count
        if empty:
            row = pc.index(pc.is_null(table[name]), True).as_py()
            near = f", such as sample {table['sample_id'][row].as_py()!r}" if name != "sample_id" else ""
            raise DatasetError(f"{path}: expected a {name} in every row, got {empty:,} without{near}")
    found.ids.append(table["sample_id"])
    found.labels |= _values(table, "label")
    found.subjects |= _values(table, "subject_id")
    found.presentations |= _values(table, "presentation_id")
    for name, values in found.values.items():
        if len(values) <= _MAX_VALUES:
            values |= _values(pa.table({name: text_column(table[name], name, str(path))}), name)


def _values(table: pa.Table, name: str) -> set[str]:
    if name not in table.column_names:
        return set()
    return set(pc.unique(table[name]).drop_null().to_pylist())


def _possible_slices(columns: FileColumns) -> Sequence[str]:
    return (*columns.metadata, *columns.scores.values(), *columns.logits.values())


def _sliceable(values: Mapping[str, set[str]]) -> tuple[str, ...]:
    tables = {name: pa.table({name: sorted(found)}) for name, found in values.items() if found}
    return tuple(name for name, table in tables.items() if default_slices(table, [name]))


def _require_unique(ids: pa.ChunkedArray, path: Path) -> None:
    if int(pc.count_distinct(ids).as_py()) == len(ids):
        return
    counts = pc.value_counts(ids)
    doubled = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    raise DatasetError(
        f"{path}: expected each sample once, got {len(doubled):,} of the sample ids more than once, such as "
        f"{', '.join(map(repr, sorted(doubled)[:3]))}"
    )


def _drawn(ids: pa.ChunkedArray, limit: int) -> pa.Array:
    order = sorted(ids.to_pylist(), key=lambda one: hashlib.sha256(one.encode()).digest())
    return pa.array(order[:limit], pa.string())
