"""How much less correlated samples tell: the design effect of several samples per subject."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.block_counts import counts_by_code

__all__ = [
    "ErrorClusters",
    "design_effect",
    "design_effect_of_counts",
    "paired_design_effect",
    "subject_codes",
]

_CUTS = 8
_SEEN = 10
_BLOCK = 131_072  # samples at once
_DENSE = 2  # so many cells per sample are counted in a table, more are sorted
_NO_SKEW = 16e-6  # below it the gamma law's shape is too large to compute with


def subject_codes(subjects: Sequence[str | None] | NDArray[Any]) -> NDArray[np.int32]:
    """Return a number per subject, int32 ``(n,)``; every sample of unknown subject is one of its own.

    ``subjects`` are names, ``None`` or empty for an unknown one, or an array of integers, negative for an
    unknown one. Numbers count from 0 as subjects first occur.
    """
    if isinstance(subjects, np.ndarray) and np.issubdtype(subjects.dtype, np.integer):
        return _renumbered(subjects)
    codes: dict[object, int] = {}
    result = np.empty(len(subjects), dtype=np.int32)
    for row, subject in enumerate(subjects):
        key: object = (row,) if subject is None or subject == "" else str(subject)
        result[row] = codes.setdefault(key, len(codes))
    return result


def _renumbered(subjects: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    count, width = len(subjects), int(subjects.max(initial=-1)) + 1
    if width > _DENSE * count:
        known = subjects >= 0
        dense = np.full(count, -1, dtype=np.int32)
        dense[known] = np.unique(subjects[known], return_inverse=True)[1]
        return _renumbered(dense)
    # Where a subject is seen first; a table by subject costs less than sorting the samples.
    first = np.full(width, count, dtype=np.int64)
    for rows, people in _known_subjects(subjects):
        np.minimum.at(first, people, rows)
    is_first = subjects < 0
    is_first[first[first < count]] = True
    number = np.cumsum(is_first, dtype=np.int32)
    number -= 1
    seen = first < count
    own = np.full(width, -1, dtype=np.int32)
    own[seen] = number[first[seen]]
    for rows, people in _known_subjects(subjects):
        number[rows] = own[people]
    return number


def _known_subjects(
    subjects: NDArray[np.integer[Any]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.integer[Any]]]]:
    """Yield rows with their subjects where those are known, not all at once."""
    for start in range(0, len(subjects), _BLOCK):
        rows = np.flatnonzero(subjects[start : start + _BLOCK] >= 0) + start
        yield rows, subjects[rows]


def design_effect(
    values: NDArray[np.floating[Any] | np.bool_], subjects: Sequence[str | None] | NDArray[Any]
) -> float:
    """Return the variance of an empirical distribution with subjects over that without; at least 1.

    Values and subjects are ``(n,)``; a value that is not a number is left out. The ratio is pooled over
    the values' octiles, see ``design_effect_of_counts``. A sample of n is worth n / design effect
    independent ones. One subject alone has design effect n; values that are all the same have ``nan``.
    """
    numbers = np.asarray(values)
    if not np.can_cast(numbers.dtype, np.float64):
        numbers = numbers.astype(np.float64)
    if numbers.shape != (len(subjects),):
        raise InputError(f"expected one subject per value, got {numbers.shape} and {(len(subjects),)}")
    known = ~np.isnan(numbers)
    if not known.any():
        return 1.0
    if not known.all():
        is_coded = isinstance(subjects, np.ndarray) and np.issubdtype(subjects.dtype, np.integer)
        subjects = (np.asarray(subjects) if is_coded else np.asarray(subjects, dtype=object))[known]
        numbers = numbers[known]
    # Before the codes, which they do not need: both at once would be more memory.
    cuts = _octiles(numbers)
    codes = subject_codes(subjects)
    sizes = counts_by_code(codes, np.ones(len(codes), dtype=np.bool_), width=int(codes.max()) + 1)
    below = np.zeros((len(sizes), len(cuts)), dtype=np.int64)
    for place, cut in enumerate(cuts):
        below[:, place] = counts_by_code(codes, numbers <= cut, width=len(sizes))
    return design_effect_of_counts(below, sizes)


def _octiles(values: NDArray[Any]) -> list[np.float64]:
    """Return the octiles ``np.quantile`` finds in float64, of values sorted as they are."""
    places = (len(values) - 1) * (np.arange(1, _CUTS) / _CUTS)
    lower = places.astype(np.int64)
    upper = np.minimum(lower + 1, len(values) - 1)
    ordered = np.partition(values, np.concatenate([lower, upper]))
    pairs = np.stack([ordered[lower], ordered[upper]], axis=1).astype(np.float64)
    return [np.quantile(pair, place) for pair, place in zip(pairs, places - lower, strict=True)]


@dataclass(frozen=True, eq=False)
class ErrorClusters:
    """Errors of one kind per unit: one subject's samples in one group; int64 ``(units,)`` arrays.

    A subject with samples in several groups is a unit in each. Units are what can be called independent
    and exchangeable, where single samples of one face are not.
    """

    group: NDArray[np.int64]
    size: NDArray[np.int64]
    errors: NDArray[np.int64]

    @classmethod
    def from_samples(
        cls,
        wrong: NDArray[np.bool_],
        group: NDArray[np.signedinteger[Any]],
        subject: NDArray[np.signedinteger[Any]],
    ) -> Self:
        """Count samples ``(n,)``: codes of groups >= 0, and of subjects with -1 for an unknown one.

        Samples of unknown subject are units of one sample each.

        Raises:
            InputError: arrays of different length.
        """
        if not wrong.shape == group.shape == subject.shape:
            raise InputError(
                f"expected one group and subject per sample, got {wrong.shape}, {group.shape} and "
                f"{subject.shape}"
            )
        known = subject >= 0
        width = int(group.max(initial=0)) + 1
        cell = subject[known].astype(np.int64)
        cell *= width
        cell += group[known]
        units, size, errors = _counted(cell, wrong[known])
        alone = np.count_nonzero(~known)
        return cls(
            np.concatenate([units % width, group[~known]]).astype(np.int64),
            np.concatenate([size, np.ones(alone, dtype=np.int64)]).astype(np.int64),
            np.concatenate([errors, wrong[~known].astype(np.int64)]),
        )

    def correlation(self) -> float:
        """Return how much alike the errors of one unit are: the intraclass correlation, in [0, 1].

        Moments within the groups, so that a difference *between* groups is not taken for likeness:
        Σ_g u/(u-1) Σ_s [(y_s - m_s p_g)² - m_s p_g q_g] / Σ_g Σ_s m_s (m_s - 1) p_g q_g, with u units of
        m_s samples and y_s errors; 0 where no unit has two samples or nothing was wrong.
        """
        excess = room = 0.0
        for code in np.unique(self.group):
            inside = self.group == code
            size, errors = self.size[inside].astype(np.float64), self.errors[inside]
            units, share = len(size), float(errors.sum() / size.sum())
            spread = share * (1 - share)
            if units > 1:
                squares = float(((errors - size * share) ** 2).sum()) * units / (units - 1)
                excess += squares - float(size.sum()) * spread
                room += float((size * (size - 1)).sum()) * spread
        return float(np.clip(excess / room, 0.0, 1.0)) if room else 0.0

    def design_effects(self, groups: int) -> NDArray[np.float64]:
        """Return the design effect of each group's error rate, float64 ``(groups,)``, at least 1.

        1 + (Σm²/Σm - 1) · correlation (Kish, Survey Sampling, 1965): large units weigh more in the groups
        that have them, while the correlation is estimated from all.
        """
        total = np.bincount(self.group, weights=self.size, minlength=groups)
        squares = np.bincount(self.group, weights=self.size.astype(np.float64) ** 2, minlength=groups)
        mean = np.divide(squares, total, out=np.ones(groups), where=total > 0)
        return np.asarray(1 + np.maximum(mean - 1, 0.0) * self.correlation(), dtype=np.float64)

    def exchange_p_value(
        self, group: int, rest: NDArray[np.int64], *, draws: int = 10_000, seed: int = 0
    ) -> float:
        """Return how often whole units dealt out anew give ``group`` a rate as far above the rest's.

        One-sided, exact where all units are alike but for chance (a permutation test of units), however
        skewed the errors per unit. Under 10 such draws the tail is that of the Pearson type III
        distribution with the draws' three moments, and never less than one arrangement of all. ``rest``
        are the codes of the other groups. ``nan`` without a unit on either side.
        """
        own, others = self.group == group, np.isin(self.group, rest)
        count, both = int(own.sum()), own | others
        if not count or not others.any():
            return math.nan
        # Units of as many errors and samples are one kind: a number each, not a pair, sorts much faster.
        width = int(self.size.max()) + 1
        cells, there = np.unique(self.errors[both] * width + self.size[both], return_counts=True)
        kinds = np.stack([cells // width, cells % width], axis=1)
        dealt = np.random.default_rng(seed).multivariate_hypergeometric(
            there, count, size=draws, method="marginals"
        )
        sums, total = dealt @ kinds, there @ kinds
        gaps = sums[:, 0] / sums[:, 1] - (total[0] - sums[:, 0]) / (total[1] - sums[:, 1])
        observed = float(
            self.errors[own].sum() / self.size[own].sum()
            - self.errors[others].sum() / self.size[others].sum()
        )
        return _tail(gaps, observed, _one_arrangement(int(both.sum()), count))


def _counted(
    cell: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells in use, sorted, with their samples and errors."""
    width = int(cell.max(initial=-1)) + 1
    if width <= _DENSE * len(cell):
        size = np.bincount(cell, minlength=width)
        units = np.flatnonzero(size)
        return units, size[units], np.bincount(cell[wrong], minlength=width)[units]
    units, place = np.unique(cell, return_inverse=True)
    return units, np.bincount(place), np.bincount(place[wrong], minlength=len(units))


def _one_arrangement(units: int, chosen: int) -> float:
    """Return 1 over the number of ways to choose so many of the units."""
    return float((units + 1) * np.exp(special.betaln(1 + units - chosen, 1 + chosen)))


def _tail(draws: NDArray[np.float64], observed: float, least: float) -> float:
    """Return the chance of a draw >= ``observed``."""
    extreme = int((draws >= observed - 1e-12).sum())
    share = (1 + extreme) / (1 + len(draws))
    spread = float(draws.std())
    if extreme >= _SEEN or spread == 0:
        return share
    skew = float(((draws - draws.mean()) ** 3).mean() / spread**3)
    fitted = _gamma_tail((observed - float(draws.mean())) / spread, skew)
    return max(least, min(fitted, (1 + _SEEN) / (1 + len(draws))))


def _gamma_tail(z: float, skew: float) -> float:
    """Return P(X >= z) of Pearson's type III law, a shifted gamma, of mean 0 and variance 1."""
    if abs(skew) < _NO_SKEW:
        return float(special.ndtr(-z))
    shape = 4 / skew**2
    place = max(0.0, shape + 2 * z / skew)
    # With negative skewness the law is the mirror image.
    return float((special.gammaincc if skew > 0 else special.gammainc)(shape, place))


def paired_design_effect(
    change: NDArray[np.signedinteger[Any]], subjects: NDArray[np.signedinteger[Any]]
) -> float:
    """Return how much more the changes of one subject agree than chance, at least 1.

    ``change`` int64 ``(n,)`` is 1 where only the current model is wrong, -1 where only the baseline is, else
    0; ``subjects`` are codes ``(n,)``, -1 for an unknown one. With d the sum of a subject's changes it is
    Σ d² over the number of changes: McNemar's counts over it give the clustered McNemar test (Durkalski et
    al., Statistics in Medicine 22, 2003).
    """
    changed = change != 0
    if not changed.any():
        return 1.0
    people, moves = subjects[changed], change[changed].astype(np.float64)
    sums = np.bincount(people[people >= 0], weights=moves[people >= 0])
    clustered = float((sums**2).sum()) + int((people < 0).sum())
    return max(1.0, clustered / len(moves))


def design_effect_of_counts(below: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """Return the design effect of shares from counts per subject.

    ``below``, ``(subjects, cuts)``, counts a subject's samples under each cut, ``sizes``, ``(subjects,)``
    all of them. With F the overall share, S subjects and n samples the ratio at a cut is
    S/(S-1) · Σ_s (below_s - size_s F)² / (n F (1-F)) (the ratio estimator of cluster sampling, Cochran,
    Sampling Techniques, ch. 11); sums over the cuts are divided. What it exceeds 1 by is raised by
    (S+3)/(S-1), since the estimate itself is uncertain with few subjects. The result is in [1, n], and
    ``nan`` where several subjects are all on the same side of every cut, which tells nothing of likeness.
    """
    total, clusters = int(sizes.sum()), len(sizes)
    if clusters < 2:
        return float(max(1, total))
    share = below.sum(axis=0) / total
    plain = float((total * share * (1 - share)).sum())
    if plain == 0:
        return math.nan
    clustered = float(((below - sizes[:, np.newaxis] * share) ** 2).sum()) * clusters / (clusters - 1)
    excess = (clustered / plain - 1) * (clusters + 3) / (clusters - 1)
    return float(np.clip(1 + excess, 1.0, total))
