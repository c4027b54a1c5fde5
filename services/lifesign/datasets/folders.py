"""Data sets kept as folders: ``root[/split]/class[/species]/**``."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.errors import DatasetError
from lifesign.labels import IGNORED_NAMES, split_name

__all__ = ["read_folders"]

# Those that cannot be decoded are samples too: they must show up as unanswered, not vanish.
_IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif", ".jp2"}
)


def read_folders(root: Path) -> pa.Table:
    """Return one row per image file, with the class folder's own name as ``label``.

    The first folder below a class is the species; deeper ones are only searched. ``.DS_Store``,
    ``__MACOSX``, hidden entries and files that are no images are passed over.

    Raises:
        DatasetError: no class folders, class folders mixed with split folders, an empty class, or a
            folder that cannot be read.
    """
    try:
        return _read(root)
    except OSError as error:
        raise DatasetError(f"{error.filename}: cannot be read: {error.strerror or error}") from error


def _read(root: Path) -> pa.Table:
    tops = _folders(root)
    if not tops:
        raise DatasetError(
            f"{root}: expected class folders such as real/ and fake/ (or train/, dev/, test/ with class "
            f"folders in them) or a manifest.csv, got {_listing(root)}"
        )
    splits = [top for top in tops if split_name(top.name) is not None]
    if splits and len(splits) != len(tops):
        raise DatasetError(
            f"{root}: expected either split folders or class folders, got both: "
            f"splits {[top.name for top in splits]}, others {[top.name for top in tops if top not in splits]}"
        )
    rows: list[dict[str, str | None]] = []
    for split_folder in splits or [root]:
        split = split_name(split_folder.name) if splits else None
        classes = _folders(split_folder)
        if not classes:
            raise DatasetError(f"{split_folder}: expected class folders, got {_listing(split_folder)}")
        for class_folder in classes:
            found = list(_samples(root, class_folder, split))
            if not found:
                raise DatasetError(f"class folder {class_folder} has no image: got {_listing(class_folder)}")
            rows.extend(found)
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def _samples(root: Path, class_folder: Path, split: str | None) -> Iterator[dict[str, str | None]]:
    for path in _images(class_folder):
        inside = path.relative_to(class_folder).parts
        relative = path.relative_to(root).as_posix()
        yield {
            "sample_id": relative,
            "path": relative,
            "label": class_folder.name,
            "split": split,
            "pai_species": inside[0] if len(inside) > 1 else None,
        }


def _images(folder: Path) -> Iterator[Path]:
    visited: set[str] = set()
    for where, names, files in os.walk(folder, onerror=_stop, followlinks=True):
        # A link to a folder above would be walked for ever.
        real = os.path.realpath(where)
        if real in visited:
            names.clear()
            continue
        visited.add(real)
        names[:] = sorted(name for name in names if not _is_ignored(name))
        for name in sorted(files):
            if not _is_ignored(name) and Path(name).suffix.lower() in _IMAGE_SUFFIXES:
                yield Path(where) / name


def _stop(error: OSError) -> None:
    """Images that cannot be listed must not vanish from the set unseen."""
    raise error


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not _is_ignored(entry.name))


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in IGNORED_NAMES


def _listing(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}" if names else "an empty folder"
