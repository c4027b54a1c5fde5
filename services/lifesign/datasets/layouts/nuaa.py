r"""NUAA Photograph Imposter Database: ``ClientRaw/0010/0010_01_05_03_115.jpg`` and lists per split.

A name is ``ID_glasses_position_session_picture``. Lists such as ``client_train_raw.txt`` have one path per
line, with ``/`` or ``\``; numbers after it (boxes, eyes) are not used, for what they mean is not published
with them. Client and imposter pictures share the ids of people, so these count as the same subjects.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lifesign.datasets.layouts.layout import Layout, LayoutRows, Rejection, UnusableError, sample_row
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = ["NUAA"]

_TITLE = "NUAA"
_DATASET = "nuaa"
_SPECIES = "print_photo"
_FOLDERS = {"raw": "Raw", "face": "Face", "normalized": "Normalized"}
_LIST = re.compile(r"(?:^|/)(client|imposter)_(train|test)_(raw|face|normalized)\.txt$", re.IGNORECASE)
_NAME = re.compile(
    r"(?P<subject>\d{4})_(?P<glasses>\d\d)_(?P<position>\d\d)_(?P<session>\d\d)_(?P<picture>\d+)$"
)
_GLASSES = {"00": "with", "01": "without"}
# The readme gives 08 twice: window open with lights off, and sitting still.
_LIGHTING = {
    "05": "window_closed_lights_on",
    "07": "window_open_lights_on",
    "08": "window_open_lights_off_or_still",
}


@dataclass(frozen=True)
class _List:
    path: str
    who: str
    split: str
    folder: str


def _matches(tree: Tree) -> bool:
    return any(re.search(r"(^|/)Client(Raw|Face|Normalized)$", folder) for folder in tree.folders)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:
    variants = {match[3].lower() for path in tree.files if (match := _LIST.search(path))}
    variant = protocol or next((one for one in _FOLDERS if one in variants), "raw")
    if variant not in variants:
        raise DatasetError(
            f"{tree.root}: {_TITLE}: expected lists such as client_train_{variant}.txt, got "
            f"{', '.join(sorted(variants)) or 'no lists'}"
        )
    rows: dict[str, Mapping[str, str | None]] = {}
    rejections: list[Rejection] = []
    for one in _lists(tree, variant):
        for path in _listed(tree, one):
            try:
                if path in rows:
                    raise UnusableError("listed twice")
                rows[path] = _row(path, one)
            except UnusableError as problem:
                rejections.append(Rejection(path, f"{problem} ({one.path})"))
    known = rows.keys() | {one.sample for one in rejections}
    rejections += [
        Rejection(path, "in no list")
        for path in tree.images
        if path not in known and f"{_FOLDERS[variant].lower()}/" in path.lower()
    ]
    notes = ("there is no development split; training carves one from train, by subject",)
    return LayoutRows(RowTable(rows.values()), tuple(rejections), notes)


def _lists(tree: Tree, variant: str) -> Iterator[_List]:
    for path in tree.files:
        match = _LIST.search(path)
        if match and match[3].lower() == variant:
            who, split = match[1].lower(), match[2].lower()
            parent = path.rpartition("/")[0]
            yield _List(path, who, split, _folder(tree, parent, f"{who}{variant}"))


def _folder(tree: Tree, parent: str, name: str) -> str:
    found = [one for one in tree.subfolders(parent) if one.rpartition("/")[2].lower() == name]
    if not found:
        raise DatasetError(
            f"{tree.root}: {_TITLE}: expected a folder {name} beside its list, got {tree.entries(parent)}"
        )
    return found[0]


def _listed(tree: Tree, one: _List) -> Iterator[str]:
    for line in tree.text(one.path).splitlines():
        words = line.split()
        if words:
            yield f"{one.folder}/{words[0].replace(chr(92), '/')}"


def _row(path: str, one: _List) -> Mapping[str, str | None]:
    match = _NAME.search(path.rpartition(".")[0])
    if match is None:
        raise UnusableError("the name is not ID_glasses_position_session_picture")
    if match["subject"] not in path.split("/")[-2:-1]:
        raise UnusableError(f"the name is of subject {match['subject']}, the folder of another")
    position = match["position"]
    return sample_row(
        path,
        dataset=_DATASET,
        species=None if one.who == "client" else _SPECIES,
        split=one.split,
        subject=match["subject"],
        presentation=f"{one.who}-{match['subject']}_{match['glasses']}_{position}_{match['session']}",
        frame=int(match["picture"]),
        glasses=_GLASSES.get(match["glasses"]),
        lighting=_LIGHTING.get(position),
        position=position,
        session=match["session"],
    )


NUAA = Layout("nuaa", _TITLE, _matches, _read, tuple(_FOLDERS))
