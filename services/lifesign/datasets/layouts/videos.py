"""Sets of videos whose frames lie beside or below them as images.

``a/clip.avi`` is read from ``a/clip/0001.jpg`` (a folder per video), or from ``a/clip_frame1.png``.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath

from lifesign.datasets.layouts.layout import LayoutRows, Rejection, UnusableError, sample_row
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = [
    "Frame",
    "Presentation",
    "frames_by_video",
    "has_video",
    "read_videos",
    "require_frames",
    "video_rows",
]

_VIDEO_SUFFIXES = frozenset({".avi", ".mov", ".mp4", ".mkv", ".m4v", ".wmv", ".h264"})
_FRAME_NAME = re.compile(r"(?P<stem>.+?)[-_ ]?frame[-_ ]?(?P<index>\d+)$", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Frame:
    """An image of a video, and its number where the name has one."""

    path: str
    index: int | None


@dataclass(frozen=True)
class Presentation:
    """What the name of a video says; ``species`` is ``None`` for bona fide."""

    presentation: str
    species: str | None
    split: str | None
    subject: str | None
    metadata: Mapping[str, str | None] = field(default_factory=dict)


def frames_by_video(
    tree: Tree, *, is_video: Callable[[str], bool] = lambda _: False
) -> dict[str, tuple[Frame, ...]]:
    """Return the frames of each video, by the video's path without suffix.

    ``is_video`` tells whether a path can be a video of the set: ``1/1_frame0`` is of the video ``1/1``
    where that is one and the folder ``1`` is none, else of the video ``1``.
    """
    found: defaultdict[str, list[Frame]] = defaultdict(list)
    for path in tree.images:
        folder, _, name = path.rpartition("/")
        stem = PurePosixPath(name).stem
        match = _FRAME_NAME.match(stem)
        beside = f"{folder}/{match['stem']}".lstrip("/") if match else None
        if match and beside and _is_beside(beside, folder, is_video):
            found[beside].append(Frame(path, int(match["index"])))
        else:
            number = _LAST_NUMBER.search(stem)
            found[_without_suffix(folder)].append(Frame(path, int(number[1]) if number else None))
    return {
        key: tuple(sorted(frames, key=lambda frame: (frame.index or 0, frame.path)))
        for key, frames in sorted(found.items())
    }


def _is_beside(video: str, folder: str, is_video: Callable[[str], bool]) -> bool:
    """Tell whether frames named after a video lie beside it, and not in a folder that is the video."""
    if video.rpartition("/")[2] != folder.rpartition("/")[2]:
        return True
    return is_video(video) and not is_video(_without_suffix(folder))


def unextracted_videos(tree: Tree, frames: Mapping[str, tuple[Frame, ...]]) -> list[str]:
    """Return the video files that have no frames."""
    return [path for path in _videos(tree) if _without_suffix(path) not in frames]


def has_video(tree: Tree, pattern: re.Pattern[str]) -> bool:
    """Tell whether the path of any video, or of the frames of one, has the pattern in it."""
    places = chain(_videos(tree), tree.folders, tree.images)
    return any(pattern.search(_without_suffix(path)) for path in places)


def read_videos(
    tree: Tree, *, title: str, dataset: str, describe: Callable[[str], Presentation]
) -> LayoutRows:
    """Return a row per frame of the videos that ``describe`` knows; the others are rejected with its reason.

    Raises:
        DatasetError: there are videos but no frame at all.
    """
    frames = frames_by_video(tree, is_video=lambda path: _is_usable(path, describe))
    require_frames(tree, frames, title)
    rows = RowTable()
    rejections: list[Rejection] = []
    for key, members in frames.items():
        try:
            rows.extend(video_rows(members, describe(key), dataset))
        except UnusableError as problem:
            rejections.append(Rejection(key, str(problem)))
    rejections += [Rejection(path, "no frames of this video") for path in unextracted_videos(tree, frames)]
    return LayoutRows(rows, tuple(rejections))


def _is_usable(path: str, describe: Callable[[str], Presentation]) -> bool:
    try:
        describe(path)
    except UnusableError:
        return False
    return True


def video_rows(
    frames: tuple[Frame, ...], about: Presentation, dataset: str
) -> Iterator[Mapping[str, str | None]]:
    """Yield the row of each frame of one video."""
    for frame in frames:
        row = sample_row(
            frame.path,
            dataset=dataset,
            species=about.species,
            split=about.split,
            subject=about.subject,
            presentation=about.presentation,
            frame=frame.index,
        )
        yield row | dict(about.metadata)


def require_frames(tree: Tree, frames: Mapping[str, tuple[Frame, ...]], title: str) -> None:
    """Refuse a set of videos of which none has frames.

    Raises:
        DatasetError: it says how frames are extracted.
    """
    videos = _videos(tree)
    if videos and not any(_without_suffix(path) in frames for path in videos):
        name = PurePosixPath(videos[0])
        raise DatasetError(
            f"{tree.root}: {title} with {len(videos)} videos and no extracted frames; Lifesign reads images: "
            f"put the frames of each video into a folder of its name, for example mkdir {name.stem} && "
            f"ffmpeg -i {name.name} -vf fps=2 {name.stem}/%04d.png"
        )


def _videos(tree: Tree) -> list[str]:
    return [path for path in tree.files if PurePosixPath(path).suffix.lower() in _VIDEO_SUFFIXES]


def _without_suffix(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return path[: -len(suffix)] if suffix.lower() in _VIDEO_SUFFIXES else path
