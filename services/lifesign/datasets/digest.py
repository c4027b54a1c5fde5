"""The digest of a data set: what its samples are, and the bytes of their images."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.datasets.coding import decoded
from lifesign.datasets.parallel import map_paths
from lifesign.datasets.sources import MISSING, ImageSource
from lifesign.datasets.taking import rows_at

__all__ = ["data_digest", "images_digest"]

_ROWS_AT_ONCE = 4_096
# Where a file lies is left out: a data set keeps its digest when it moves.
_NO_FACTS = frozenset({"path", "split"})


def data_digest(
    source: ImageSource, table: pa.Table, threads: int, *, fingerprints: NDArray[np.uint64] | None = None
) -> str:
    """Return the SHA-256 over the rows sorted by sample id, each with the size and SHA-256 of its image.

    Images are read in ``threads``, each once; in memory are some rows at a time, however many there are.
    ``fingerprints``, uint64 ``(n,)`` in the order of the table, receives the first 64 bits of each image's
    SHA-256, 0 for one that is missing.

    Raises:
        StorageError: the store behind an address did not answer.
    """
    facts = [name for name in table.column_names if name not in _NO_FACTS]
    whole = hashlib.sha256(json.dumps(facts).encode())
    encode = json.JSONEncoder(ensure_ascii=False).encode
    order = pc.sort_indices(table["sample_id"])
    with ThreadPoolExecutor(threads, thread_name_prefix="hash") as pool:
        for start in range(0, table.num_rows, _ROWS_AT_ONCE):
            places = order[start : start + _ROWS_AT_ONCE].to_numpy()
            rows = decoded(rows_at(table, places))
            files = map_paths(pool, source.digest, rows["path"].to_pylist())
            if fingerprints is not None:
                fingerprints[places] = [_fingerprint(one) for one in files]
            columns = [rows[name].to_pylist() for name in facts]
            for row in zip(*columns, files, strict=True):
                whole.update(encode(row).encode() + b"\n")
    return whole.hexdigest()


def images_digest(fingerprints: NDArray[np.uint64], labels: NDArray[np.int64], names: Sequence[str]) -> str:
    """Return the SHA-256 over classes and the images of each, whatever the order, ids and other columns.

    ``fingerprints``, uint64 ``(n,)``, are the first 64 bits of each image's SHA-256; ``labels``, int64
    ``(n,)``, count in ``names``.
    """
    whole = hashlib.sha256()
    for index in sorted(range(len(names)), key=names.__getitem__):
        images = np.sort(fingerprints[labels == index])
        if len(images):
            whole.update(json.dumps([names[index], len(images)]).encode())
            whole.update(images.astype(">u8").tobytes())
    return whole.hexdigest()


def _fingerprint(digest: str) -> int:
    return 0 if digest == MISSING else int(digest.partition(":")[2][:16], 16)
