"""Which classes one model misses more often than the other: exact McNemar, class by class."""

import numpy as np

from lifesign.evaluation.analysis.pairing import PairedRun, mcnemar_p_value
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.comparison.document import ClassChange
from lifesign.evaluation.metrics.multiplicity import holm

__all__ = ["class_changes"]


def class_changes(paired: PairedRun) -> tuple[ClassChange, ...]:
    """Return the change of every class' miss rate (1 − recall), in the order of the classes.

    p-values are exact McNemar on counts over the design effect of subjects where they are known, corrected
    by Holm over the classes. Empty for liveness, whose error rates are those of its two classes.
    """
    spec = paired.columns.spec
    if spec.task != "classification":
        return ()
    true, size = paired.columns.true[paired.rows], len(spec.class_names)
    totals, before, now, worse, better = (
        np.bincount(true[rows], minlength=size)
        for rows in (
            np.ones(len(true), dtype=np.bool_),
            paired.before_wrong,
            paired.now_wrong,
            paired.newly_wrong,
            paired.newly_right,
        )
    )
    corrected = holm(np.array([mcnemar_p_value(paired, true == index) for index in range(size)]))
    return tuple(
        ClassChange(
            class_name=name,
            samples=int(totals[index]),
            baseline=_share(before[index], totals[index]),
            current=_share(now[index], totals[index]),
            newly_wrong=int(worse[index]),
            newly_right=int(better[index]),
            p_value=optional(float(corrected[index])),
        )
        for index, name in enumerate(spec.class_names)
    )


def _share(count: np.int64, total: np.int64) -> float | None:
    return float(count / total) if total else None
