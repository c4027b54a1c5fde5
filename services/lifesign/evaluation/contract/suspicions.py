"""What labels, images and scores of one small batch say about a contract that may be wrong."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.contract.trial import Finding, Severity
from lifesign.evaluation.metrics.comparison import mcnemar_exact

__all__ = ["better_scaling", "score_findings"]

_SAME: Final = 1e-6
_HARDLY: Final = 1e-3
_RANGE_TOLERANCE: Final = 1e-4
# Of several scalings the best is looked at: each must be surer than a single one would have to be.
_SURE: Final = 0.01
_NAMED: Final = 6


def score_findings(
    scores: NDArray[np.float32], true: NDArray[np.int64], images: NDArray[Any], class_names: Sequence[str]
) -> Iterator[Finding]:
    """Yield what is odd about scores ``(n, classes)`` of images ``(n, …)`` with true classes ``(n,)``."""
    usable = (abs(scores - 0.5) <= 0.5 + _RANGE_TOLERANCE).all(axis=1)
    lost = int((~usable).sum())
    if lost:
        yield Finding(
            severity=Severity.REFUSAL if lost == len(scores) else Severity.WARNING,
            sentence=f"{lost} of {len(scores)} images got scores that are no numbers from 0 to 1.",
            remedy="Look at the range that is sent; a model that overflows often wants smaller numbers.",
        )
    scores, true, images = scores[usable], true[usable], images[usable]
    if len(scores) < 2 or _distinct(images) < 2:
        return
    spread = float(np.ptp(scores, axis=0).max())
    if spread <= _HARDLY:
        same = spread <= _SAME
        yield Finding(
            severity=Severity.REFUSAL if same else Severity.WARNING,
            sentence=f"{len(scores)} different images got scores that differ by {spread:.2g} at most.",
            remedy="Wrong scaling saturates a model: compare the scalings; otherwise it is not trained.",
        )
        return
    yield from _meaning(scores, true, class_names)


def _meaning(
    scores: NDArray[np.float32], true: NDArray[np.int64], class_names: Sequence[str]
) -> Iterator[Finding]:
    predicted = scores.argmax(axis=1)
    if len(np.unique(true)) > 1 and len(np.unique(predicted)) == 1:
        yield Finding(
            severity=Severity.WARNING,
            sentence=f"All {len(scores)} images are answered {class_names[predicted[0]]!r}, "
            "though their labels differ.",
            remedy="Compare the scalings, and check size and channel order.",
        )
    if len(class_names) > 2:
        yield from _reordered(predicted, true, class_names)
    if len(class_names) != 2 or len(np.unique(true)) != 2:
        return
    # Here alone is the exact test of few samples needed; it takes 60 MB to load.
    from scipy import stats

    positive, negative = scores[true == 1, 1], scores[true == 0, 1]
    test = stats.mannwhitneyu(positive, negative, alternative="less")
    area = float(test.statistic) / (len(positive) * len(negative))
    if area < 0.5:
        yield Finding(
            severity=Severity.WARNING,
            sentence=f"On {len(positive)} images of {class_names[1]} and {len(negative)} of "
            f"{class_names[0]} the AUC is {area:.3f}, below 0.5 (p = {float(test.pvalue):.2g}): "
            "the two classes look exchanged.",
            remedy="Check the order of class_names, or positive_class for one output unit.",
        )


def _reordered(
    predicted: NDArray[np.int64], true: NDArray[np.int64], class_names: Sequence[str]
) -> Iterator[Finding]:
    """Warn when another order of the classes seen gets surely more images right; both ``(n,)``.

    The best order is the assignment with the most agreement; exact McNemar, Bonferroni over all orders.
    """
    from scipy.optimize import linear_sum_assignment

    seen = np.unique(true)
    counts = (predicted[:, None, None] == seen[:, None]) & (true[:, None, None] == seen)
    rows, columns = linear_sum_assignment(counts.sum(axis=0), maximize=True)
    renamed = np.arange(len(class_names))
    renamed[seen[rows]] = seen[columns]
    right, now = predicted == true, renamed[predicted] == true
    gained, lost = int((now & ~right).sum()), int((right & ~now).sum())
    if gained <= lost or mcnemar_exact(gained, lost) * math.factorial(len(seen)) > _SURE:
        return
    moved = [(int(place), int(renamed[place])) for place in seen if renamed[place] != place]
    pairs = ", ".join(f"{class_names[place]!r} is {class_names[meant]!r}" for place, meant in moved[:_NAMED])
    rest = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    yield Finding(
        severity=Severity.WARNING,
        sentence=f"{int(right.sum())} of {len(true)} images are right, and {int(now.sum())} would be if what "
        f"is called {pairs}{rest}: the classes look exchanged.",
        remedy="Check the order of class_names: it is that of the scores.",
    )


def better_scaling(chosen: NDArray[np.bool_], others: Mapping[str, NDArray[np.bool_]]) -> Finding | None:
    """Return a warning when another scaling gets surely more images right than the one that was said.

    Each array ``(n,)`` tells which of the same images were right; exact McNemar, Bonferroni over the others.
    """
    most = max((int(right.sum()) for right in others.values()), default=0)
    best = [name for name, right in others.items() if int(right.sum()) == most]
    if not best:
        return None
    other = others[best[0]]
    gained, lost = int((other & ~chosen).sum()), int((chosen & ~other).sum())
    if gained <= lost or mcnemar_exact(gained, lost) * len(others) > _SURE:
        return None
    names = " or ".join(best)
    return Finding(
        severity=Severity.WARNING,
        sentence=f"With scaling {names} {most} of {len(chosen)} images are right, with the one that is sent "
        f"{int(chosen.sum())}: the model was probably trained with another one.",
        remedy=f"Try the input scaling {names} in the model contract.",
    )


def _distinct(images: NDArray[Any]) -> int:
    return len({one if isinstance(one, bytes) else one.tobytes() for one in images})
