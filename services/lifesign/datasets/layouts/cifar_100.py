"""CIFAR-100, the Python archive: ``cifar-100-python/{train,test,meta}``; samples are rows, not files.

With the protocol ``fine`` (the default) the classes are the 100 fine ones, and the 20 superclasses are the
column ``superclass``; with ``coarse`` it is the other way round, with the column ``subclass``.
"""

import hashlib
from pathlib import Path

from lifesign.datasets.cifar import ARCHIVE_SCHEME, MD5_OF, read_batch, read_names
from lifesign.datasets.layouts.layout import Layout, LayoutRows
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.location import local_path
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = ["CIFAR_100"]

_TITLE = "CIFAR-100"
_FOLDER = "cifar-100-python"
_SPLITS = ("train", "test")


def _matches(tree: Tree) -> bool:
    return _base(tree) is not None


def _base(tree: Tree) -> str | None:
    for base in ("", f"{_FOLDER}/"):
        names = {f"{base}{name}" for name in ("meta", *_SPLITS)}
        if all(name in tree.files for name in names) and (base or tree.root.rstrip("/").endswith(_FOLDER)):
            return base
    return None


def _read(tree: Tree, protocol: str | None) -> LayoutRows:
    folder = _folder(tree)
    fine_names, coarse_names = read_names(folder / "meta")
    is_coarse = protocol == "coarse"
    rows = RowTable()
    for split in _SPLITS:
        batch = read_batch(folder / split)
        for row, (fine, coarse) in enumerate(zip(batch.fine, batch.coarse, strict=True)):
            names = _named(fine_names, int(fine)), _named(coarse_names, int(coarse))
            rows.append(
                {
                    "sample_id": f"{split}#{row}",
                    "path": f"{split}#{row}",
                    "label": names[1] if is_coarse else names[0],
                    "split": split,
                    "dataset": "cifar-100",
                    "subclass" if is_coarse else "superclass": names[0] if is_coarse else names[1],
                }
            )
    return LayoutRows(rows, root=f"{ARCHIVE_SCHEME}{folder.resolve()}")


def _folder(tree: Tree) -> Path:
    root, base = local_path(tree.root), _base(tree)
    if root is None:
        raise DatasetError(f"{tree.root}: {_TITLE}: expected a local folder, the archive is read as a whole")
    if base is None:
        raise DatasetError(
            f"{tree.root}: {_TITLE}: expected meta, train and test in {_FOLDER}, got {tree.entries()}"
        )
    return root / base


def _named(names: tuple[str, ...], index: int) -> str:
    if not 0 <= index < len(names):
        raise DatasetError(f"{_TITLE}: expected class numbers 0 to {len(names) - 1}, got {index}")
    return names[index]


def _verify(tree: Tree) -> None:
    folder = _folder(tree)
    strange = sorted(name for name, digest in MD5_OF.items() if _md5(folder / name) != digest)
    if strange:
        raise DatasetError(f"{folder}: {', '.join(strange)} differ from the published files (MD5)")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


CIFAR_100 = Layout("cifar-100", _TITLE, _matches, _read, ("fine", "coarse"), _verify)
