"""Predictions as Parquet, a part of a row group at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from lifesign.evaluation.imported_predictions.table import Damaged, TableFile

__all__ = ["open_parquet"]

_BATCH_VALUES = 1 << 20
_BATCH_ROWS = 1 << 16
_BUFFER_BYTES = 1 << 20


def open_parquet(path: Path, digest: str) -> TableFile:
    """Open a Parquet file; ``digest`` is of its bytes.

    Raises:
        DatasetError: it is none, or damaged.
    """

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        rows = min(_BATCH_ROWS, max(1, _BATCH_VALUES // max(1, len(columns))))
        # Without pre-buffering a row group of any size is read as it is decoded.
        with (
            Damaged(path, "Parquet"),
            parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            for batch in file.iter_batches(rows, columns=list(columns), use_threads=False):
                yield pa.Table.from_batches([batch])

    with Damaged(path, "Parquet"), parquet.ParquetFile(path) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
    return TableFile(path, tuple(names), rows, digest, False, read)
