"""LCC-FASD: ``LCC_FASD_{training,development,evaluation}/{real,spoof}/*``, or flat, named real* and spoof*.

It names no subjects, so leakage between the splits cannot be checked, and no species.
"""

import re
from collections.abc import Mapping

from lifesign.datasets.layouts.layout import Layout, LayoutRows, Rejection, UnusableError, sample_row
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.tree import Tree
from lifesign.labels import split_name

__all__ = ["LCC_FASD"]

_FOLDER = re.compile(r"(?:^|/)LCC_FASD_(training|development|evaluation)(?:/|$)", re.IGNORECASE)
_CLASS = re.compile(r"(real|spoof)", re.IGNORECASE)


def _matches(tree: Tree) -> bool:
    return any(_FOLDER.search(folder) for folder in tree.folders)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    rows = RowTable()
    rejections: list[Rejection] = []
    for path in tree.images:
        try:
            rows.append(_row(path))
        except UnusableError as problem:
            rejections.append(Rejection(path, str(problem)))
    notes = (
        "the set names no subjects: a person in two splits would go unnoticed",
        "some copies have development and evaluation exchanged; check the counts against your source",
    )
    return LayoutRows(rows, tuple(rejections), notes)


def _row(path: str) -> Mapping[str, str | None]:
    folder = _FOLDER.search(path)
    if folder is None:
        raise UnusableError("not in LCC_FASD_training, _development or _evaluation")
    inside = path[folder.end() :].split("/")
    is_flat = len(inside) == 1
    named = _CLASS.match(inside[0]) if is_flat else _CLASS.fullmatch(inside[0])
    if named is None:
        raise UnusableError("neither in real/ or spoof/ nor named so")
    return sample_row(
        path,
        dataset="lcc-fasd",
        species=None if named[1].lower() == "real" else "",
        split=str(split_name(folder[1])),
    )


LCC_FASD = Layout("lcc-fasd", "LCC-FASD", _matches, _read)
