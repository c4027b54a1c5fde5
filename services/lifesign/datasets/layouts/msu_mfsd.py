"""MSU-MFSD: ``{real,attack}/*_clientNNN_{android,laptop}_SD_*scene01`` and a list of clients per split."""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, UnusableError
from lifesign.datasets.layouts.videos import Presentation, has_video, read_videos
from lifesign.datasets.tree import Tree

__all__ = ["MSU_MFSD"]

_TITLE = "MSU-MFSD"
_KEY = re.compile(
    r"(?:^|/)(?P<folder>real|attack)/(?P<kind>real|attack)_client(?P<client>\d{3})_"
    r"(?P<device>android|laptop)_SD_(?:(?P<medium>printed_photo|ipad_video|iphone_video)_)?scene\d\d$"
)
_MATCH = re.compile(r"(?:^|/)(?:real|attack)_client\d{3}_(?:android|laptop)_SD_")
_SPECIES = {"printed_photo": "print_photo", "ipad_video": "replay_ipad", "iphone_video": "replay_iphone"}
_LISTS = {"train": "train_sub_list.txt", "test": "test_sub_list.txt"}


def _matches(tree: Tree) -> bool:
    return has_video(tree, _MATCH)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:  # noqa: ARG001
    clients = {split: _clients(tree, name) for split, name in _LISTS.items()}
    missing = [_LISTS[split] for split, listed in clients.items() if listed is None]
    notes = ["six videos of the published set lie on their side"]
    if missing:
        notes.append(f"no {' and no '.join(missing)}: the samples have no split")
        splits: dict[int, list[str]] | None = None
    else:
        splits = {}
        for split, listed in clients.items():
            for client in listed or ():
                splits.setdefault(client, []).append(split)

    def describe(key: str) -> Presentation:
        return _describe(key, splits)

    found = read_videos(tree, title=_TITLE, dataset="msu-mfsd", describe=describe)
    return LayoutRows(found.rows, found.rejections, tuple(notes))


def _clients(tree: Tree, name: str) -> list[int] | None:
    """Return the clients of a list; its lines begin with two digits, as in ``02``."""
    path = next((one for one in tree.files if one.rpartition("/")[2] == name), None)
    if path is None:
        return None
    return [int(match[0]) for line in tree.text(path).splitlines() if (match := re.match(r"\s*\d+", line))]


def _describe(key: str, splits: dict[int, list[str]] | None) -> Presentation:
    match = _KEY.search(key)
    if match is None:
        raise UnusableError("the name is not {real,attack}_clientNNN_{android,laptop}_SD_[medium_]scene01")
    if match["folder"] != match["kind"]:
        raise UnusableError(f"named {match['kind']} in the folder {match['folder']}")
    if (match["kind"] == "attack") != (match["medium"] is not None):
        raise UnusableError("an attack names its medium, a real access none")
    return Presentation(
        presentation=key.rpartition("/")[2],
        species=None if match["medium"] is None else _SPECIES[match["medium"]],
        split=None if splits is None else _split(splits.get(int(match["client"]), [])),
        subject=match["client"],
        metadata={"device": match["device"]},
    )


def _split(listed: list[str]) -> str:
    if len(set(listed)) != 1:
        raise UnusableError("its client is in both lists" if listed else "its client is in neither list")
    return listed[0]


MSU_MFSD = Layout("msu-mfsd", _TITLE, _matches, _read)
