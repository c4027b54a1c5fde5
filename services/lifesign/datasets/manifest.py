"""Data sets listed in a manifest: CSV, JSON Lines or Parquet, one row per image."""

import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json, parquet

from lifesign.datasets.columns import (
    COLUMN_ALIASES,
    REQUIRED_COLUMNS,
    SAMPLE_SCHEMA,
    canonical_column,
)
from lifesign.datasets.location import is_uri, joined, suffix_of
from lifesign.datasets.remote import has_object, read_object
from lifesign.errors import DatasetError

__all__ = ["MANIFEST_SUFFIXES", "find_manifest", "read_manifest"]

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")

_ROWS_AT_ONCE = 65_536
_BATCHES_PER_RELEASE = 16

_YES_NO = {"true": "1", "yes": "1", "false": "0", "no": "0"}


def find_manifest(folder: str) -> str | None:
    """Return ``manifest.csv`` (or .jsonl, .parquet) of a folder or prefix, ``None`` without one."""
    candidates = (joined(folder, f"manifest{suffix}") for suffix in MANIFEST_SUFFIXES)
    return next((place for place in candidates if _is_there(place)), None)


def read_manifest(path: str) -> pa.Table:
    """Return the rows with canonical column names, all values as trimmed strings, empty ones as null.

    Paths are relative to the manifest, absolute, or addresses such as ``s3://bucket/a.jpg``. Columns with
    no canonical name are kept as they are: metadata.

    Raises:
        DatasetError: not readable, no rows, a missing or doubled column, or a row without path or label.
        StorageError: the store behind an address did not answer.
    """
    table = _canonical(_read(path), path)
    if table.num_rows == 0:
        raise DatasetError(f"{path}: expected one row per image, got only a header")
    for name in REQUIRED_COLUMNS:
        empty = pc.indices_nonzero(pc.is_null(table[name]))
        if len(empty):
            rows = ", ".join(str(row + 1) for row in empty[:5].to_pylist())
            raise DatasetError(f"{path}: {len(empty)} rows have no {name}, such as data row {rows}")
    if "sample_id" not in table.column_names:
        table = table.append_column("sample_id", table["path"])
    elif table["sample_id"].null_count:
        filled = pc.coalesce(table["sample_id"], table["path"])
        table = table.set_column(table.column_names.index("sample_id"), "sample_id", filled)
    return _with_all_columns(table)


def _is_there(place: str) -> bool:
    return has_object(place) if is_uri(place) else Path(place).is_file()


def _read(path: str) -> pa.Table:
    suffix = suffix_of(path)
    try:
        return _parsed(path, suffix)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not a readable {suffix.lstrip('.')} manifest: {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error


def _parsed(path: str, suffix: str) -> pa.Table:
    content = read_object(path) if is_uri(path) else None

    def source() -> io.BytesIO | str:
        return path if content is None else io.BytesIO(content)

    if suffix == ".parquet":
        file = parquet.ParquetFile(source(), pre_buffer=False)
        return _gathered(file.iter_batches(_ROWS_AT_ONCE, use_threads=False), file.schema_arrow)
    if suffix in (".jsonl", ".ndjson"):
        return json.read_json(source())
    # Types come later: "007" is a subject, not the number 7.
    with csv.open_csv(source()) as reader:
        names = reader.schema.names
    with csv.open_csv(
        source(),
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    ) as reader:
        return _gathered(reader, reader.schema)


def _gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Read a file by and by: at once it takes twice the memory of its rows, which nobody gets back."""
    found = []
    for number, batch in enumerate(batches):
        found.append(batch)
        if number % _BATCHES_PER_RELEASE == 0:
            pa.default_memory_pool().release_unused()
    table = pa.Table.from_batches(found, schema)
    pa.default_memory_pool().release_unused()
    return table


def _canonical(table: pa.Table, path: str) -> pa.Table:
    sources: dict[str, list[str]] = defaultdict(list)
    for name in table.column_names:
        sources[canonical_column(name) or name.strip()].append(name)
    for name, found in sources.items():
        if len(found) > 1:
            # The canonical spelling wins; with two aliases there is no telling which one is meant.
            found[:] = [one for one in found if one == name] or found
        if len(found) > 1:
            raise DatasetError(f"{path}: columns {found} all mean {name!r}; keep one, or name it {name!r}")
    for name in REQUIRED_COLUMNS:
        if name not in sources:
            raise DatasetError(
                f"{path}: expected a column {' or '.join(COLUMN_ALIASES[name])}, got {table.column_names}"
            )
    columns = {name: _strings(table[found[0]], found[0], path) for name, found in sources.items() if name}
    if canonical_column(sources["label"][0]) == "label" and sources["label"][0] != "label":
        columns["label"] = _yes_no(columns["label"])
    if pc.any(pc.match_substring(columns["path"], "\\")).as_py():
        columns["path"] = pc.replace_substring(columns["path"], "\\", "/")
    return pa.table(columns)


def _strings(column: pa.ChunkedArray, name: str, path: str) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([_clean(chunk.cast(pa.string())) for chunk in column.chunks], pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DatasetError(f"{path}: column {name!r} is {column.type}, expected text or numbers") from None


def _clean(text: pa.Array) -> pa.Array:
    """Trim texts and make empty ones null; those of a clean manifest are not copied."""
    trimmed = pc.utf8_trim_whitespace(text)
    text = text if trimmed.equals(text) else trimmed
    empty = pc.equal(text, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), text) if pc.any(empty).as_py() else text


def _yes_no(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Spell truth values as 1 (bona fide) and 0 (attack), as ``lifesign.labels`` knows them."""
    words = {value: _YES_NO.get(value.lower(), value) for value in pc.unique(column).drop_null().to_pylist()}
    places = pc.index_in(column, value_set=pa.array(list(words), pa.string()))
    return pa.array(list(words.values()), pa.string()).take(places)


def _with_all_columns(table: pa.Table) -> pa.Table:
    for field in SAMPLE_SCHEMA:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(
        [*SAMPLE_SCHEMA.names, *(name for name in table.column_names if name not in SAMPLE_SCHEMA.names)]
    )
