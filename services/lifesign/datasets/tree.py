"""The listing of a data set's folder, local or behind an address: what layouts are recognised from."""

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pyarrow as pa
from PIL import Image

from lifesign.datasets.location import is_uri, joined, local_path
from lifesign.datasets.parallel import map_paths
from lifesign.datasets.paths import Paths
from lifesign.datasets.remote import RemoteMissingError, list_objects, read_object
from lifesign.errors import DatasetError
from lifesign.labels import IGNORED_NAMES

__all__ = ["IMAGE_SUFFIXES", "Tree", "list_tree"]

# Those that cannot be decoded are samples too: they must show up as unanswered, not vanish.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif", ".jp2"}
)
_IMAGE = rf"(?i)\.(?:{'|'.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))})$"
# How Python spells the bytes of a name that are not UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")
_HEADER_BYTES = 64 * 1024
_READERS = 16

Value = TypeVar("Value")


@dataclass(frozen=True)
class Tree:
    """A folder and everything below: relative paths with forward slashes, sorted.

    Hidden entries, ``__MACOSX``, ``Thumbs.db`` and the like are left out.
    """

    root: str
    files: Paths
    folders: tuple[str, ...]

    @cached_property
    def images(self) -> Paths:
        """The files that are named like images.

        Raises:
            DatasetError: a name is not UTF-8, so that no table could hold it.
        """
        images = self.files.matching(_IMAGE)
        for chunk in images.chunks:
            try:
                chunk.cast(pa.string())
            except pa.ArrowInvalid:
                name = next(path for path in images if _SURROGATE.search(path))
                raise DatasetError(f"{self.root}: expected names in UTF-8, got {name!r}") from None
        return images

    def entries(self, folder: str = "") -> list[str]:
        """Return the names directly in a folder, sorted."""
        prefix = f"{folder}/" if folder else ""
        inside = (path[len(prefix) :] for path in chain(self.files, self.folders) if path.startswith(prefix))
        return sorted({path.partition("/")[0] for path in inside})

    def subfolders(self, folder: str = "") -> list[str]:
        """Return the folders directly in a folder, as paths, sorted."""
        prefix = f"{folder}/" if folder else ""
        return [path for path in self.folders if path.startswith(prefix) and "/" not in path[len(prefix) :]]

    def text(self, path: str) -> str:
        """Return a text file, UTF-8 with or without a byte-order mark.

        Raises:
            DatasetError: it cannot be read, or is no text.
        """
        try:
            return self._read(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{joined(self.root, path)}: expected text in UTF-8, got other bytes"
            ) from error

    def texts(self, paths: Iterable[str]) -> list[str | None]:
        """Return many text files, read in parallel; ``None`` for one that is not there or no text."""
        return _in_parallel(self._text_or_none, paths)

    def image_sizes(self, paths: Iterable[str]) -> list[tuple[int, int] | None]:
        """Return (width, height) as stored of many images, by their headers; ``None`` where there is none."""
        return _in_parallel(self._image_size, paths)

    def _text_or_none(self, path: str) -> str | None:
        try:
            return self.text(path) if path in self.files else None
        except DatasetError:
            return None

    def _image_size(self, path: str) -> tuple[int, int] | None:
        place = joined(self.root, path)
        try:
            if is_uri(place):
                head = io.BytesIO(read_object(place, most_bytes=_HEADER_BYTES))
                with Image.open(head) as image:
                    return image.size
            with Image.open(place) as image:
                return image.size
        except (OSError, ValueError, SyntaxError, RemoteMissingError, Image.DecompressionBombError):
            return None

    def _read(self, path: str) -> bytes:
        place = joined(self.root, path)
        if is_uri(place):
            return read_object(place)
        try:
            return Path(place).read_bytes()
        except OSError as error:
            raise DatasetError(f"{place}: cannot be read: {error.strerror or error}") from error


def list_tree(root: str) -> Tree:
    """List a folder.

    Raises:
        DatasetError: nothing there, or a folder that may not be read.
        StorageError: the store behind an address did not answer.
    """
    path = local_path(root)
    if path is None:
        files = Paths.of(name for name in list_objects(root) if not _is_ignored(name))
        return Tree(root, files, _folders_of(files))
    folders: list[str] = []
    try:
        files = Paths.of(_files_of(_walk(str(path), "", frozenset()), folders))
    except OSError as error:
        raise DatasetError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
    return Tree(str(path), files, tuple(sorted(folders)))


def _folders_of(files: Iterable[str]) -> tuple[str, ...]:
    direct = {name.rpartition("/")[0] for name in files}
    parents = {str(parent) for name in direct if name for parent in (name, *PurePosixPath(name).parents)}
    return tuple(sorted(parents - {"."}))


def _files_of(found: Iterable[tuple[str, bool]], folders: list[str]) -> Iterator[str]:
    for name, is_folder in found:
        if is_folder:
            folders.append(name)
        else:
            yield name


def _walk(folder: str, prefix: str, above: frozenset[str]) -> Iterator[tuple[str, bool]]:
    real = os.path.realpath(folder)
    # A link to a folder above would be walked for ever.
    if real in above:
        return
    inside = []
    with os.scandir(folder) as scan:
        for entry in scan:
            if _is_ignored(entry.name):
                continue
            is_folder = entry.is_dir()
            if is_folder:
                inside.append((entry.path, entry.name))
            yield prefix + entry.name, is_folder
    for path, name in inside:
        yield from _walk(path, f"{prefix}{name}/", above | {real})


def _is_ignored(path: str) -> bool:
    return any(part.startswith(".") or part.lower() in IGNORED_NAMES for part in path.split("/"))


def _in_parallel(function: Callable[[str], Value], paths: Iterable[str]) -> list[Value]:
    with ThreadPoolExecutor(_READERS, thread_name_prefix="list") as pool:
        return map_paths(pool, function, list(paths))
