"""Classes that are found less often than the others."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, spoken_class
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_figures import class_table
from lifesign.evaluation.diagnosis.rules.thresholds import lopsided
from lifesign.evaluation.diagnosis.statistics import sampling_error
from lifesign.evaluation.metrics.intervals import clopper_pearson

__all__ = ["weak_class"]

_Floats = NDArray[np.float64]


def weak_class(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Classes whose recall is clearly below that of the rest (three classes or more)."""
    table = class_table(evidence)
    if table is None:
        return
    support, recall, names = table
    seen = np.flatnonzero(support > 0)
    if len(support) == len(seen) == 2:
        yield from _weaker_of_two(evidence, table)
    if len(seen) < 3:
        return
    right = np.round(recall[seen] * support[seen])
    overall = right.sum() / support[seen].sum()
    if overall < 1.3 / len(seen):
        return
    weak = []
    for place, index in enumerate(seen.tolist()):
        n, hits = int(support[index]), int(right[place])
        # Against the middle of the other classes: a huge class must not set the standard.
        found = [value for other, value in enumerate(recall[seen]) if other != place and value > 0]
        others = float(np.median(found)) if found else 0.0
        # A share printed as 1.00 may be a little less.
        p = float(special.bdtr(hits, n, min(others, 0.995)))
        if p < 0.001 / len(seen) and hits / n < 0.85 * others and others - hits / n >= 0.1:
            weak.append((hits / n, index, others))
    if len(weak) > max(2, 0.3 * len(seen)):
        # Many below the middle: only those far below it stand out.
        weak = [one for one in weak if one[0] < 0.7 * one[2]]
    if len(weak) > 0.5 * len(seen):
        # Most of them: only those that are hardly ever found.
        weak = [one for one in weak if one[0] < 0.25 * one[2]]
    if not weak or len(weak) > 0.5 * len(seen):
        return
    weak.sort()
    lowest, index, others = weak[0]
    limits = clopper_pearson(round(lowest * int(support[index])), int(support[index]))
    sentence = (
        f"{spoken_class(names[index])} is found in {lowest:.1%} of {int(support[index]):,} "
        f"({limits.lower:.1%}–{limits.upper:.1%}), the other classes in {others:.1%}"
    )
    confused = _confusion_of(evidence, index)
    details = {
        "classes": [names[one] for _, one, _ in weak],
        "recall": {names[one]: round(r, 4) for r, one, _ in weak},
    }
    if confused is not None:
        sentence += f"; it is mostly taken for {spoken_class(confused[0])} ({confused[1]:.0%})"
        details["confused_with"] = confused[0]
    if len(weak) > 1:
        sentence += f"; weak as well: {', '.join(spoken_class(names[one]) for _, one, _ in weak[1:6])}"
    yield Finding(
        Code.WEAK_CLASS,
        Severity.WARNING,
        0.95 if lowest < 0.1 else 0.85,
        sentence + ".",
        "Look at samples of "
        f"{spoken_class(names[index])}{f' and {spoken_class(confused[0])}' if confused else ''} side by "
        "side; add data or weight for it, and check its labels.",
        refuted_by="a second set of the same size in which the class does as well as the rest",
        details=details,
    )


def _weaker_of_two(
    evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]
) -> Iterator[Finding]:
    """Of two classes one is found clearly less often, though not so that the threshold alone were to
    blame.
    """
    support, recall, names = table
    low, high = int(np.nanargmin(recall)), int(np.nanargmax(recall))
    spread = math.hypot(*(sampling_error(float(recall[one]), int(support[one])) for one in (low, high)))
    gap = float(recall[high] - recall[low])
    if (
        gap < 0.15
        or recall[low] + recall[high] < 1 + 3.3 * spread  # no better than a guess of either
        or gap < 3.3 * spread
        or not 0.02 < recall[low] < 0.6
        or next(lopsided(evidence, table), None)
    ):
        return
    yield Finding(
        Code.WEAK_CLASS,
        Severity.WARNING,
        0.65,
        f"{names[low]} is found in {recall[low]:.1%} of {int(support[low]):,}, {names[high]} in "
        f"{recall[high]:.1%} of {int(support[high]):,}.",
        f"Add data or weight for {names[low]}, look at its errors, and judge by its own precision and "
        "recall.",
        refuted_by="a second set of the same size in which the class does as well as the other",
        details={"classes": [names[low]], "recall": {names[low]: round(float(recall[low]), 4)}},
    )


def _confusion_of(evidence: Evidence, index: int) -> tuple[str, float] | None:
    matrix = evidence.evaluated_matrix
    if matrix is None or not matrix[index].sum():
        return None
    row = matrix[index].astype(float)
    row[index] = 0
    return (
        (evidence.name_of(int(row.argmax())), float(row.max() / matrix[index].sum())) if row.max() else None
    )
