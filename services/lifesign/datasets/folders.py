"""Data sets kept as folders: ``root[/split]/class[/species]/**``."""

from collections.abc import Iterator

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
    rows = list(_samples(tree, classes))
    _refuse_empty(tree, classes, rows)
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def _samples(tree: Tree, classes: list[tuple[str, str | None]]) -> Iterator[dict[str, str | None]]:
    split_of = dict(classes)
    depth = classes[0][0].count("/") + 1
    for path in tree.images:
        parts = path.split("/")
        folder = "/".join(parts[:depth])
        if folder not in split_of:
            continue
        inside = parts[depth:]
        yield {
            "sample_id": path,
            "path": path,
            "label": parts[depth - 1],
            "split": split_of[folder],
            "pai_species": inside[0] if len(inside) > 1 else None,
        }


def _refuse_empty(
    tree: Tree, classes: list[tuple[str, str | None]], rows: list[dict[str, str | None]]
) -> None:
    depth = classes[0][0].count("/") + 1
    filled = {"/".join(str(row["path"]).split("/")[:depth]) for row in rows}
    for folder, _ in classes:
        if folder not in filled:
            raise DatasetError(
                f"class folder {joined(tree.root, folder)} has no image: got {_listing(tree, folder)}"
            )


def _listing(tree: Tree, folder: str) -> str:
    names = tree.entries(folder)
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}" if names else "an empty folder"
