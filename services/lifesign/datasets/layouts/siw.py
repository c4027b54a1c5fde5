"""SiW (Spoof in the Wild): ``{Train,Test}/{live,spoof}/SSS/SSS-sensor-type-medium-session``."""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, UnusableError
from lifesign.datasets.layouts.videos import Presentation, has_video, read_videos
from lifesign.datasets.tree import Tree

__all__ = ["SIW"]

_TITLE = "SiW"
_KEY = re.compile(
    r"(?:^|/)(?P<split>Train|Test)/(?P<kind>live|spoof)/(?P<folder>\d{3})/"
    r"(?P<subject>\d{3})-(?P<sensor>\d)-(?P<type>[1-3])-(?P<medium>\d)-(?P<session>\d)$",
    re.IGNORECASE,
)
_MATCH = re.compile(r"(?:^|/)(?:live|spoof)/\d{3}/\d{3}-\d-\d-\d-\d", re.IGNORECASE)
_FAMILIES = {"1": None, "2": "print", "3": "replay"}


def _matches(tree: Tree) -> bool:
    return has_video(tree, _MATCH)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    found = read_videos(tree, title=_TITLE, dataset="siw", describe=_describe)
    notes = ("there is no development split; training carves one from train, by subject",)
    return LayoutRows(found.rows, found.rejections, notes)


def _describe(key: str) -> Presentation:
    match = _KEY.search(key)
    if match is None:
        raise UnusableError("not {Train,Test}/{live,spoof}/SSS/SSS-sensor-type-medium-session")
    kind, medium = match["kind"].lower(), match["medium"]
    family = _FAMILIES[match["type"]]
    if (family is None) != (kind == "live"):
        raise UnusableError(f"type {match['type']} in the folder {kind}")
    if match["folder"] != match["subject"]:
        raise UnusableError("the name is of another subject than the folder")
    return Presentation(
        presentation=key.rpartition("/")[2],
        species=None if family is None else f"{family}_medium{medium}",
        split=match["split"].lower(),
        subject=match["subject"],
        metadata={
            "device": f"sensor_{match['sensor']}",
            "session": f"session_{match['session']}",
            # Of bona fide videos this number is the light, of attacks the medium.
            "lighting": f"lighting_{medium}" if family is None else None,
        },
    )


SIW = Layout("siw", _TITLE, _matches, _read)
