"""What the readers of table files share: the opened file, its bytes, and what Arrow finds wrong with it."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from lifesign.errors import DatasetError

__all__ = ["SHOWN", "Damaged", "TableFile", "nobody_listens", "opened_bytes"]

SHOWN = 60
"""Characters of a file that a message quotes at most."""


@dataclass(frozen=True)
class TableFile:
    """A table file: its column names, and how to read some of the columns again from the start.

    Cells are text in CSV; in the others text, numbers or truth values, one type per column and block.
    ``rows`` is exact but for CSV, where it counts lines. ``has_decimal_comma`` says that fields are split
    by semicolons, as where 0.5 is written 0,5.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    digest: str
    has_decimal_comma: bool
    read: Callable[[Sequence[str]], Iterator[pa.Table]]


def nobody_listens(share: float) -> None:
    """Tell nobody what share of a file has been read."""


def opened_bytes(path: Path) -> io.BufferedReader:
    """Open the bytes of a file, those inside where its name ends in ``.gz``, ``.bz2`` or ``.zst``."""
    return io.BufferedReader(pa.input_stream(str(path), compression="detect"))


class Damaged:
    """Says in a sentence what Arrow found wrong with a file of a ``kind``, such as Parquet."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self._kind = path, kind

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | Any
    ) -> None:
        if isinstance(error, pa.ArrowException | UnicodeDecodeError):
            reason = str(error).splitlines()[0][:200]
            raise DatasetError(f"{self._path}: expected a readable {self._kind} file: {reason}") from error
