"""Replay-Attack (Idiap): ``{train,devel,test}/{real,attack/{fixed,hand}}/*`` with all facts in the names."""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, UnusableError
from lifesign.datasets.layouts.videos import Presentation, has_video, read_videos
from lifesign.datasets.tree import Tree
from lifesign.labels import split_name

__all__ = ["REPLAY_ATTACK"]

_TITLE = "Replay-Attack"
_REAL = re.compile(
    r"(?:^|/)(?P<split>train|devel|test)/real/"
    r"client(?P<client>\d{3})_session(?P<session>\d\d)_webcam_authenticate_(?P<lighting>adverse|controlled)"
    r"_(?P<take>\d)$"
)
_ATTACK = re.compile(
    r"(?:^|/)(?P<split>train|devel|test)/attack/(?P<support>fixed|hand)/"
    r"attack_(?P<instrument>highdef|mobile|print)_client(?P<client>\d{3})_session(?P<session>\d\d)_"
    r"(?P<source>highdef|mobile)_(?P<medium>photo|video)_(?P<lighting>adverse|controlled)$"
)
_MATCH = re.compile(r"(_webcam_authenticate_|attack_(highdef|mobile|print)_client\d{3}_session)")


def _matches(tree: Tree) -> bool:
    return has_video(tree, _MATCH)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    return read_videos(tree, title=_TITLE, dataset="replay-attack", describe=_describe)


def _describe(key: str) -> Presentation:
    match = _REAL.search(key) or _ATTACK.search(key)
    if match is None:
        if "enroll/" in f"/{key}":
            raise UnusableError("enrolment video, meant for face recognition")
        raise UnusableError("the name is neither a real access nor an attack of this set")
    found = match.groupdict()
    split = split_name(found["split"])
    name = key.rpartition("/")[2]
    return Presentation(
        # The same name is used for the attack with a fixed and a hand-held support.
        presentation=f"{found['support']}-{name}" if "support" in found else name,
        species=_species(found),
        split=str(split),
        subject=found["client"],
        metadata={
            "lighting": found["lighting"],
            "session": f"session_{found['session']}",
            "support": found.get("support"),
        },
    )


def _species(found: dict[str, str]) -> str | None:
    if "instrument" not in found:
        return None
    if found["instrument"] != "print":
        return f"replay_{found['instrument']}_{found['medium']}"
    if found["medium"] != "photo":
        raise UnusableError("a print cannot show a video")
    return "print_photo"


REPLAY_ATTACK = Layout("replay-attack", _TITLE, _matches, _read)
