"""Tables on disk, block by block: CSV, JSON Lines or Parquet, from whatever tool wrote them."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from lifesign.errors import DatasetError
from lifesign.evaluation.imported_predictions.csv_file import open_csv
from lifesign.evaluation.imported_predictions.json_lines import open_lines
from lifesign.evaluation.imported_predictions.parquet_file import open_parquet
from lifesign.evaluation.imported_predictions.table import TableFile, nobody_listens

__all__ = ["SUFFIXES", "open_table"]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

_COMPRESSED = (".gz", ".bz2", ".zst")


def open_table(path: Path, tell: Callable[[float], None] = nobody_listens) -> TableFile:
    """Open a table file by its suffix; commas, semicolons or tabs separate the fields of a CSV.

    CSV and JSON Lines may be compressed: ``.csv.gz``. ``tell`` hears what share of the opening is done.

    Raises:
        DatasetError: no such file, another suffix, empty, damaged, not UTF-8, doubled column names.
    """
    suffix = _suffix(path)
    try:
        if not path.is_file():
            other = "a pipe, socket or device" if path.exists() else "no such file"
            what = "a folder" if path.is_dir() else other
            raise DatasetError(f"{path}: expected a file with one row per sample, got {what}")
        if path.stat().st_size == 0:
            raise DatasetError(f"{path}: expected a header and one row per sample, got an empty file")
        digest = _digest(path)
        if suffix == ".parquet":
            file = open_parquet(path, digest)
        elif suffix in (".csv", ".tsv"):
            file = open_csv(path, digest)
        else:
            file = open_lines(path, digest, tell)
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    _require_distinct(file.names, path)
    return file


def _suffix(path: Path) -> str:
    suffixes = [one.lower() for one in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in _COMPRESSED and suffixes[-2] != ".parquet":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in SUFFIXES:
        return suffix
    advice = {
        ".json": "; write one JSON object per line and name it .jsonl",
        ".xlsx": "; save the sheet as CSV",
        ".xls": "; save the sheet as CSV",
        ".txt": "; if its fields are separated by commas or tabs, name it .csv",
    }.get(suffix, "")
    raise DatasetError(
        f"{path}: expected a file ending in {', '.join(SUFFIXES)}, got {suffix or 'none'}{advice}"
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_distinct(names: Sequence[str], path: Path) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DatasetError(f"{path}: expected each column once, got {doubled} more than once")
