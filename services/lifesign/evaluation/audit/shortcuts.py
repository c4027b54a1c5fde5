"""Properties of the files alone that tell the classes apart: the set leaks its labels.

A model trained on such a set learns the camera roll, not the face; all fakes PNG and all reals JPEG
is the classic.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import Example, Finding, FindingCode, Severity, ShortcutRow
from lifesign.evaluation.audit.folds import (
    Probabilities,
    grouped_folds,
    linear_probabilities,
    out_of_fold,
    rate_probabilities,
)
from lifesign.evaluation.audit.measurements import COLOURS, NUMBERS, Measurements
from lifesign.evaluation.audit.table import AuditTable
from lifesign.evaluation.metrics.auc import Auc, auc_of_counts
from lifesign.labels import BONA_FIDE

__all__ = ["LEAKING_AUC", "find_shortcuts", "measure_shortcuts", "name_lengths"]

LEAKING_AUC = 0.9
_MIN_PER_CLASS = 20
_MIN_GROUPS = 10
_MAX_CLASSES = 20

_MEANINGS = {
    "pixels": "width × height",
    "aspect": "width / height",
    "container": "file format and colour mode",
    "quantisation": "JPEG quantisation tables",
    "exif": "whether there is EXIF",
    "software": "EXIF software",
    "camera": "EXIF make and model",
    "conversions": "conversions at decoding",
    "bytes": "file size",
    "bytes_per_pixel": "file size per pixel",
    "name_length": "length of the file name without the words for its label",
    "mean_colour": "mean red, green and blue",
    "border": "colour of the outermost pixels against the rest",
}
# What a picture shows may rightly be told by its colours; a face is a face in any.
_LIVENESS_ONLY = frozenset({"mean_colour", "border"})


def measure_shortcuts(table: AuditTable, measured: Measurements) -> tuple[ShortcutRow, ...]:
    """Return the out-of-fold AUC of each property of the files, folds disjoint by subject.

    For more than two classes it is the mean over classes, one against the others. Empty without 20
    samples of each class and 10 groups.
    """
    rows = np.flatnonzero(measured.readable)
    labels, groups = table.label_codes()[rows], table.group_codes()[rows]
    classes = len(table.class_names)
    counts = np.bincount(labels, minlength=classes) if len(rows) else np.zeros(1)
    if counts.min() < _MIN_PER_CLASS or len(np.unique(groups)) < _MIN_GROUPS or classes > _MAX_CLASSES:
        return ()
    folds = grouped_folds(np.unique(groups, return_inverse=True)[1], labels)
    positive = table.class_names.index(BONA_FIDE) if table.is_liveness else None
    result = []
    for name, predict in _rules(table, measured, rows, labels):
        if predict is None:
            result.append(ShortcutRow(feature=name, meaning=_MEANINGS[name], auc=None))
            continue
        areas = _areas(out_of_fold(folds, classes, predict), labels, positive)
        result.append(
            ShortcutRow(
                feature=name,
                meaning=_MEANINGS[name],
                auc=round(float(np.mean([area.value for area in areas])), 4),
                lower=round(float(np.mean([area.interval.lower for area in areas])), 4),
                upper=round(float(np.mean([area.interval.upper for area in areas])), 4),
            )
        )
    return tuple(result)


def find_shortcuts(rows: Sequence[ShortcutRow]) -> list[Finding]:
    """Return one finding that names every property with an AUC above 0.9."""
    leaking = [row for row in rows if row.auc is not None and row.auc > LEAKING_AUC]
    if not leaking:
        return []
    leaking.sort(key=lambda row: -(row.auc or 0.0))
    words = ", ".join(f"{row.meaning} (AUC {row.auc:.2f})" for row in leaking)
    return [
        Finding(
            code=FindingCode.SHORTCUT_FEATURE,
            severity=Severity.WARNING,
            blocks=False,
            count=len(leaking),
            sentence=f"The files give the label away: {words}. A model can reach that AUC without looking at "
            "a face.",
            examples=tuple(Example(samples=(), note=f"{row.feature}: AUC {row.auc:.3f}") for row in leaking),
            remedy="Save all classes through the same path (size, format, quality, metadata), and collect "
            "them in the same way; results on this set prove nothing until then.",
        )
    ]


def name_lengths(paths: Sequence[str], words: Sequence[str]) -> NDArray[np.float64]:
    """Return the length of each file name without folders, suffix, digits and label words, ``(n,)``.

    A name that spells its label, ``s01_bona_fide_003.png``, is honest filing; ``IMG_20240103_112233.jpg``
    against ``frame12.jpg`` is two sources. Digits only count along, and are left out.
    """
    known = sorted({word.lower() for word in words if word}, key=len, reverse=True)
    pattern = re.compile("|".join([*map(re.escape, known), r"\d+"]))
    stems = (path.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower() for path in paths)
    return np.array([len(pattern.sub("", stem)) for stem in stems], np.float64)


def _rules(
    table: AuditTable, measured: Measurements, rows: NDArray[np.int64], labels: NDArray[np.int64]
) -> Iterator[tuple[str, Probabilities | None]]:
    """Yield each property with how to predict by it, ``None`` where it has one value."""
    classes = len(table.class_names)
    for name, values in _properties(table, measured).items():
        if name in _LIVENESS_ONLY and not table.is_liveness:
            continue
        chosen = values[rows]
        if chosen.ndim == 2:
            numbers = chosen.astype(np.float64)
            squares = np.concatenate([numbers, numbers**2], axis=1)
            yield name, linear_probabilities(squares, labels, classes)
        elif len(np.unique(chosen)) < 2:
            yield name, None
        else:
            yield name, rate_probabilities(chosen, labels, classes)


def _properties(table: AuditTable, measured: Measurements) -> dict[str, NDArray[np.generic]]:
    width, height = measured.number("width"), measured.number("height")
    size = measured.coded_bytes()
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers: dict[str, NDArray[np.generic]] = {
            "pixels": width * height,
            "aspect": width / height,
            "bytes": size,
            "bytes_per_pixel": size / (width * height),
        }
    words = {name: np.array(values, np.str_) for name, values in measured.words.items()}
    spoken = (*table.class_names, *table.names, *(one for one in set(table.species) if one))
    colours = [NUMBERS.index(name) for name in COLOURS]
    return {
        **numbers,
        **words,
        "name_length": name_lengths(table.paths, spoken),
        "mean_colour": measured.numbers[:, colours[:3]].astype(np.float64),
        "border": measured.numbers[:, colours[3:]].astype(np.float64),
    }


def _areas(probabilities: NDArray[np.float64], labels: NDArray[np.int64], positive: int | None) -> list[Auc]:
    classes = range(probabilities.shape[1]) if positive is None else [positive]
    return [_area(probabilities[:, one], labels == one) for one in classes]


def _area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Auc:
    values, places = np.unique(scores, return_inverse=True)
    return auc_of_counts(
        np.bincount(places[positive], minlength=len(values)),
        np.bincount(places[~positive], minlength=len(values)),
        is_tied=np.ones(len(values), np.bool_),
    )
