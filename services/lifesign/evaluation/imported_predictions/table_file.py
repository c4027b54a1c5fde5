"""Tables on disk, batch by batch: CSV, JSON Lines or Parquet, from whatever tool wrote them."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from lifesign.errors import DatasetError

__all__ = ["SUFFIXES", "TableFile", "open_table"]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

_BATCH_ROWS = 1 << 16
_BLOCK_BYTES = 8 << 20
_SHOWN = 60


@dataclass(frozen=True)
class TableFile:
    """A table file: its column names, and how to read it again from the start.

    Cells are text in CSV; in the others text, numbers or truth values, one type per column and batch.
    ``rows`` is exact but for CSV, where line ends inside quotes are counted too. ``has_decimal_comma``
    says that fields are split by semicolons, as where 0.5 is written 0,5.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    digest: str
    has_decimal_comma: bool
    read: Callable[[], Iterator[pa.Table]]


def open_table(path: Path) -> TableFile:
    """Open a table file by its suffix; commas, semicolons or tabs separate the fields of a CSV.

    Raises:
        DatasetError: no such file, another suffix, empty, damaged, not UTF-8, doubled column names.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DatasetError(f"{path}: expected a file ending in {', '.join(SUFFIXES)}, got {suffix or 'none'}")
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no such file"
            raise DatasetError(f"{path}: expected a file with one row per sample, got {what}")
        if path.stat().st_size == 0:
            raise DatasetError(f"{path}: expected a header and one row per sample, got an empty file")
        digest, lines = _digest(path)
        if suffix == ".parquet":
            return _open_parquet(path, digest)
        if suffix in (".csv", ".tsv"):
            return _open_csv(path, digest, lines)
        return _open_lines(path, digest)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of the bytes and the number of line ends."""
    whole, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
            lines += block.count(b"\n")
    return whole.hexdigest(), lines


def _require_distinct(names: Sequence[str], path: Path) -> tuple[str, ...]:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DatasetError(f"{path}: expected each column once, got {doubled} more than once")
    return tuple(names)


def _open_parquet(path: Path, digest: str) -> TableFile:
    def read() -> Iterator[pa.Table]:
        with _damaged(path, "Parquet"), parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield pa.Table.from_batches([batch])

    with _damaged(path, "Parquet"), parquet.ParquetFile(path) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
    return TableFile(path, _require_distinct(names, path), rows, digest, False, read)


class _damaged:  # noqa: N801 - reads as a statement
    """Says in a sentence what Arrow found wrong with a file."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self._kind = path, kind

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | UnicodeDecodeError):
            reason = str(error).splitlines()[0][:200]
            raise DatasetError(f"{self._path}: expected a readable {self._kind} file: {reason}") from error


def _open_csv(path: Path, digest: str, lines: int) -> TableFile:
    if lines == 0:
        raise DatasetError(f"{path}: expected a header and one row per sample, got a single line")
    delimiter = _delimiter(path)
    with _damaged(path, "CSV"):
        names = _require_distinct(_header(path, delimiter), path)
    read = partial(_read_csv, path, names, delimiter)
    return TableFile(path, names, max(lines - 1, 1), digest, delimiter == ";", read)


def _delimiter(path: Path) -> str:
    """Return what the header line is split by: a tab or semicolon only where it holds no comma."""
    with path.open("rb") as file:
        header = file.readline(1 << 20)
    found = [one for one in (b",", b"\t", b";") if one in header]
    return (found[0] if found else b",").decode()


def _header(path: Path, delimiter: str) -> list[str]:
    options = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path}: expected UTF-8 text, got UTF-16; save it as UTF-8")
    with csv.open_csv(pa.BufferReader(first.rstrip(b"\r\n") + b"\n"), parse_options=options) as reader:
        return list(reader.schema.names)


def _read_csv(path: Path, names: tuple[str, ...], delimiter: str) -> Iterator[pa.Table]:
    ragged: list[csv.InvalidRow] = []

    def refuse(row: csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        with csv.open_csv(
            path,
            # Rows are numbered only without threads, and somebody has to find the broken one.
            read_options=csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            # Types come later: "007" is a subject, not the number 7.
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        ) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, _BATCH_ROWS):
                    yield pa.Table.from_batches([batch.slice(start, _BATCH_ROWS)])
    except (pa.ArrowException, UnicodeDecodeError) as error:
        if not ragged:
            reason = str(error).splitlines()[0][:200]
            raise DatasetError(f"{path}: expected readable CSV in UTF-8: {reason}") from error
        row = ragged[0]
        line = "" if row.number is None else f" in line {row.number}"
        raise DatasetError(
            f"{path}: expected {row.expected_columns} fields as in the header, got {row.actual_columns}"
            f"{line}: {row.text[:_SHOWN]!r}"
        ) from None


def _open_lines(path: Path, digest: str) -> TableFile:
    # Any line may bring a new key, so all are read before the columns are known.
    chunks = list(_line_chunks(path))
    names = tuple(dict.fromkeys(name for chunk in chunks for name in chunk.column_names))

    def read() -> Iterator[pa.Table]:
        for chunk in chunks:
            for name in names:
                if name not in chunk.column_names:
                    chunk = chunk.append_column(name, pa.nulls(chunk.num_rows, pa.string()))
            yield chunk.select(list(names))

    return TableFile(path, names, sum(chunk.num_rows for chunk in chunks), digest, False, read)


def _line_chunks(path: Path) -> Iterator[pa.Table]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            numbered = ((number, line) for number, line in enumerate(file, 1) if not line.isspace())
            while part := [_object(path, number, line) for number, line in islice(numbered, _BATCH_ROWS)]:
                names = dict.fromkeys(name for row in part for name in row)
                yield pa.table({name: _column([row.get(name) for row in part], name, path) for name in names})
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: expected UTF-8 text, got {error.reason} at byte {error.start}") from None


def _object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DatasetError(f"{path}: expected JSON in line {number}: {error}") from None
    if not isinstance(row, dict):
        raise DatasetError(f"{path}: expected a JSON object in line {number}, got {line.strip()[:_SHOWN]!r}")
    return row


def _column(values: list[Any], name: str, path: Path) -> pa.Array:
    nested = next((one for one in values if isinstance(one, list | dict)), None)
    if nested is not None:
        raise DatasetError(
            f"{path}: expected text or a number as {name!r}, got {json.dumps(nested)[:_SHOWN]}; a list of "
            "scores is one column score_<class> per class"
        )
    if all(one is None or isinstance(one, float) for one in values):
        return pa.array(values, pa.float64())
    return pa.array([_text(one) for one in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    return repr(value)
