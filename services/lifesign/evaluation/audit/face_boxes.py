"""Faces as the set's own boxes give them: missing, impossible, cut off, or small.

Lifesign ships no face detector: no weights come with it, and boxes drawn by a model would be opinions. Sets
whose makers or capture software drew boxes give ``face_x, face_y, face_w, face_h`` in pixels.
"""

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.measurements import Measurements
from lifesign.evaluation.audit.table import AuditTable

__all__ = ["SMALL_FACE_PIXELS", "find_face_boxes"]

SMALL_FACE_PIXELS = 80
"""Shorter side of a box under which little of paper, screen or skin is to be seen."""

# Boxes are drawn by hand, and detectors reach out: a tenth of the face beyond the picture is no cut.
_MOSTLY_INSIDE = 0.9


def find_face_boxes(table: AuditTable, measured: Measurements) -> list[Finding]:
    """Return boxes that cannot be right or cut the face (a warning), and how many faces are small.

    Nothing without boxes.
    """
    if table.boxes is None:
        return []
    known = measured.readable & np.isfinite(table.boxes).all(axis=1)
    # A set that gives no box at all makes no error in them.
    if not known.any():
        return []
    sizes = np.stack([measured.number("width"), measured.number("height")], axis=1)
    shorter = table.boxes[:, 2:].min(axis=1)
    inside = _share_inside(table.boxes, sizes)
    sound = known & (shorter > 0) & (inside >= _MOSTLY_INSIDE)
    wrong = {
        "have none": measured.readable & ~known,
        "have one without an area": known & (shorter <= 0),
        "have one that is not within the picture": known & (shorter > 0) & ~sound,
    }
    return [*_wrong(table, wrong), *_small(table, sound, sound & (shorter < SMALL_FACE_PIXELS))]


def _share_inside(boxes: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each box's area lies within its picture, float64 ``(n,)``; nan without one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.maximum(boxes[:, :2], 0)
        high = np.minimum(boxes[:, :2] + boxes[:, 2:], sizes)
        area = np.prod(np.maximum(high - low, 0), axis=1)
        return np.asarray(area / np.prod(boxes[:, 2:], axis=1), dtype=np.float64)


def _wrong(table: AuditTable, kinds: dict[str, NDArray[np.bool_]]) -> list[Finding]:
    found = {words: np.flatnonzero(rows).tolist() for words, rows in kinds.items() if rows.any()}
    if not found:
        return []
    count = sum(map(len, found.values()))
    return [
        Finding(
            code=FindingCode.FACE_BOXES,
            severity=Severity.WARNING,
            blocks=False,
            count=count,
            sentence=f"{count:,} of {len(table):,} images have no sound face box: "
            + ", ".join(f"{len(rows):,} {words}" for words, rows in found.items())
            + ".",
            examples=tuple(
                Example(samples=tuple(table.sample_ids[row] for row in rows[:4]), note=words)
                for words, rows in found.items()
            ),
            remedy="Look whether there is a face, whole and alone; boxes of another size of the picture, as "
            "CelebA-Spoof's, must be scaled.",
        )
    ]


def _small(table: AuditTable, sound: NDArray[np.bool_], small: NDArray[np.bool_]) -> list[Finding]:
    rows = np.flatnonzero(small).tolist()
    if not rows:
        return []
    labels = np.array(table.labels)
    words = ", ".join(
        f"{int((small & (labels == name)).sum()):,} of {int((sound & (labels == name)).sum()):,} {name}"
        for name in table.class_names
    )
    return [
        Finding(
            code=FindingCode.SMALL_FACES,
            severity=Severity.INFO,
            blocks=False,
            count=len(rows),
            sentence=f"{len(rows):,} faces are less than {SMALL_FACE_PIXELS} pixels wide or high: {words}.",
            examples=tuple(Example(samples=(table.sample_ids[row],)) for row in rows[:MAX_EXAMPLES]),
            remedy="Nothing, if the model will see such faces; the traces of an attack are fine ones.",
        )
    ]
