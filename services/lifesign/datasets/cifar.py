"""CIFAR-100 as published: pickled batches of 32 × 32 images, read without trusting the pickle."""

import hashlib
import io
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.errors import DatasetError, ImageError, ImageProblem
from lifesign.preprocessing import ImageLimits

__all__ = ["ARCHIVE_SCHEME", "MD5_OF", "ArchiveSource", "CifarBatch", "read_batch", "read_names"]

ARCHIVE_SCHEME = "cifar-100+"
"""What the root of a data set of archive rows begins with; the folder of the batches follows."""

MD5_OF = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}
"""Digests of the published files, as torchvision's CIFAR100 checks them."""

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE

# What pickled lists, texts and arrays need, by NumPy 1 and 2; all else could run code.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


@dataclass(frozen=True)
class CifarBatch:
    """``images`` uint8 ``(n, 32, 32, 3)`` and their class numbers, int64 ``(n,)``."""

    images: NDArray[np.uint8]
    fine: NDArray[np.int64]
    coarse: NDArray[np.int64]


@dataclass(frozen=True)
class ArchiveSource:
    """Images of the batches in ``folder``; the path of a sample is ``batch#row``, such as ``test#17``."""

    folder: str

    def read(self, path: str, limits: ImageLimits = ImageLimits()) -> bytes:  # noqa: ARG002
        """Return the image as BMP, pixel for pixel."""
        encoded = io.BytesIO()
        Image.fromarray(self._pixels(path)).save(encoded, format="BMP")
        return encoded.getvalue()

    def digest(self, path: str) -> str:
        """Return ``size:SHA-256`` of what is read, as of every source; ``missing`` without such a row."""
        try:
            content = self.read(path)
        except ImageError:
            return "missing"
        return f"{len(content)}:{hashlib.sha256(content).hexdigest()}"

    def _pixels(self, path: str) -> NDArray[np.uint8]:
        batch, _, row = path.partition("#")
        try:
            images = read_batch(Path(self.folder) / batch).images
            pixels: NDArray[np.uint8] = images[int(row)]
            return pixels
        except (DatasetError, ValueError, IndexError) as error:
            raise ImageError(ImageProblem.MISSING, f"{path}: no such row of the archive: {error}") from error


def read_batch(path: Path) -> CifarBatch:
    """Return a batch; the last ones read are kept in memory (150 MB for the training batch).

    Raises:
        DatasetError: not readable, or not what CIFAR-100 publishes.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    return _cached_batch(path, stamp)


def read_names(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the fine and of the coarse classes from the file ``meta``.

    Raises:
        DatasetError: not readable, or without names.
    """
    content = _unpickled(path)
    return _names(content, "fine_label_names", path), _names(content, "coarse_label_names", path)


@lru_cache(maxsize=2)
def _cached_batch(path: Path, stamp: int) -> CifarBatch:  # noqa: ARG001
    content = _unpickled(path)
    data = content.get("data")
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape[1:] == (_PIXELS,)):
        shape = getattr(data, "shape", type(data).__name__)
        raise DatasetError(f"{path}: expected data of uint8 (n, {_PIXELS}), got {shape}")
    images = np.ascontiguousarray(data.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))
    labels = {name: np.asarray(content.get(name, []), np.int64) for name in ("fine_labels", "coarse_labels")}
    for name, values in labels.items():
        if values.shape != (len(images),):
            raise DatasetError(f"{path}: expected {len(images)} {name}, got {values.shape}")
    return CifarBatch(images, labels["fine_labels"], labels["coarse_labels"])


def _names(content: dict[str, Any], key: str, path: Path) -> tuple[str, ...]:
    names = content.get(key)
    if not isinstance(names, list) or not names:
        raise DatasetError(f"{path}: expected a list {key}, got {sorted(content)}")
    return tuple(str(name) for name in names)


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = _PlainUnpickler(file, encoding="bytes").load()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        # A damaged pickle fails in ways nobody listed.
        raise DatasetError(f"{path}: not a CIFAR-100 batch: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: expected a pickled dict, got {type(content).__name__}")
    return {_text(key): _plain(value) for key, value in content.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [_text(one) if isinstance(one, bytes) else one for one in value]


class _PlainUnpickler(pickle.Unpickler):
    """Builds lists, texts and arrays, and refuses to import anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no image batch needs")
        # The published files name NumPy 1's modules, which NumPy 2 only keeps with a warning.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
