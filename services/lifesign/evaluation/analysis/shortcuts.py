"""Properties of the files that alone tell attack from bona fide: signs that a test set leaks its labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.alarm_budget import SHORTCUT
from lifesign.evaluation.analysis.alerts import Shortcut
from lifesign.evaluation.analysis.columns import PredictionColumns
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.metrics.ranks import rank_sum_test
from lifesign.labels import BONA_FIDE
from lifesign.memory import release_memory

__all__ = ["find_shortcuts"]

_LEAKING_AUC = 0.9
_MIN_PER_CLASS = 20
# What a file is, not what a camera saw: sharpness or colour may tell a screen from a face rightly.
_FEATURES = ("width", "height", "aspect", "stat_blockiness")


def find_shortcuts(columns: RunPredictions) -> tuple[Shortcut, ...]:
    """Return features whose AUC alone is .9 or more either way, and significant; liveness only."""
    if columns.spec.task == "classification":
        return ()
    positive = columns.true == columns.spec.class_names.index(BONA_FIDE)
    found = []
    for name in _FEATURES:
        values = _values(columns, name)
        known = np.isfinite(values)
        count = int(known.sum())
        one, other = values[known & positive], values[known & ~positive]
        del values
        if min(len(one), len(other)) < _MIN_PER_CLASS:
            continue
        test = rank_sum_test(one, other)
        release_memory()
        area = max(test.area, 1 - test.area)
        if area >= _LEAKING_AUC and test.p_value <= SHORTCUT / len(_FEATURES):
            found.append(Shortcut(name.removeprefix("stat_"), area, count))
    return tuple(found)


def _values(columns: RunPredictions, name: str) -> NDArray[np.floating[Any]]:
    if name != "aspect":
        # Whole pixels and statistics are stored in no more than float32 holds.
        return columns.values([name], lambda part: part.number(name).astype(np.float32))
    return columns.values(["width", "height"], _aspect)


def _aspect(part: PredictionColumns) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return part.number("width") / part.number("height")
