"""OULU-NPU: videos ``{Train,Dev,Test}_files/P_S_UU_F``, and four protocols of lists, two of them in folds.

P is the phone, S the session (light and background), UU the user (train 1–20, dev 21–35, test 36–55), F 1
bona fide, 2 and 3 print (printer 1, 2), 4 and 5 replay (display 1, 2). Lists have ``±label,name`` lines:
+1 bona fide, −1 attack; in test lists −1 is print and −2 replay.
"""

import re

from lifesign.datasets.layouts.layout import Layout, LayoutRows, Rejection, UnusableError
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.layouts.videos import (
    Presentation,
    frames_by_video,
    read_videos,
    require_frames,
    video_rows,
)
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = ["OULU_NPU"]

_TITLE = "OULU-NPU"
_DATASET = "oulu-npu"
_FOLDS = range(1, 7)
_PROTOCOLS = ("1", "2", *(f"{number}.{fold}" for number in (3, 4) for fold in _FOLDS))
_SPECIES = {
    "1": None,
    "2": "print_printer1",
    "3": "print_printer2",
    "4": "replay_display1",
    "5": "replay_display2",
}
_SPLITS = {"train": range(1, 21), "dev": range(21, 36), "test": range(36, 56)}
_NAME = re.compile(r"([1-6])_([1-3])_(\d\d)_([1-5])$")
_FILES = re.compile(r"(?:^|/)(Train|Dev|Test)_files(?:/|$)", re.IGNORECASE)
_LINE = re.compile(r"\s*([+-]?\d)\s*,\s*(\S+?)(?:\.avi)?\s*$")
_CODES = {1: "1", -1: "2345", -2: "45"}
_TEST_CODES = {1: "1", -1: "23", -2: "45"}


def _matches(tree: Tree) -> bool:
    return any(_FILES.search(folder) for folder in tree.folders)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:
    if protocol is None:
        found = read_videos(tree, title=_TITLE, dataset=_DATASET, describe=_of_folder)
        notes = ("no --protocol given: all videos, split by user",)
        return LayoutRows(found.rows, found.rejections, notes)
    frames = frames_by_video(tree)
    require_frames(tree, frames, _TITLE)
    by_name = {key.rpartition("/")[2]: members for key, members in frames.items()}
    rows = RowTable()
    rejections: list[Rejection] = []
    listed: set[str] = set()
    for split in _SPLITS:
        path = _list_path(tree, protocol, split)
        for number, line in enumerate(tree.text(path).splitlines(), start=1):
            if not line.strip():
                continue
            try:
                about = _listed(line, split)
                if about.presentation not in by_name:
                    raise UnusableError("no frames of this video")
                if about.presentation in listed:
                    raise UnusableError("listed twice")
                listed.add(about.presentation)
                rows.extend(video_rows(by_name[about.presentation], about, _DATASET))
            except UnusableError as problem:
                rejections.append(Rejection(f"{path}, line {number}: {line.strip()}", str(problem)))
    return LayoutRows(rows, tuple(rejections))


def _list_path(tree: Tree, protocol: str, split: str) -> str:
    number, _, fold = protocol.partition(".")
    name = f"Protocol_{number}/{split.capitalize()}{f'_{fold}' if fold else ''}.txt"
    for path in tree.files:
        if f"/{path}".lower().endswith(f"/{name}".lower()):
            return path
    raise DatasetError(f"{tree.root}: {_TITLE}: expected the list Protocols/{name}, got none")


def _listed(line: str, split: str) -> Presentation:
    match = _LINE.match(line)
    if match is None:
        raise UnusableError("the line is not ±label,name")
    sign, name = int(match[1]), match[2]
    about = _presentation(name, split)
    codes = (_TEST_CODES if split == "test" else _CODES).get(sign)
    if codes is None or name[-1] not in codes:
        raise UnusableError(f"label {sign:+d} contradicts file code {name[-1]}")
    return about


def _of_folder(key: str) -> Presentation:
    folder = _FILES.search(key)
    if folder is None:
        raise UnusableError("not in Train_files, Dev_files or Test_files")
    return _presentation(key.rpartition("/")[2], folder[1].lower())


def _presentation(name: str, split: str) -> Presentation:
    match = _NAME.match(name)
    if match is None:
        raise UnusableError("the name is not phone_session_user_file")
    phone, session, user, code = match.groups()
    if int(user) not in _SPLITS[split]:
        users = _SPLITS[split]
        raise UnusableError(f"user outside the {split} range {users.start} to {users.stop - 1}")
    return Presentation(
        presentation=name,
        species=_SPECIES[code],
        split=split,
        subject=user,
        metadata={"device": f"phone_{phone}", "session": f"session_{session}"},
    )


OULU_NPU = Layout("oulu-npu", _TITLE, _matches, _read, _PROTOCOLS)
