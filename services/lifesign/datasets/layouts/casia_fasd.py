"""CASIA-FASD: videos ``{train,test}_release/<n>/{1..8,HR_1..HR_4}``.

Live are 1, 2 and HR_1; warped print 3, 4, HR_2; cut print 5, 6, HR_3; replay 7, 8 and HR_4 (which several
loaders take for live). Folder 1 of the test is not person 1 of the training: its people are 21 to 50.
"""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, UnusableError
from lifesign.datasets.layouts.videos import Presentation, read_videos
from lifesign.datasets.tree import Tree

__all__ = ["CASIA_FASD"]

_TITLE = "CASIA-FASD"
_RELEASE = re.compile(r"(?:^|/)(train|test)_release(?:/|$)")
_KEY = re.compile(r"(?:^|/)(?P<split>train|test)_release/(?P<number>\d+)/(?P<name>[1-8]|HR_[1-4])$")
_PEOPLE = {"train": range(1, 21), "test": range(1, 31)}
_BEFORE_TEST = 20
_SPECIES = {
    **dict.fromkeys(("1", "2", "HR_1")),
    **dict.fromkeys(("3", "4", "HR_2"), "print_warped"),
    **dict.fromkeys(("5", "6", "HR_3"), "print_cut"),
    **dict.fromkeys(("7", "8", "HR_4"), "replay_video"),
}


def _matches(tree: Tree) -> bool:
    return any(_RELEASE.search(folder) for folder in tree.folders)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    found = read_videos(tree, title=_TITLE, dataset="casia-fasd", describe=_describe)
    notes = ("there is no development split; training carves one from train, by subject",)
    return LayoutRows(found.rows, found.rejections, notes)


def _describe(key: str) -> Presentation:
    match = _KEY.search(key)
    if match is None:
        raise UnusableError("not {train,test}_release/<n>/{1..8,HR_1..HR_4}")
    split, name, number = match["split"], match["name"], int(match["number"])
    if number not in _PEOPLE[split]:
        people = _PEOPLE[split]
        raise UnusableError(f"person outside the {split} range {people.start} to {people.stop - 1}")
    person = f"{number + (_BEFORE_TEST if split == 'test' else 0):02d}"
    return Presentation(
        presentation=f"{person}-{name}",
        species=_SPECIES[name],
        split=split,
        subject=person,
        metadata={"quality": _quality(name)},
    )


def _quality(name: str) -> str:
    if name.startswith("HR_"):
        return "high"
    return "low" if int(name) % 2 else "normal"


CASIA_FASD = Layout("casia-fasd", _TITLE, _matches, _read)
