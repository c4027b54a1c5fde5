"""ROSE-Youtu: all facts are in the names, ``L_S_D_x_E_p_N``.

L is the kind (G genuine; Ps, Pq print still, quivering; Vl, Vm two displays; Mc, Mf, Mu masks), S whether
the person talks (T, NT), D the phone, x the glasses (g, wg), E the environment, p the person, N the number.
"""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, UnusableError
from lifesign.datasets.layouts.videos import Presentation, has_video, read_videos
from lifesign.datasets.tree import Tree
from lifesign.labels import split_name

__all__ = ["ROSE_YOUTU"]

_TITLE = "ROSE-Youtu"
_SPECIES = {
    "G": None,
    "Ps": "print_still",
    "Pq": "print_quivering",
    "Vl": "replay_l",
    "Vm": "replay_m",
    "Mc": "mask_c",
    "Mf": "mask_f",
    "Mu": "mask_u",
}
_NAME = re.compile(
    rf"(?P<kind>{'|'.join(_SPECIES)})_(?P<speech>NT|T)_(?P<device>HS|HW|IP|5s|ZTE)_(?P<glasses>wg|g)_"
    r"(?P<environment>[A-Za-z0-9]+)_(?P<person>\d+)_(?P<number>\d+)"
)
_KEY = re.compile(rf"(?:^|/){_NAME.pattern}$")
_MATCH = re.compile(rf"(?:^|/){_NAME.pattern}(?=$|[/._])")


def _matches(tree: Tree) -> bool:
    return has_video(tree, _MATCH)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    found = read_videos(tree, title=_TITLE, dataset="rose-youtu", describe=_describe)
    has_split = found.rows.tells("split")
    notes = () if has_split else ("no train or test folder in the paths: the samples have no split",)
    return LayoutRows(found.rows, found.rejections, notes)


def _describe(key: str) -> Presentation:
    match = _KEY.search(key)
    if match is None:
        raise UnusableError("the name is not L_S_D_x_E_p_N of this set")
    *folders, name = key.split("/")
    splits = [split for folder in folders if (split := split_name(folder)) is not None]
    return Presentation(
        presentation=name,
        species=_SPECIES[match["kind"]],
        split=str(splits[0]) if splits else None,
        subject=match["person"],
        metadata={
            "device": match["device"],
            "glasses": "with" if match["glasses"] == "g" else "without",
            "environment": match["environment"],
            "speech": "talking" if match["speech"] == "T" else "silent",
        },
    )


ROSE_YOUTU = Layout("rose-youtu", _TITLE, _matches, _read)
