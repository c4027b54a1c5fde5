"""The rows of a layout, gathered by and by: a million of them as Python mappings would take a gigabyte."""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from lifesign.datasets.coding import TextTable
from lifesign.datasets.columns import SAMPLE_SCHEMA

__all__ = ["RowTable"]

_ROWS_AT_ONCE = 8_192


class RowTable:
    """Rows with the columns of ``SAMPLE_SCHEMA`` and metadata, as texts; what a row does not name is null."""

    def __init__(self, rows: Iterable[Mapping[str, str | None]] = ()) -> None:
        self._table = TextTable()
        self._waiting: list[Mapping[str, str | None]] = []
        self._told: dict[str, None] = {}
        self.extend(rows)

    def __len__(self) -> int:
        return len(self._table) + len(self._waiting)

    def append(self, row: Mapping[str, str | None]) -> None:
        """Add a row."""
        self._waiting.append(row)
        if len(self._waiting) == _ROWS_AT_ONCE:
            self._flush()

    def extend(self, rows: Iterable[Mapping[str, str | None]]) -> None:
        """Add some rows."""
        for row in rows:
            self.append(row)

    def tells(self, column: str) -> bool:
        """Tell whether any row has a value in a column."""
        self._flush()
        return column in self._told

    def finish(self) -> pa.Table:
        """Return the rows, and keep none; metadata that no row has is left out."""
        self._flush()
        table = self._table.finish()
        names = list(dict.fromkeys([*SAMPLE_SCHEMA.names, *self._told]))
        return table.select(names)

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows, self._waiting = self._waiting, []
        for row in rows:
            if not self._told.keys() >= row.keys():
                self._told.update((name, None) for name, value in row.items() if value is not None)
        names = dict.fromkeys([*SAMPLE_SCHEMA.names, *self._told])
        columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
        if columns["sample_id"].equals(columns["path"]):
            columns["path"] = columns["sample_id"]
        self._table.append(columns)
