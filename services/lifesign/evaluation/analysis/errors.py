"""The worst errors of a run: the most confident wrong decisions, spread over species and groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import CodeArray, cell_numbers
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.report.document import ErrorExample
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["worst_errors"]

_LIMIT = 24
_SLICES_SHOWN = ("skin_tone", "device", "lighting", "session")


def worst_errors(columns: RunPredictions) -> tuple[ErrorExample, ...]:
    """Return at most 24 errors.

    Liveness: the most confident false accepts of every species, then the most confident false rejects of
    every group (skin tone, or else the first slice). Classifiers: per pair of true and predicted class.
    """
    wrong = columns.responded & (columns.predicted != columns.true)
    if columns.spec.task == "classification":
        rows = np.flatnonzero(wrong)
        return _examples(columns, _spread(rows, columns.score, _pairs(columns, rows), _LIMIT))
    labels = columns.spec.class_names
    accepts = np.flatnonzero(wrong & (columns.true == labels.index(ATTACK)))
    rejects = np.flatnonzero(wrong & (columns.true == labels.index(BONA_FIDE)))
    chosen = [
        *_spread(accepts, columns.score, columns.species.index[accepts], _LIMIT // 2),
        *_spread(rejects, -columns.score, _groups(columns)[rejects], _LIMIT // 2),
    ]
    return _examples(columns, chosen)


def _spread(
    rows: NDArray[np.int64], badness: NDArray[np.floating[Any]], group: CodeArray, limit: int
) -> list[int]:
    """Return the worst rows, taking turns between the groups, ``group`` ``(rows,)`` in order of name."""
    bad = badness[rows]
    by_group = np.lexsort((rows, -bad, group))
    ordered = group[by_group]
    turn = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    chosen = np.lexsort((rows[by_group], -bad[by_group], turn))[:limit]
    # By group, and within it the worst first: the order they are in.
    return [int(row) for row in rows[by_group[np.sort(chosen)]]]


def _examples(columns: RunPredictions, rows: Sequence[int]) -> tuple[ErrorExample, ...]:
    names, slices = columns.spec.class_names, columns.spec.slice_columns
    shown = [name for name in _SLICES_SHOWN if name in slices] or list(slices[:3])
    texts = columns.rows(rows, ["sample_id", "path", "pai_species", *(f"slice_{name}" for name in shown)])
    return tuple(
        ErrorExample(
            sample_id=text["sample_id"] or "",
            path=text["path"] or "",
            label=names[int(columns.true[row])],
            predicted=names[int(columns.predicted[row])],
            score=float(columns.score[row]),
            species=text["pai_species"] or None,
            slices={name: value for name in shown if (value := text[f"slice_{name}"])},
        )
        for row, text in zip(rows, texts, strict=True)
    )


def _pairs(columns: RunPredictions, rows: NDArray[np.int64]) -> CodeArray:
    """Return the place of each row's pair of classes in the order of their codes as words."""
    size = len(columns.spec.class_names)
    used, pair = np.unique(
        cell_numbers(columns.true[rows], columns.predicted[rows], size), return_inverse=True
    )
    words = [f"{one // size}>{one % size}" for one in used.tolist()]
    place = np.empty(len(words), dtype=np.int64)
    place[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return place[pair.ravel()]


def _groups(columns: RunPredictions) -> CodeArray:
    slices = columns.spec.slice_columns
    chosen = "skin_tone" if "skin_tone" in slices else slices[0] if slices else ""
    if chosen in columns.metadata:
        return columns.slice_codes(chosen).index
    return np.zeros(len(columns.true), dtype=np.int8)
