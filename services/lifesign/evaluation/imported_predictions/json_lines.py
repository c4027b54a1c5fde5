"""Predictions as JSON Lines: one object per line, any of whose keys may be missing.

Arrow's parser reads four times as fast as Python's, but guesses: times from text, floats from large whole
numbers. What it refuses or may have guessed wrongly is read again by Python's, which also names the line.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.table import SHOWN, Damaged, TableFile, opened_bytes

__all__ = ["open_lines"]

_BLOCK_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHOLE_IN_A_FLOAT = 2.0**53


def open_lines(path: Path, digest: str, tell: Callable[[float], None]) -> TableFile:
    """Open a file of JSON Lines; ``digest`` is of its bytes, ``tell`` hears what share has been read.

    Any line may bring a new key, so all are read before the columns are known.

    Raises:
        DatasetError: a line that is no JSON object or holds a list or object, or bytes that are not UTF-8.
    """
    kinds: dict[str, set[pa.DataType]] = {}
    rows = done = 0
    size = path.stat().st_size
    for block, table in _tables(_Parser(path)):
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
        rows += table.num_rows
        done += len(block)
        tell(min(1.0, done / size))
    return TableFile(path, tuple(kinds), rows, digest, False, partial(_read, path, _settled(kinds)))


def _settled(kinds: Mapping[str, set[pa.DataType]]) -> Mapping[str, pa.DataType]:
    """Return the type of columns that have one throughout; elsewhere some blocks may lack all values."""
    found = {name: types - {pa.null()} for name, types in kinds.items()}
    return {name: next(iter(types)) for name, types in found.items() if len(types) == 1}


def _read(path: Path, types: Mapping[str, pa.DataType], columns: Sequence[str]) -> Iterator[pa.Table]:
    for _, table in _tables(_Parser(path, types, columns)):
        for name in columns:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
        yield table.select(list(columns))


def _tables(parser: "_Parser") -> Iterator[tuple[bytes, pa.Table]]:
    with Damaged(parser.path, "JSON Lines"):
        for block in _blocks(parser.path):
            table = parser.table(block)
            if table.num_rows:
                yield block, table


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of whole lines."""
    rest: list[bytes] = []
    with opened_bytes(path) as file:
        while block := file.read(_BLOCK_BYTES):
            if not rest:
                block = block.removeprefix(_BYTE_ORDER_MARK)
            ended = block.rfind(b"\n") + 1
            if ended:
                yield b"".join([*rest, block[:ended]])
                rest = []
            rest.append(block[ended:])
    if any(rest):
        yield b"".join(rest)


class _Parser:
    """Parses blocks of lines in turn.

    ``columns`` are the keys that matter, ``None`` for all; where the types of all of them are known,
    Arrow need not look at the others.
    """

    def __init__(
        self, path: Path, types: Mapping[str, pa.DataType] | None = None, columns: Sequence[str] | None = None
    ) -> None:
        self.path, self._columns = path, columns
        self._types = {name: kind for name, kind in (types or {}).items() if name in (columns or ())}
        self._others = "infer" if columns is None or set(columns) - set(self._types) else "ignore"
        self._line = 1

    def table(self, block: bytes) -> pa.Table:
        """Return the rows of a block; columns come in the order of first keys."""
        ends = block.count(b"\n") + (not block.endswith(b"\n"))
        table = self._guessed(block)
        if table is None or table.num_rows not in (ends, _filled_lines(block)):
            table = self._table_by_python(block)
        self._line += ends
        return table

    def _guessed(self, block: bytes) -> pa.Table | None:
        """Return what Arrow reads, ``None`` where that is nothing or nothing to rely on."""
        try:
            table = arrow_json.read_json(
                pa.BufferReader(block),
                read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                parse_options=arrow_json.ParseOptions(
                    explicit_schema=pa.schema(self._types), unexpected_field_behavior=self._others
                ),
            )
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        if self._columns is not None:
            table = table.select([name for name in table.column_names if name in self._columns])
        times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
        if times:
            # It is text here, and stays so in all blocks that follow.
            self._types |= dict.fromkeys(times, pa.string())
            return self._guessed(block)
        return table if all(_is_certain(column) for column in table.columns) else None

    def _table_by_python(self, block: bytes) -> pa.Table:
        rows: list[tuple[int, Mapping[str, Any]]] = []
        for number, line in enumerate(block.split(b"\n"), self._line):
            if line.strip():
                rows.append((number, self._object(number, line)))
        names = dict.fromkeys(name for _, row in rows for name in row)
        wanted = [name for name in names if self._columns is None or name in self._columns]
        return pa.table({name: self._column(rows, name) for name in wanted})

    def _object(self, number: int, line: bytes) -> Mapping[str, Any]:
        text = ""
        try:
            text = line.decode()
            row = json.loads(text)
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{self.path}: expected UTF-8 text in line {number}, got {error.reason} at byte "
                f"{error.start + 1}"
            ) from None
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise DatasetError(
                f"{self.path}: expected JSON in line {number}, got {_shown(text)}: {reason}; "
                "write one object per line"
            ) from None
        if not isinstance(row, dict):
            raise DatasetError(
                f"{self.path}: expected a JSON object in line {number}, got {_shown(text)}; write one object "
                "per line, without brackets around all"
            )
        return row

    def _column(self, rows: Sequence[tuple[int, Mapping[str, Any]]], name: str) -> pa.Array:
        values = [row.get(name) for _, row in rows]
        if all(one is None or isinstance(one, float) for one in values):
            return pa.array(values, pa.float64())
        cells = []
        for (number, _), value in zip(rows, values, strict=True):
            if isinstance(value, list | dict):
                raise DatasetError(
                    f"{self.path}: expected text or a number as {name!r} in line {number}, got "
                    f"{json.dumps(value)[:SHOWN]}; a list of scores is one column score_<class> per class"
                )
            text = _text(value)
            if text is not None and not _is_unicode(text):
                raise DatasetError(
                    f"{self.path}: expected Unicode text as {name!r} in line {number}, got {text[:SHOWN]!a}"
                )
            cells.append(text)
        return pa.array(cells, pa.string())


def _filled_lines(block: bytes) -> int:
    return sum(not line.isspace() for line in block.splitlines())


def _is_certain(column: pa.ChunkedArray) -> bool:
    if pa.types.is_nested(column.type):
        return False
    if not pa.types.is_floating(column.type):
        return True
    # A float that large may have been a whole number of more digits.
    large = pc.max(pc.abs(column)).as_py()
    return large is None or not large >= _WHOLE_IN_A_FLOAT


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(text.strip()[:SHOWN])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    return repr(value)
