"""One split of a predictions file: what is in it, found in a first pass, and its rows, in a second."""

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifesign.datasets.dataset import default_slices
from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.answers import ROW, row_name, text_column
from lifesign.evaluation.imported_predictions.columns import FileColumns, find_columns
from lifesign.evaluation.imported_predictions.distinct import DistinctTexts, HashedTexts, texts_of_hashes
from lifesign.evaluation.imported_predictions.table import TableFile, nobody_listens
from lifesign.evaluation.imported_predictions.table_file import open_table
from lifesign.labels import Split, split_name

__all__ = ["Survey", "batches_of", "survey_file"]

_REQUIRED = ("sample_id", "label")
_LOOKED_AT = (*_REQUIRED, "split", "subject_id", "presentation_id")
_MAX_VALUES = 64
_SHOWN_TWICE = 3


@dataclass(frozen=True)
class Survey:
    """What one split of a file holds; ``of_no_split`` rows name none where others do, so they are left out.

    ``labels`` are the spellings with the place of their first rows, for messages. ``kept`` are the sample
    ids to read, ``None`` for all of the split. ``sliceable`` are metadata columns with few values that are
    no measurements.
    """

    file: TableFile
    columns: FileColumns
    split: Split | None
    splits: tuple[str, ...]
    samples: int
    of_no_split: int
    labels: Mapping[str, str]
    subjects: int | None
    presentations: int | None
    sliceable: tuple[str, ...]
    kept: pa.Array | None


@dataclass
class _Found:
    values: dict[str, set[str]]
    limit: int | None
    words: set[str] = field(default_factory=set)
    of_no_split: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    subjects: DistinctTexts = field(default_factory=DistinctTexts)
    presentations: DistinctTexts = field(default_factory=DistinctTexts)
    ids: HashedTexts = field(default_factory=HashedTexts)
    drawn: list[tuple[bytes, str]] = field(default_factory=list)

    @classmethod
    def empty(cls, slices: Sequence[str], limit: int | None) -> Self:
        return cls({name: set() for name in slices}, limit)


def survey_file(
    path: Path,
    *,
    split: Split | None,
    limit: int | None = None,
    tell: Callable[[float], None] = nobody_listens,
) -> Survey:
    """Read a file once and return what its ``split`` holds; ``None`` is every row.

    A file that names no splits is used whole. With ``limit`` samples are drawn by the hash of their id.
    ``tell`` hears what share of the work is done.

    Raises:
        DatasetError: one sentence with what was expected and what was found.
    """
    file = open_table(path, lambda share: tell(share / 2))
    columns = find_columns(file.names, path)
    found = _look_through(file, columns, split, limit, tell)
    split, splits = _split_used(found.words, split, path)
    if not found.ids.count:
        found_words = f"only {sorted(found.words)}" if found.words else "only a header"
        wanted = "one row per sample" if split is None else f"samples of the split {str(split)!r}"
        raise DatasetError(f"{path}: expected {wanted}, got {found_words}")
    samples = found.ids.count
    _require_unique(found.ids, file, columns, split)
    kept = None if limit is None or limit >= samples else pa.array([one for _, one in found.drawn])
    return Survey(
        file=file,
        columns=columns,
        split=split,
        splits=splits,
        samples=samples if kept is None else len(kept),
        of_no_split=0 if split is None else found.of_no_split,
        labels=found.labels,
        subjects=found.subjects.count() or None,
        presentations=found.presentations.count() or None,
        sliceable=_sliceable(found.values),
        kept=kept,
    )


def _look_through(
    file: TableFile,
    columns: FileColumns,
    split: Split | None,
    limit: int | None,
    tell: Callable[[float], None],
) -> _Found:
    slices = _possible_slices(columns)
    found, rows, of_no_split = _Found.empty(slices, limit), 0, 0
    for table in _canonical(file, columns, _LOOKED_AT, slices):
        words = _values(table, "split")
        if words and not found.words and split is not None:
            # No row so far named a split; now that one does, they are of none.
            found = _Found.empty(slices, limit)
        found.words |= words
        _collect(found, table.filter(_is_in_split(table, split)) if found.words else table, file.path)
        of_no_split += table["split"].null_count if "split" in table.column_names else 0
        rows += table.num_rows
        tell(0.5 + min(rows / max(file.rows, 1), 1.0) / 2)
    return replace(found, of_no_split=of_no_split)


def batches_of(survey: Survey) -> Iterator[pa.Table]:
    """Yield the rows again: columns with a role as text under its name, the others as the file has them.

    ``ROW`` numbers them in the file, from 1.
    """
    columns = survey.columns
    raw = (*columns.scores.values(), *columns.logits.values(), *columns.metadata)
    for table in _canonical(survey.file, columns, tuple(columns.roles), raw):
        table = table.filter(_is_in_split(table, survey.split))
        if survey.kept is not None:
            table = table.filter(pc.is_in(table["sample_id"], value_set=survey.kept))
        if table.num_rows:
            yield table


def _canonical(
    file: TableFile, columns: FileColumns, roles: Sequence[str], raw: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield the wanted columns of every row: those with a role but for numbers as text."""
    place, numbers = str(file.path), ("score", "logit")
    known = {role: name for role, name in columns.roles.items() if role in roles}
    text = {role: name for role, name in known.items() if role not in numbers}
    raw = [*raw, *(name for role, name in known.items() if role in numbers)]
    wanted = list(dict.fromkeys([*text.values(), *raw]))
    first = 1
    for table in file.read(wanted):
        found = {name: table[name] for name in raw}
        found |= {role: text_column(table[name], name, place) for role, name in text.items()}
        yield pa.table({**found, ROW: np.arange(first, first + table.num_rows)})
        first += table.num_rows


def _is_in_split(table: pa.Table, split: Split | None) -> pa.ChunkedArray | pa.Array:
    """Tell which rows name this split; ``None`` is all rows."""
    if split is None:
        return pa.array(np.ones(table.num_rows, np.bool_))
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
        if table[name].null_count:
            row = pc.index(pc.is_null(table[name]), True).as_py()
            raise DatasetError(f"{row_name(table, row, path)}: expected a {name} in every row, got none")
    found.ids.add(table["sample_id"])
    if found.limit is not None:
        found.drawn = _drawn(found.drawn, table["sample_id"], found.limit)
    for label in _values(table, "label") - found.labels.keys():
        found.labels[label] = row_name(table, pc.index(table["label"], label).as_py(), path)
    for name, counted in (("subject_id", found.subjects), ("presentation_id", found.presentations)):
        if name in table.column_names:
            counted.add(table[name])
    for name, values in found.values.items():
        if len(values) <= _MAX_VALUES:
            values |= _first_values(text_column(table[name], name, str(path)))


def _values(table: pa.Table, name: str) -> set[str]:
    if name not in table.column_names:
        return set()
    return set(pc.unique(table[name]).drop_null().to_pylist())


def _first_values(column: pa.ChunkedArray) -> set[str]:
    return set(pc.unique(column).drop_null()[: _MAX_VALUES + 1].to_pylist())


def _possible_slices(columns: FileColumns) -> Sequence[str]:
    if not {"score", "logit"} & columns.roles.keys():
        return columns.metadata
    # Beside a lone score, columns such as score_quality may be metadata.
    return (*columns.metadata, *columns.scores.values(), *columns.logits.values())


def _sliceable(values: Mapping[str, set[str]]) -> tuple[str, ...]:
    tables = {name: pa.table({name: sorted(found)}) for name, found in values.items() if found}
    return tuple(name for name, table in tables.items() if default_slices(table, [name]))


def _require_unique(ids: HashedTexts, file: TableFile, columns: FileColumns, split: Split | None) -> None:
    suspects = ids.suspects()
    if not len(suspects):
        return
    # Two texts of one hash are innocent: the rows that have it are read again.
    rows: dict[str, list[int]] = defaultdict(list)
    for table in _canonical(file, columns, ("sample_id", "split"), ()):
        table = table.filter(_is_in_split(table, split))
        for place, text in texts_of_hashes(table["sample_id"], suspects):
            rows[text].append(table[ROW][place].as_py())
    doubled = {text: found for text, found in rows.items() if len(found) > 1}
    if doubled:
        shown = sorted(doubled.items())[:_SHOWN_TWICE]
        examples = "; ".join(f"{text!r} in rows {found[0]:,} and {found[1]:,}" for text, found in shown)
        raise DatasetError(
            f"{file.path}: expected each sample once, got {len(doubled):,} of the sample ids more than once, "
            f"such as {examples}"
        )


def _drawn(known: list[tuple[bytes, str]], ids: pa.ChunkedArray, limit: int) -> list[tuple[bytes, str]]:
    hashed = ((hashlib.sha256(one.encode()).digest(), one) for one in ids.to_pylist())
    return heapq.nsmallest(limit, chain(known, hashed))
