"""Predictions on disk: one immutable Parquet part per shard, the evidence every report is made from."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from lifesign.errors import StorageError
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS

__all__ = [
    "INVALID_SCORES",
    "SERVER_CRASH",
    "Outcome",
    "part_path",
    "part_sizes",
    "prediction_schema",
    "read_part",
    "read_predictions",
    "replaced_file",
    "slice_column",
    "state_path",
    "statistic_column",
    "stored_part",
    "write_part",
]

INVALID_SCORES = "invalid_scores"
"""Reason of an answer that is no probability: NaN, infinite, or outside 0 to 1."""
SERVER_CRASH = "server_crash"
"""Reason of an image that the server went away over, crashed or hung, each time it had no other."""


class Outcome(StrEnum):
    """What became of a sample; every sample has one."""

    SCORED = "scored"
    NO_RESPONSE = "no_response"


def slice_column(name: str) -> str:
    """Return the column of a part that holds a metadata column of the data set."""
    return f"slice_{name}"


def statistic_column(name: str) -> str:
    """Return the column of a part that holds an image statistic of the model's input."""
    return f"stat_{name}"


def prediction_schema(metadata_columns: Sequence[str] = ()) -> pa.Schema:
    """Return the columns of a part.

    ``scores`` and ``logits`` have one value per class, in the model's order, and are null where there
    is no answer; ``reason`` is an ``ImageProblem``, a gRPC status name, ``invalid_scores`` or
    ``server_crash``, null for scored samples; ``notes`` are the conversions of the image, joined by
    commas; ``latency_seconds`` is that of the request the sample was in.
    """
    vector = pa.list_(pa.field("item", pa.float32()))
    return pa.schema(
        [
            ("sample_id", pa.string()),
            ("path", pa.string()),
            ("label", pa.string()),
            ("scores", vector),
            ("logits", vector),
            ("outcome", pa.string()),
            ("reason", pa.string()),
            ("detail", pa.string()),
            ("latency_seconds", pa.float32()),
            ("served_version", pa.int64()),
            ("subject_id", pa.string()),
            ("presentation_id", pa.string()),
            ("pai_species", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("notes", pa.string()),
            *((statistic_column(name), pa.float32()) for name in IMAGE_STATISTICS),
            *((slice_column(name), pa.string()) for name in metadata_columns),
        ]
    )


def part_path(run_dir: Path, index: int) -> Path:
    """Return where the predictions of a shard are."""
    return run_dir / "parts" / f"part-{index:05d}.parquet"


def state_path(run_dir: Path, index: int) -> Path:
    """Return where the merged counts of a shard are."""
    return run_dir / "parts" / f"part-{index:05d}.state.json"


def write_part(path: Path, table: pa.Table, *, facts: Mapping[str, str]) -> None:
    """Write a part whole or not at all; ``facts`` go into the file's own metadata.

    Raises:
        StorageError: the disk refused.
    """
    encoded: dict[Any, Any] = {key.encode(): value.encode() for key, value in facts.items()}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **encoded})
    with replaced_file(path) as file:
        # Most values are distinct, where dictionaries cost time and space; zstd finds those that are not.
        parquet.write_table(table, file, compression="zstd", use_dictionary=False)


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table | None:
    """Return a part, ``None`` where there is none or it cannot be read whole."""
    try:
        return parquet.ParquetFile(path).read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException):
        return None


def part_sizes(run_dir: Path) -> tuple[int, ...]:
    """Return the numbers of rows of the parts of a run, in order.

    Raises:
        StorageError: there is none, or one is damaged.
    """
    sizes: list[int] = []
    while (path := part_path(run_dir, len(sizes))).exists():
        try:
            sizes.append(parquet.read_metadata(path).num_rows)
        except (OSError, pa.ArrowException):
            raise StorageError(_damaged(path)) from None
    if not sizes:
        raise StorageError(f"{run_dir} holds no predictions: expected {part_path(run_dir, 0)}")
    return tuple(sizes)


def _damaged(path: Path) -> str:
    return f"{path} is damaged; run the evaluation again with --resume to redo it"


def stored_part(run_dir: Path, index: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the part of a finished shard, of ``columns`` those that it has.

    Raises:
        StorageError: it is missing or damaged; resuming the run redoes it.
    """
    path = part_path(run_dir, index)
    table = read_part(path, columns)
    if table is None:
        raise StorageError(_damaged(path))
    return table


def read_predictions(run_dir: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the parts of a run in order, one in memory at a time.

    Raises:
        StorageError: a part is missing or damaged; resuming the run redoes it.
    """
    index = 0
    while True:
        if not part_path(run_dir, index).exists():
            break
        yield stored_part(run_dir, index, columns)
        index += 1
    if index == 0:
        raise StorageError(f"{run_dir} holds no predictions: expected {part_path(run_dir, 0)}")


@contextmanager
def replaced_file(path: Path) -> Iterator[Any]:
    """Open a binary file that takes the place of ``path`` when the block ends well, and survives a power cut.

    Raises:
        StorageError: the disk refused; whatever was at ``path`` is still there.
    """
    # A process id is no name: processes of several machines may write here.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
