"""Face boxes of CelebA-Spoof: ``<id>_BB.txt`` beside an image, ``x y w h score`` in a frame of 224 × 224."""

from collections.abc import Sequence

from lifesign.datasets.tree import Tree

__all__ = ["read_boxes"]

_FRAME = 224.0
_COLUMNS = ("face_x", "face_y", "face_w", "face_h")


def read_boxes(tree: Tree, paths: Sequence[str]) -> tuple[list[dict[str, str | None]], tuple[str, ...]]:
    """Return ``face_x``, ``face_y``, ``face_w``, ``face_h`` in pixels of each image, and what was odd.

    Boxes that reach outside the image are cut to it. Where there is no usable box the columns are empty:
    the image itself is good.
    """
    texts = tree.texts([f"{path.rpartition('.')[0]}_BB.txt" for path in paths])
    sizes = tree.image_sizes(paths)
    boxes: list[dict[str, str | None]] = []
    absent = empty = cut = 0
    for text, size in zip(texts, sizes, strict=True):
        numbers = None if text is None else _numbers(text)
        absent += text is None
        empty += text is not None and numbers is None
        if numbers is None or size is None:
            boxes.append(dict.fromkeys(_COLUMNS))
            continue
        inside = _scaled(numbers, size)
        if inside is None:
            empty += 1
            boxes.append(dict.fromkeys(_COLUMNS))
            continue
        x, y, w, h, was_cut = inside
        cut += was_cut
        boxes.append({name: f"{value:.1f}" for name, value in zip(_COLUMNS, (x, y, w, h), strict=True)})
    notes = (
        (absent, "images have no box file"),
        (empty, "box files are empty or name no area of the image"),
        (cut, "boxes reached outside their image and were cut to it"),
    )
    return boxes, tuple(f"{count} {text}" for count, text in notes if count)


def _numbers(text: str) -> tuple[float, float, float, float] | None:
    words = text.split()[:4]
    try:
        x, y, w, h = (float(word) for word in words)
    except ValueError:
        return None
    return x, y, w, h


def _scaled(
    numbers: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float, bool] | None:
    x, y, w, h = numbers
    width, height = size
    left, top = x * width / _FRAME, y * height / _FRAME
    right, bottom = (x + w) * width / _FRAME, (y + h) * height / _FRAME
    inner = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    if not (inner[2] > inner[0] and inner[3] > inner[1]):
        return None
    return (
        inner[0],
        inner[1],
        inner[2] - inner[0],
        inner[3] - inner[1],
        inner != (left, top, right, bottom),
    )
