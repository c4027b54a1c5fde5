"""A data set, whatever it was kept as, written as a manifest that every part of Lifesign reads."""

import io
import json
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from lifesign.datasets.cifar import ARCHIVE_SCHEME
from lifesign.datasets.coding import decoded
from lifesign.datasets.location import is_uri, joined
from lifesign.datasets.manifest import MANIFEST_SUFFIXES
from lifesign.datasets.reading import RawDataset
from lifesign.errors import DatasetError
from lifesign.labels import liveness_label, split_name

__all__ = ["manifest_bytes"]


def manifest_bytes(raw: RawDataset, out: Path) -> bytes:
    """Return the manifest to be written to ``out``, in the format of its suffix.

    Labels that are words of liveness become ``bona_fide`` and ``attack``, splits ``train``, ``dev`` and
    ``test``; sample ids stay, so that the data set keeps its digest. Paths are relative to the manifest
    where the images lie below it, else absolute or addresses.

    Raises:
        DatasetError: another suffix, or samples that are no files.
    """
    suffix = out.suffix.lower()
    if suffix not in MANIFEST_SUFFIXES:
        raise DatasetError(f"{out}: expected a manifest of {', '.join(MANIFEST_SUFFIXES)}")
    if raw.root.startswith(ARCHIVE_SCHEME):
        raise DatasetError(
            f"{raw.recognised}: rows of an archive have no path; give the archive itself to the commands"
        )
    table = _normalised(raw, out.resolve().parent)
    content = io.BytesIO()
    if suffix == ".parquet":
        parquet.write_table(table, content)
    elif suffix == ".csv":
        csv.write_csv(table, content, csv.WriteOptions(quoting_style="needed"))
    else:
        for row in table.to_pylist():
            content.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return content.getvalue()


def _normalised(raw: RawDataset, folder: Path) -> pa.Table:
    labels = raw.table["label"].to_pylist()
    words = {label: liveness_label(label) for label in set(labels)}
    if None not in words.values():
        labels = [words[label] for label in labels]
    splits = [split and (split_name(split) or split) for split in raw.table["split"].to_pylist()]
    paths = [_path_from(folder, raw.root, path) for path in raw.table["path"].to_pylist()]
    table = raw.table
    for name, values in (("label", labels), ("split", splits), ("path", paths)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    return decoded(
        table.select([name for name in table.column_names if table[name].null_count < table.num_rows])
    )


def _path_from(folder: Path, root: str, path: str) -> str:
    place = joined(root, path)
    if is_uri(place):
        return place
    try:
        return Path(place).relative_to(folder).as_posix()
    except ValueError:
        return place
