"""Where the images of a data set are read from: a folder, an object store, or the rows of an archive."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lifesign.datasets.cifar import ARCHIVE_SCHEME, ArchiveSource
from lifesign.datasets.location import is_uri, joined, normal_location
from lifesign.datasets.remote import RemoteMissingError, read_object
from lifesign.errors import ImageError, ImageProblem
from lifesign.preprocessing import ImageLimits, read_image

__all__ = ["MISSING", "FileSource", "ImageSource", "open_source"]

MISSING = "missing"
"""Digest of an image that is not there."""


class ImageSource(Protocol):
    """Gives the encoded image of a sample by the ``path`` column; safe to call from several threads.

    What is no file gives bytes too (the rows of an archive as lossless BMP): there is one decoder.
    """

    def read(self, path: str, limits: ImageLimits = ImageLimits()) -> bytes:
        """Return the bytes of an image.

        Raises:
            ImageError: missing, unreadable or larger than ``limits.max_bytes``; this sample has no image.
            StorageError: the store did not answer; nothing can be said of the sample.
        """
        ...

    def digest(self, path: str) -> str:
        """Return ``size:SHA-256`` of an image, read once, or ``missing``."""
        ...


@dataclass(frozen=True)
class FileSource:
    """Images below ``root``, a local folder or an address; a path that is an address itself stands alone."""

    root: str

    def read(self, path: str, limits: ImageLimits = ImageLimits()) -> bytes:
        """Return the bytes of an image; messages name ``path``, wherever the root lies."""
        place = joined(self.root, path)
        try:
            if is_uri(place):
                return _read_remote(place, limits)
            return read_image(place, limits)
        except ImageError as error:
            text = str(error).replace(place, path).replace(str(Path(place)), path)
            raise ImageError(error.reason, text) from error

    def digest(self, path: str) -> str:
        """Return ``size:SHA-256``."""
        place = joined(self.root, path)
        try:
            if is_uri(place):
                data = read_object(place)
                return f"{len(data)}:{hashlib.sha256(data).hexdigest()}"
            local = Path(place)
            status = local.stat()
            if not stat.S_ISREG(status.st_mode):
                return MISSING
            with local.open("rb") as file:
                return f"{status.st_size}:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except (OSError, RemoteMissingError):
            return MISSING


def open_source(root: str | Path) -> ImageSource:
    """Return the source of a data set by its root, as ``Dataset.root`` and a run's record hold it."""
    text = normal_location(root)
    if text.startswith(ARCHIVE_SCHEME):
        return ArchiveSource(text.removeprefix(ARCHIVE_SCHEME))
    return FileSource(text)


def _read_remote(place: str, limits: ImageLimits) -> bytes:
    try:
        data = read_object(place, most_bytes=limits.max_bytes + 1)
    except RemoteMissingError as error:
        raise ImageError(ImageProblem.MISSING, str(error)) from error
    if len(data) > limits.max_bytes:
        raise ImageError(
            ImageProblem.TOO_LARGE, f"{place}: more than the {limits.max_bytes:,} bytes that are accepted"
        )
    return data
