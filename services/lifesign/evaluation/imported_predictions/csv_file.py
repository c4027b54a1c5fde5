"""Predictions as CSV: any of three separators, quotes, a byte order mark; every cell is text."""

import csv as python_csv
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.table import SHOWN, Damaged, TableFile, opened_bytes

__all__ = ["open_csv"]

_START_BYTES = 1 << 20
# Arrow reads 32 blocks ahead.
_BLOCK_BYTES = 1 << 18
_LINES_PER_BLOCK = 16
_TABLE_BYTES = 1 << 21
_UNREADABLE = "\ufffd"


def open_csv(path: Path, digest: str) -> TableFile:
    """Open a CSV file; ``digest`` is of its bytes.

    Raises:
        DatasetError: a header alone, a header that cannot be read, or another encoding than UTF-8.
    """
    with Damaged(path, "CSV"), opened_bytes(path) as file:
        start = file.read(_START_BYTES)
        lines = _line_ends(start)
        while block := file.read(_START_BYTES):
            lines += _line_ends(block)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path}: expected UTF-8 text, got UTF-16; save it as UTF-8")
    if lines == 0:
        raise DatasetError(f"{path}: expected a header and one row per sample, got a single line")
    delimiter = _delimiter(start)
    names = _header(start, delimiter, path)
    longest = max(map(len, start.split(b"\n")))
    read = partial(_read, path, delimiter, max(_BLOCK_BYTES, _LINES_PER_BLOCK * longest))
    return TableFile(path, names, max(lines - 1, 1), digest, delimiter == ";", read)


def _line_ends(block: bytes) -> int:
    # Some old spreadsheets end lines by a carriage return alone.
    return block.count(b"\n") or block.count(b"\r")


def _delimiter(start: bytes) -> str:
    """Return what the header line is split by: a tab or semicolon only where it holds no comma."""
    header = start.replace(b"\r", b"\n").partition(b"\n")[0]
    found = [one for one in (b",", b"\t", b";") if one in header]
    return (found[0] if found else b",").decode()


def _header(start: bytes, delimiter: str, path: Path) -> tuple[str, ...]:
    # The block may end within a letter, far behind the header.
    text = io.StringIO(start.decode("utf-8-sig", errors="replace"), newline="")
    try:
        names = next((row for row in python_csv.reader(text, delimiter=delimiter) if row), [])
    except python_csv.Error as error:
        raise DatasetError(f"{path}: expected a header with the names of columns: {error}") from None
    if any(_UNREADABLE in name for name in names):
        raise DatasetError(f"{path}: expected readable CSV in UTF-8, got other bytes in its header")
    return tuple(names)


def _read(path: Path, delimiter: str, block_bytes: int, columns: Sequence[str]) -> Iterator[pa.Table]:
    ragged: list[csv.InvalidRow] = []

    def refuse(row: csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        with csv.open_csv(
            path,
            # Rows are numbered only without threads, and somebody has to find the broken one.
            read_options=csv.ReadOptions(use_threads=False, block_size=block_bytes),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            # Types come later: "007" is a subject, not the number 7.
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), include_columns=list(columns)
            ),
        ) as reader:
            yield from _grouped(reader)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _explained(error, ragged, path, block_bytes) from error


def _grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield tables of some megabytes: small ones cost more time than memory they save."""
    held: list[pa.RecordBatch] = []
    held_bytes = 0
    for batch in batches:
        held.append(batch)
        held_bytes += batch.nbytes
        if held_bytes >= _TABLE_BYTES:
            yield pa.Table.from_batches(held)
            held, held_bytes = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _explained(
    error: Exception, ragged: Sequence[csv.InvalidRow], path: Path, block_bytes: int
) -> DatasetError:
    if ragged:
        row = ragged[0]
        line = "" if row.number is None else f" in line {row.number}"
        return DatasetError(
            f"{path}: expected {row.expected_columns} fields as in the header, got {row.actual_columns}"
            f"{line}: {row.text[:SHOWN]!r}"
        )
    reason = str(error).splitlines()[0][:200]
    if "UTF8" in reason:
        found = _first_unreadable(path)
        return DatasetError(f"{path}: expected readable CSV in UTF-8, got other bytes{found}")
    if "straddling" in reason:
        return DatasetError(
            f"{path}: expected rows of at most {block_bytes:,} bytes, got a longer one; a quotation mark "
            "that is never closed makes one row of all that follows"
        )
    return DatasetError(f"{path}: expected readable CSV in UTF-8: {reason}")


def _first_unreadable(path: Path) -> str:
    with opened_bytes(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f" in line {number}: {line.decode(errors='replace').strip()[:SHOWN]!r}"
    return ""
