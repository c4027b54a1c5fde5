"""Where predictions of a whole run are read from, again and again, a part and a few columns at a time."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.evaluation.replay.predictions import part_sizes, stored_part

__all__ = ["HeldPredictions", "PredictionSource", "StoredPredictions", "rows_of", "tables_of"]

_BLOCK = 16_384


class PredictionSource(Protocol):
    """Predictions in parts whose order and rows stay what they are."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows of the parts."""
        ...

    def part(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a part, of ``columns`` those that it has; ``None`` for all."""
        ...


class StoredPredictions:
    """The parts of a run's folder.

    Raises:
        StorageError: it holds none, or a part is damaged.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._sizes: tuple[int, ...] | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows of the parts."""
        if self._sizes is None:
            self._sizes = part_sizes(self._run_dir)
        return self._sizes

    def part(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a part."""
        return stored_part(self._run_dir, index, columns)


class HeldPredictions:
    """Tables in memory, cut where they are long, so that whoever reads them holds little more."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._parts = [
            table.slice(start, _BLOCK)
            for table in tables
            for start in range(0, max(1, table.num_rows), _BLOCK)
        ]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows of the parts."""
        return tuple(part.num_rows for part in self._parts)

    def part(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a part."""
        table = self._parts[index]
        if columns is None:
            return table
        return table.select([name for name in columns if name in table.column_names])


def tables_of(source: PredictionSource, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the parts in order, one in memory at a time."""
    for index in range(len(source.sizes)):
        yield source.part(index, columns)


def rows_of(source: PredictionSource, rows: NDArray[np.integer[Any]], columns: Sequence[str]) -> pa.Table:
    """Return a few rows of all parts, in the order asked for."""
    sizes = np.asarray(source.sizes, dtype=np.int64)
    ends = np.cumsum(sizes)
    order = np.argsort(rows, kind="stable")
    wanted = np.asarray(rows, dtype=np.int64)[order]
    tables, starts = [], ends - sizes
    cuts = np.searchsorted(wanted, np.append(starts, ends[-1:]))
    for index in np.flatnonzero(np.diff(cuts)).tolist():
        inside = wanted[cuts[index] : cuts[index + 1]] - starts[index]
        tables.append(source.part(index, columns).take(pa.array(inside)))
    if not tables:
        return source.part(0, columns).slice(0, 0)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_tables(tables).take(pa.array(back))
