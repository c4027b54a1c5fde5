"""Data sets listed in a manifest: CSV, JSON Lines or Parquet, one row per image."""

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json, parquet

from lifesign.datasets.coding import TextTable
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

_ROWS_AT_ONCE = 16_384
_BLOCK_BYTES = 256 * 1024
_YES_NO = {"true": "1", "yes": "1", "false": "0", "no": "0"}


def find_manifest(folder: str) -> str | None:
    """Return ``manifest.csv`` (or .jsonl, .parquet) of a folder or prefix, ``None`` without one."""
    candidates = (joined(folder, f"manifest{suffix}") for suffix in MANIFEST_SUFFIXES)
    return next((place for place in candidates if _is_there(place)), None)


def read_manifest(path: str) -> pa.Table:
    """Return the rows with canonical column names, all values as trimmed strings, empty ones as null.

    Paths are relative to the manifest, absolute, or addresses such as ``s3://bucket/a.jpg``. Columns with
    no canonical name are kept as they are: metadata. What a column says again and again is coded.

    Raises:
        DatasetError: not readable, no rows, a missing or doubled column, or a row without path or label.
        StorageError: the store behind an address did not answer.
    """
    table = _read(path)
    if table.num_rows == 0:
        raise DatasetError(f"{path}: expected one row per image, got only a header")
    for name in REQUIRED_COLUMNS:
        empty = pc.indices_nonzero(pc.is_null(table[name]))
        if len(empty):
            rows = ", ".join(str(row + 1) for row in empty[:5].to_pylist())
            raise DatasetError(f"{path}: {len(empty)} rows have no {name}, such as data row {rows}")
    if "sample_id" not in table.column_names:
        # Not a second time in memory: these texts are the longest of all.
        table = table.append_column("sample_id", table["path"])
    return _with_all_columns(table)


def _is_there(place: str) -> bool:
    return has_object(place) if is_uri(place) else Path(place).is_file()


def _read(path: str) -> pa.Table:
    suffix = suffix_of(path)
    try:
        content = read_object(path) if is_uri(path) else None

        def source() -> io.BytesIO | str:
            return path if content is None else io.BytesIO(content)

        if suffix == ".csv":
            return _csv(source, path)
        if suffix == ".parquet":
            file = parquet.ParquetFile(source(), pre_buffer=False)
            batches = file.iter_batches(_ROWS_AT_ONCE, use_threads=False)
            return _gathered(batches, file.schema_arrow.names, path)
        return _json_lines(source, path)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not a readable {suffix.lstrip('.')} manifest: {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error


def _csv(source: Callable[[], io.BytesIO | str], path: str) -> pa.Table:
    # Blocks are read ahead, so small ones are far less than a manifest in memory.
    read_options = csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
    # Types come later: "007" is a subject, not the number 7.
    with csv.open_csv(source(), read_options=read_options) as reader:
        names = reader.schema.names
    with csv.open_csv(
        source(),
        read_options=read_options,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    ) as reader:
        return _gathered(reader, names, path)


def _json_lines(source: Callable[[], io.BytesIO | str], path: str) -> pa.Table:
    try:
        with json.open_json(
            source(), read_options=json.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
        ) as reader:
            return _gathered(reader, reader.schema.names, path)
    except pa.ArrowInvalid:
        # A column that is first named, or is more than null, far down can be read with the whole file only.
        whole = json.read_json(source())
        return _gathered(whole.to_batches(), whole.column_names, path)


def _gathered(batches: Iterable[pa.RecordBatch], names: Sequence[str], path: str) -> pa.Table:
    """Read a file by and by: at once it takes twice the memory of its rows, which nobody gets back."""
    sources = _sources(names, path)
    table = TextTable()
    for batch in batches:
        if batch.num_rows:
            table.append(_canonical(batch, sources, path))
    return table.finish()


def _sources(names: Sequence[str], path: str) -> dict[str, str]:
    """Return the column of the file for each canonical name, and each other column by its own name."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[canonical_column(name) or name.strip()].append(name)
    for name, columns in found.items():
        if len(columns) > 1:
            # The canonical spelling wins; with two aliases there is no telling which one is meant.
            columns[:] = [one for one in columns if one == name] or columns
        if len(columns) > 1:
            raise DatasetError(f"{path}: columns {columns} all mean {name!r}; keep one, or name it {name!r}")
    for name in REQUIRED_COLUMNS:
        if name not in found:
            raise DatasetError(
                f"{path}: expected a column {' or '.join(COLUMN_ALIASES[name])}, got {list(names)}"
            )
    return {name: columns[0] for name, columns in found.items() if name}


def _canonical(batch: pa.RecordBatch, sources: Mapping[str, str], path: str) -> dict[str, pa.Array]:
    columns = {name: _strings(batch.column(column), column, path) for name, column in sources.items()}
    if sources["label"] != "label":
        columns["label"] = _yes_no(columns["label"])
    if pc.any(pc.match_substring(columns["path"], "\\")).as_py():
        columns["path"] = pc.replace_substring(columns["path"], "\\", "/")
    if "sample_id" in columns and columns["sample_id"].null_count:
        columns["sample_id"] = pc.coalesce(columns["sample_id"], columns["path"])
    return columns


def _strings(column: pa.Array, name: str, path: str) -> pa.Array:
    try:
        return _clean(column.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DatasetError(f"{path}: column {name!r} is {column.type}, expected text or numbers") from None


def _clean(text: pa.Array) -> pa.Array:
    """Trim texts and make empty ones null; those of a clean manifest are not copied."""
    trimmed = pc.utf8_trim_whitespace(text)
    text = text if trimmed.equals(text) else trimmed
    empty = pc.equal(text, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), text) if pc.any(empty).as_py() else text


def _yes_no(column: pa.Array) -> pa.Array:
    """Spell truth values as 1 (bona fide) and 0 (attack), as ``lifesign.labels`` knows them."""
    words = {value: _YES_NO.get(value.lower(), value) for value in pc.unique(column).drop_null().to_pylist()}
    places = pc.index_in(column, value_set=pa.array(list(words), pa.string()))
    return pa.array(list(words.values()), pa.string()).take(places)


def _with_all_columns(table: pa.Table) -> pa.Table:
    for field in SAMPLE_SCHEMA:
        if field.name not in table.column_names:
            table = table.append_column(field.name, _nothing(table.num_rows))
    return table.select(
        [*SAMPLE_SCHEMA.names, *(name for name in table.column_names if name not in SAMPLE_SCHEMA.names)]
    )


def _nothing(rows: int) -> pa.Array:
    codes = pa.nulls(rows, pa.uint8())
    return pa.DictionaryArray.from_arrays(codes, pa.array([], pa.string()))
