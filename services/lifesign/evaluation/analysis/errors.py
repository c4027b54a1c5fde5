"""The worst errors of a run: the most confident wrong decisions, spread over species and groups."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.columns import PredictionColumns
from lifesign.evaluation.report.document import ErrorExample
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["worst_errors"]

_LIMIT = 24
_SLICES_SHOWN = ("skin_tone", "device", "lighting", "session")


def worst_errors(columns: PredictionColumns) -> tuple[ErrorExample, ...]:
    """Return at most 24 errors.

    Liveness: the most confident false accepts of every species, then the most confident false rejects of
    every group (skin tone, or else the first slice). Classifiers: per pair of true and predicted class.
    """
    wrong = columns.responded & (columns.predicted != columns.true)
    if columns.spec.task == "classification":
        confidence = columns.scores.max(axis=1).astype(np.float64)
        pairs = [f"{true}>{predicted}" for true, predicted in _pairs(columns)]
        chosen = _spread(np.flatnonzero(wrong), confidence, pairs, _LIMIT)
        return tuple(_example(columns, row, float(confidence[row])) for row in chosen)
    score, labels = columns.bona_fide_scores, columns.spec.class_names
    accepts = np.flatnonzero(wrong & (columns.true == labels.index(ATTACK)))
    rejects = np.flatnonzero(wrong & (columns.true == labels.index(BONA_FIDE)))
    chosen = [
        *_spread(accepts, score, _values(columns, "pai_species"), _LIMIT // 2),
        *_spread(rejects, -score, _groups(columns), _LIMIT // 2),
    ]
    return tuple(_example(columns, row, float(score[row])) for row in chosen)


def _spread(
    rows: NDArray[np.int64], badness: NDArray[np.float64], group: Sequence[str], limit: int
) -> list[int]:
    """Return the worst rows, taking turns between the groups, groups in order of name."""
    ordered = [int(row) for row in rows[np.argsort(-badness[rows], kind="stable")]]
    turn: Counter[str] = Counter()
    ranked = []
    for row in ordered:
        ranked.append((turn[group[row]], row))
        turn[group[row]] += 1
    worst = sorted(ranked, key=lambda pair: (pair[0], -badness[pair[1]], pair[1]))[:limit]
    return [row for _, row in sorted(worst, key=lambda pair: (group[pair[1]], pair[0]))]


def _example(columns: PredictionColumns, row: int, score: float) -> ErrorExample:
    names, slices = columns.spec.class_names, columns.spec.slice_columns
    shown = [name for name in _SLICES_SHOWN if name in slices] or list(slices[:3])
    found = {name: columns.cell(f"slice_{name}", row) for name in shown}
    return ErrorExample(
        sample_id=columns.cell("sample_id", row) or "",
        path=columns.cell("path", row) or "",
        label=names[int(columns.true[row])],
        predicted=names[int(columns.predicted[row])],
        score=score,
        species=columns.cell("pai_species", row) or None,
        slices={name: value for name, value in found.items() if value},
    )


def _pairs(columns: PredictionColumns) -> Iterable[tuple[int, int]]:
    return zip(columns.true.tolist(), columns.predicted.tolist(), strict=True)


def _values(columns: PredictionColumns, name: str) -> tuple[str, ...]:
    return tuple(value or "" for value in columns.text(name))


def _groups(columns: PredictionColumns) -> tuple[str, ...]:
    slices = columns.spec.slice_columns
    chosen = "skin_tone" if "skin_tone" in slices else slices[0] if slices else ""
    return _values(columns, f"slice_{chosen}")
