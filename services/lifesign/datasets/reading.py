"""A data set read into one table, whatever it is kept as: manifest, class folders, a published layout."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lifesign.datasets.folders import read_folders
from lifesign.datasets.layouts.catalogue import FOLDERS, detect_layout, layout_named
from lifesign.datasets.layouts.layout import Layout, LayoutRows, Rejection, chosen_protocol
from lifesign.datasets.location import is_uri, local_path, normal_location, parent_of, suffix_of
from lifesign.datasets.manifest import MANIFEST_SUFFIXES, find_manifest, read_manifest
from lifesign.datasets.remote import has_object
from lifesign.datasets.tree import Tree, list_tree
from lifesign.errors import DatasetError

__all__ = ["MANIFEST", "RawDataset", "read_raw"]

MANIFEST = "manifest"
"""The name, beside those of the layouts, for a set that is listed in a manifest."""


@dataclass(frozen=True)
class RawDataset:
    """The rows as found: ``table`` has the columns of ``SAMPLE_SCHEMA``, then metadata, all texts.

    Paths are relative to ``root``, which ``open_source`` opens. ``recognised`` says in words what the set
    was taken for, and ``rejections`` what in it is no sample.
    """

    root: str
    table: pa.Table
    layout: str
    recognised: str
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()


def read_raw(
    data: str | Path, *, layout: str | None = None, protocol: str | None = None, verify: bool = False
) -> RawDataset:
    """Read a manifest, a folder with a manifest in it, a published layout or class folders.

    Without ``layout`` a manifest goes before a layout, and a layout before class folders. With ``verify``
    the files must be those published, which only some layouts can tell.

    Raises:
        DatasetError: one sentence with what was expected and what was found.
        StorageError: the store behind an address did not answer.
        ConfigurationError: an address whose scheme needs a package or credentials that are not there.
    """
    place = normal_location(data)
    if _is_manifest_file(place):
        _refuse_choice(place, layout, protocol)
        return _from_manifest(parent_of(place), place)
    if layout is None and protocol is None and (manifest := find_manifest(place)) is not None:
        return _from_manifest(place, manifest)
    tree = list_tree(place)
    chosen = detect_layout(tree) if layout is None else layout_named(layout)
    if verify:
        _verify(tree, chosen)
    if chosen is not None:
        return _from_layout(tree, chosen, protocol)
    if protocol is not None:
        raise DatasetError(f"{place}: --protocol {protocol} needs a published layout, got class folders")
    return RawDataset(_absolute(place), read_folders(tree), FOLDERS, "class folders")


def _is_manifest_file(place: str) -> bool:
    """Tell a manifest from a folder.

    Raises:
        DatasetError: it is neither.
    """
    path = local_path(place)
    if path is None:
        return suffix_of(place) in MANIFEST_SUFFIXES and has_object(place)
    if path.is_dir():
        return False
    if not path.exists():
        raise DatasetError(f"{place}: no such file or folder")
    if not path.is_file():
        # Opening a pipe that nobody writes to would wait for ever.
        raise DatasetError(f"{place}: expected a file or folder, got a pipe, socket or device")
    if suffix_of(place) not in MANIFEST_SUFFIXES:
        raise DatasetError(f"{place}: expected a folder or one of {', '.join(MANIFEST_SUFFIXES)}")
    return True


def _refuse_choice(place: str, layout: str | None, protocol: str | None) -> None:
    if layout is not None or protocol is not None:
        raise DatasetError(f"{place}: a manifest has no layout or protocol; give its folder instead")


def _from_manifest(root: str, manifest: str) -> RawDataset:
    return RawDataset(_absolute(root), read_manifest(manifest), MANIFEST, f"the manifest {manifest}")


def _from_layout(tree: Tree, layout: Layout, protocol: str | None) -> RawDataset:
    protocol = chosen_protocol(layout, protocol)
    found = layout.read(tree, protocol)
    if not found.rows:
        first = f"; the first of {len(found.rejections)} rejected: {_told(found)}" if found.rejections else ""
        raise DatasetError(f"{tree.root}: recognised as {layout.title}, with no usable sample{first}")
    words = f"{layout.title} ({layout.name})" + (f", protocol {protocol}" if protocol else "")
    root = _absolute(tree.root) if found.root is None else found.root
    return RawDataset(root, found.rows.finish(), layout.name, words, found.rejections, found.notes)


def _verify(tree: Tree, layout: Layout | None) -> None:
    if layout is None or layout.verify is None:
        name = "class folders" if layout is None else layout.title
        raise DatasetError(f"{tree.root}: {name}: no digests are published that the files could be held to")
    layout.verify(tree)


def _told(found: LayoutRows) -> str:
    return f"{found.rejections[0].sample}: {found.rejections[0].reason}"


def _absolute(root: str) -> str:
    return root if is_uri(root) else str(Path(root).resolve())
