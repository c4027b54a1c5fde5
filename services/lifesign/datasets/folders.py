"""Data sets kept as folders: ``root[/split]/class[/species]/**``."""

import pyarrow as pa

from lifesign.datasets.columns import SAMPLE_SCHEMA
from lifesign.datasets.location import joined
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError
from lifesign.labels import split_name

__all__ = ["read_folders"]


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
    table = _table(tree, classes)
    _refuse_empty(tree, classes, table)
    return table


def _table(tree: Tree, classes: list[tuple[str, str | None]]) -> pa.Table:
    split_of = dict(classes)
    depth = _depth(classes)
    columns: dict[str, list[str | None]] = {"path": [], "label": [], "split": [], "pai_species": []}
    for path in tree.images:
        parts = path.split("/", depth + 1)
        folder = "/".join(parts[:depth])
        if folder not in split_of:
            continue
        columns["path"].append(path)
        columns["label"].append(parts[depth - 1])
        columns["split"].append(split_of[folder])
        columns["pai_species"].append(parts[depth] if len(parts) > depth + 1 else None)
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    arrays["sample_id"] = arrays["path"]
    count = len(columns["path"])
    return pa.table({name: arrays.get(name, pa.nulls(count, pa.string())) for name in SAMPLE_SCHEMA.names})


def _refuse_empty(tree: Tree, classes: list[tuple[str, str | None]], table: pa.Table) -> None:
    depth = _depth(classes)
    filled = {"/".join(path.split("/")[:depth]) for path in table["path"].to_pylist()}
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
