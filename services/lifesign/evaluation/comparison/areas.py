"""How the areas under the ROC curves of two models differ: paired DeLong, curve by curve."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import CodeArray
from lifesign.evaluation.analysis.pairing import PairedRun
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.comparison.document import AreaChange
from lifesign.evaluation.metrics.delong import compare_areas
from lifesign.evaluation.metrics.multiplicity import holm
from lifesign.labels import BONA_FIDE

__all__ = ["area_changes"]


def area_changes(paired: PairedRun, subjects: CodeArray | None) -> tuple[AreaChange, ...]:
    """Return the change of every curve, with p-values also corrected by Holm over all of them.

    Liveness: bona fide against all attacks, then against every species. Classifiers: every class against
    the others, in the order of the classes. ``subjects`` are their numbers, ``(n,)``, or ``None`` where none
    is known.
    """
    true = paired.columns.true[paired.rows]
    found = []
    for name, index, inside, positive in _curves(paired, true):
        before = paired.before.scores[paired.before_rows[inside], index].astype(np.float64)
        now = paired.columns.scores[paired.rows[inside], index].astype(np.float64)
        people = None if subjects is None else subjects[inside]
        found.append((name, compare_areas(before, now, positive[inside], people)))
    corrected = holm(np.array([one.p_value for _, one in found], dtype=np.float64))
    return tuple(
        AreaChange(
            name=name,
            baseline=optional(one.baseline),
            current=optional(one.current),
            difference=optional(one.delta),
            lower=optional(one.interval.lower),
            upper=optional(one.interval.upper),
            p_value=optional(one.p_value),
            corrected_p_value=optional(float(p)),
            method=one.method,
            positives=one.positives,
            negatives=one.negatives,
        )
        for (name, one), p in zip(found, corrected, strict=True)
    )


def _curves(
    paired: PairedRun, true: NDArray[np.int64]
) -> Iterator[tuple[str, int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield name, score column, and which rows are in it and positive, both bool ``(n,)``."""
    spec, everyone = paired.columns.spec, np.ones(len(true), dtype=np.bool_)
    if spec.task == "classification":
        for index, name in enumerate(spec.class_names):
            yield f"{name} against the others", index, everyone, true == index
        return
    index = spec.class_names.index(BONA_FIDE)
    positive = true == index
    yield "bona fide against all attacks", index, everyone, positive
    groups = paired.columns.groups
    attacks = [(code, name) for code, name in enumerate(groups.names) if name != BONA_FIDE]
    for code, name in attacks if len(attacks) > 1 else ():
        yield f"bona fide against {name}", index, positive | (groups.index[paired.rows] == code), positive
