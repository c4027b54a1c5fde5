"""Data sets kept as folders: ``root[/split]/class[/species]/**``."""

from collections.abc import Iterator

import pyarrow as pa

from lifesign.datasets.coding import TextTable
from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.location import joined
from lifesign.datasets.paths import Paths
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError
from lifesign.labels import split_name

__all__ = ["read_folders"]

_ROWS_AT_ONCE = 8_192


def read_folders(tree: Tree) -> pa.Table:
    """Return one row per image file, with the class folder's own name as ``label``.

    The first folder below a class is the species; deeper ones are only searched. Files that are no
    images are passed over.

    Raises:
        DatasetError: no class folders, class folders mixed with split folders, or an empty class.
    """
    tops = tree.subfolders()
    if not tops:
        raise DatasetError(
            f"{tree.root}: expected class folders such as real/ and fake/ (or train/, dev/, test/ with class "
            f"folders in them), a manifest.csv or a published layout, got {_listing(tree, '')}"
        )
    splits = [top for top in tops if split_name(top) is not None]
    if splits and len(splits) != len(tops):
        raise DatasetError(
            f"{tree.root}: expected either split folders or class folders, got both: "
            f"splits {splits}, others {[top for top in tops if top not in splits]}"
        )
    classes: list[tuple[str, str | None]] = []
    for folder in splits or [""]:
        inside = tree.subfolders(folder)
        if not inside:
            raise DatasetError(
                f"{joined(tree.root, folder)}: expected class folders, got {_listing(tree, folder)}"
            )
        classes += [(one, split_name(folder) if splits else None) for one in inside]
    table, filled = _table(tree, classes)
    _refuse_empty(tree, classes, filled)
    return table


def _table(tree: Tree, classes: list[tuple[str, str | None]]) -> tuple[pa.Table, set[str]]:
    """Return the rows, and the class folders that have any."""
    split_of, depth = dict(classes), _depth(classes)
    table, filled = TextTable(), set[str]()
    for paths in _some_at_a_time(tree.images):
        parts = [path.split("/", depth + 1) for path in paths.to_pylist()]
        folders = ["/".join(words[:depth]) for words in parts]
        kept = [place for place, folder in enumerate(folders) if folder in split_of]
        filled.update(folders[place] for place in kept)
        if not kept:
            continue
        paths = paths if len(kept) == len(paths) else paths.take(pa.array(kept))
        columns: dict[str, list[str | None]] = {
            "label": [parts[place][depth - 1] for place in kept],
            "split": [split_of[folders[place]] for place in kept],
            "pai_species": [parts[place][depth] if len(parts[place]) > depth + 1 else None for place in kept],
        }
        arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        nothing = pa.nulls(len(kept), pa.string())
        arrays |= {"sample_id": paths, "path": paths}
        table.append({name: arrays.get(name, nothing) for name in SAMPLE_SCHEMA.names})
    return table.finish(), filled


def _some_at_a_time(paths: Paths) -> Iterator[pa.StringArray]:
    for chunk in paths.chunks:
        for start in range(0, len(chunk), _ROWS_AT_ONCE):
            yield chunk.slice(start, _ROWS_AT_ONCE).cast(pa.string())


def _refuse_empty(tree: Tree, classes: list[tuple[str, str | None]], filled: set[str]) -> None:
    for folder, _ in classes:
        if folder not in filled:
            raise DatasetError(
                f"class folder {joined(tree.root, folder)} has no image: got {_listing(tree, folder)}"
            )


def _depth(classes: list[tuple[str, str | None]]) -> int:
    """Return how many folders deep the class folders are: 1, or 2 below split folders."""
    return classes[0][0].count("/") + 1


def _listing(tree: Tree, folder: str) -> str:
    names = tree.entries(folder)
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}" if names else "an empty folder"
