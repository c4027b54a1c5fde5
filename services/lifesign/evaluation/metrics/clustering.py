"""How much less correlated samples tell: the design effect of several samples per subject."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError

__all__ = ["design_effect", "design_effect_of_counts", "rate_design_effect", "subject_codes"]

_CUTS = 8


def subject_codes(subjects: Sequence[str | None] | NDArray[Any]) -> NDArray[np.int64]:
    """Return a number per subject, int64 ``(n,)``; every sample of unknown subject is one of its own."""
    codes: dict[object, int] = {}
    result = np.empty(len(subjects), dtype=np.int64)
    for row, subject in enumerate(subjects):
        key: object = (row,) if subject is None or subject == "" else str(subject)
        result[row] = codes.setdefault(key, len(codes))
    return result


def design_effect(values: NDArray[np.floating[Any]], subjects: Sequence[str | None] | NDArray[Any]) -> float:
    """Return the variance of an empirical distribution with subjects over that without; at least 1.

    Values and subjects are ``(n,)``; a value that is not a number is left out. The ratio is pooled over
    the values' octiles, see ``design_effect_of_counts``. A sample of n is worth n / design effect
    independent ones. One subject alone has design effect n.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (len(subjects),):
        raise InputError(f"expected one subject per value, got {numbers.shape} and {(len(subjects),)}")
    known = ~np.isnan(numbers)
    if not known.any():
        return 1.0
    codes = subject_codes(np.asarray(subjects, dtype=object)[known])
    cuts = np.quantile(numbers[known], np.arange(1, _CUTS) / _CUTS)
    below = numbers[known][:, np.newaxis] <= cuts
    sums = np.zeros((int(codes.max()) + 1, len(cuts)), dtype=np.int64)
    np.add.at(sums, codes, below)
    return design_effect_of_counts(sums, np.bincount(codes))


def rate_design_effect(
    wrong: NDArray[np.bool_],
    subjects: Sequence[str | None] | NDArray[Any],
    *,
    groups: Sequence[str] | NDArray[Any] | None = None,
) -> float:
    """Return the design effect of an error rate: wrong, bool ``(n,)``, clustered by subjects ``(n,)``.

    With ``groups``, ``(n,)``, subjects are compared within their group only, so that a difference
    *between* groups is not taken for correlation; the groups' ratios are pooled by samples.
    """
    wrong = np.asarray(wrong, dtype=np.bool_)
    if not len(wrong):
        return 1.0
    names = np.zeros(len(wrong), dtype=np.int64) if groups is None else np.asarray(groups)
    people = np.asarray(subjects, dtype=object)
    effects, weights = [], []
    for name in np.unique(names):
        rows = names == name
        codes = subject_codes(people[rows])
        sums = np.bincount(codes, weights=wrong[rows].astype(np.float64)).astype(np.int64)
        if len(sums) > 1 or groups is None:
            effects.append(design_effect_of_counts(sums[:, np.newaxis], np.bincount(codes)))
            # A group without errors, or with nothing else, tells nothing about their correlation.
            weights.append(float(rows.sum()) * wrong[rows].mean() * (1 - wrong[rows].mean()))
    if not effects or sum(weights) == 0:
        return max(effects, default=1.0)
    return float(np.average(effects, weights=weights))


def design_effect_of_counts(below: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """Return the design effect of shares from counts per subject.

    ``below``, ``(subjects, cuts)``, counts a subject's samples under each cut, ``sizes``, ``(subjects,)``
    all of them. With F the overall share, S subjects and n samples the ratio at a cut is
    S/(S-1) · Σ_s (below_s - size_s F)² / (n F (1-F)) (the ratio estimator of cluster sampling, Cochran,
    Sampling Techniques, ch. 11); sums over the cuts are divided. What it exceeds 1 by is raised by
    (S+3)/(S-1), since the estimate itself is uncertain with few subjects. The result is in [1, n].
    """
    total, clusters = int(sizes.sum()), len(sizes)
    if clusters < 2:
        return float(max(1, total))
    share = below.sum(axis=0) / total
    plain = float((total * share * (1 - share)).sum())
    if plain == 0:
        return 1.0
    clustered = float(((below - sizes[:, np.newaxis] * share) ** 2).sum()) * clusters / (clusters - 1)
    excess = (clustered / plain - 1) * (clusters + 3) / (clusters - 1)
    return float(np.clip(1 + excess, 1.0, total))
