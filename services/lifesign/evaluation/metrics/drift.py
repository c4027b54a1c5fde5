"""Drift of features against a stored reference: which of them changed, by how much, beyond chance.

Two tests per feature on quantile bins of the reference, Kolmogorov–Smirnov for any change and the rank sum
for a shift, the smaller p-value twice; corrected over the features by Benjamini–Hochberg, and called
material only above an effect floor. Several images of one person tell less than images of several: sizes are
effective ones. How alike a person's images are is estimated, so the tails are those of t with the people's
degrees of freedom; a shift that is proven even if they were all the same needs no estimate, and few people
none. A fixed reference is a sample too: its own error repeats in every report, so reports over
time are not independent.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import design_effect_of_counts
from lifesign.evaluation.metrics.few_people import (
    degrees_of_freedom,
    effective_people,
    kolmogorov_distance,
    kolmogorov_tail,
    t_tail,
)
from lifesign.evaluation.metrics.multiplicity import benjamini_hochberg
from lifesign.evaluation.metrics.reference_profile import FeatureReference, ReferenceProfile

__all__ = ["DriftState", "DriftTest", "drift_tests"]

_NOBODY = ""
# Likeness shows more in ranks than in shares under a cut. For normal values of correlation r the ratio is
# asin(r / 2) 6 / π over (2 / π) asin(r) at the median, 1.5 for small r, and a little more at other cuts.
_RANK_EXCESS = 1.6


@dataclass(frozen=True, eq=False)
class DriftState:
    """Current samples in the reference's bins, whole numbers only.

    ``counts`` has an int64 ``(bins,)`` array per feature; ``clusters`` has, per subject and feature, the
    samples at or below each coarse cut and, last, all samples: what the design effect needs. The subject
    ``""`` collects samples of unknown subject; its samples count as independent.
    """

    counts: Mapping[str, NDArray[np.int64]]
    clusters: Mapping[str, Mapping[str, NDArray[np.int64]]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DriftState) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, profile: ReferenceProfile) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        counts = {name: np.zeros(len(item.counts), dtype=np.int64) for name, item in profile.features.items()}
        return cls(counts, {})

    @classmethod
    def from_batch(
        cls,
        profile: ReferenceProfile,
        samples: Mapping[str, NDArray[np.floating[Any]]],
        *,
        subjects: Sequence[str | None] | NDArray[Any] | None = None,
    ) -> Self:
        """Count values ``(n,)`` of the profile's features; values that are not finite are left out.

        Raises:
            InputError: a feature of the profile is missing, or lengths differ.
        """
        missing = sorted(set(profile.features) - set(samples))
        if missing:
            raise InputError(f"expected samples of {sorted(profile.features)}, got none of {missing}")
        size = len(next(iter(samples.values()))) if samples else 0
        names = [_NOBODY] * size if subjects is None else [_NOBODY if s is None else str(s) for s in subjects]
        people, codes = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
        counts = {}
        clusters: dict[str, dict[str, NDArray[np.int64]]] = {str(person): {} for person in people}
        for name, item in profile.features.items():
            values = np.asarray(samples[name], dtype=np.float64)
            if values.shape != (len(names),):
                raise InputError(f"expected {len(names)} values of {name!r}, got {values.shape}")
            known = np.isfinite(values)
            bins = np.searchsorted(np.asarray(item.edges), values[known])
            counts[name] = np.bincount(bins, minlength=len(item.counts))
            cuts = np.append(np.asarray(item.coarse_cuts, dtype=np.int64), len(item.counts))
            sums = np.zeros((len(people), len(cuts)), dtype=np.int64)
            np.add.at(sums, codes[known], bins[:, np.newaxis] <= cuts)
            for person, row in zip(people, sums, strict=True):
                clusters[str(person)][name] = row
        return cls(counts, clusters)

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets.

        Raises:
            InputError: the states have other features or bins.
        """
        shapes = [{name: len(row) for name, row in state.counts.items()} for state in (self, other)]
        if shapes[0] != shapes[1]:
            raise InputError(f"cannot merge drift states with bins {shapes[0]} and {shapes[1]}")
        clusters = {person: dict(rows) for person, rows in self.clusters.items()}
        for person, rows in other.clusters.items():
            own = clusters.get(person)
            clusters[person] = dict(rows) if own is None else {name: own[name] + rows[name] for name in rows}
        return type(self)({name: row + other.counts[name] for name, row in self.counts.items()}, clusters)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "counts": {name: self.counts[name].tolist() for name in sorted(self.counts)},
            "clusters": {
                person: {name: rows[name].tolist() for name in sorted(rows)}
                for person, rows in sorted(self.clusters.items())
            },
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        counts = {name: np.asarray(row, dtype=np.int64) for name, row in state["counts"].items()}
        clusters = {
            person: {name: np.asarray(row, dtype=np.int64) for name, row in rows.items()}
            for person, rows in state["clusters"].items()
        }
        return cls(counts, clusters)

    def people(self, feature: str) -> float:
        """Return how many people of as many samples each one feature's samples are worth."""
        known, alone = self._by_person(feature)
        return effective_people(known[:, -1], alone=alone)

    def design_effect(self, feature: str) -> float:
        """Return the design effect of one feature's samples by subject: from 1 to the samples per person.

        The latter where all samples of a person are the same, and where nothing tells how alike they are.
        Samples of unknown subject weigh as subjects of one sample each.
        """
        known, alone = self._by_person(feature)
        if not len(known):
            return 1.0
        samples = int(known[:, -1].sum())
        most = samples / effective_people(known[:, -1])
        effect = float(np.fmin(design_effect_of_counts(known[:, :-1], known[:, -1]), most))
        return (samples * effect + alone) / (samples + alone)

    def _by_person(self, feature: str) -> tuple[NDArray[np.int64], int]:
        """Return the counts of each known subject that has samples, and the samples of unknown subject."""
        alone = self.clusters.get(_NOBODY, {}).get(feature)
        rows = [row[feature] for person, row in self.clusters.items() if person != _NOBODY]
        table = np.array([row for row in rows if row[-1]] or np.zeros((0, 1)), dtype=np.int64)
        return table, 0 if alone is None else int(alone[-1])


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What samples are worth: by how alike they were found, and as people, all of one person's the same."""

    total: int
    effect: float
    people: float

    @property
    def effective(self) -> float:
        return self.total / self.effect

    @property
    def effective_ranks(self) -> float:
        if not self.total:
            return 0.0
        return max(self.people, self.total / (1 + _RANK_EXCESS * (self.effect - 1)))


@dataclass(frozen=True, slots=True)
class DriftTest:
    """The comparison of one feature with its reference; numbers are ``nan`` without samples.

    - statistic: Kolmogorov–Smirnov distance D over the bin edges, in [0, 1]; 0 is no change.
    - p_value: twice the smaller one of D and of the rank sum, at most 1.
    - effect: P(current > reference) - P(current < reference), in [-1, 1]: D's direction (Cliff's delta).
    - psi: population stability index over the octiles, Σ (c - r) ln(c / r); ≥ 0, informative only.
    - people: what the samples are worth as people of as many samples each; the samples where none is known.
    - minimum_detectable: the D from which a change of any shape is material; shifts are found earlier.
    """

    feature: str
    statistic: float
    p_value: float
    q_value: float
    effect: float
    psi: float
    material: bool
    n_reference: int
    n_current: int
    effective_reference: float
    effective_current: float
    people_reference: float
    people_current: float
    minimum_detectable: float


def drift_tests(
    profile: ReferenceProfile, state: DriftState, *, alpha: float = 0.01, effect_floor: float = 0.05
) -> tuple[DriftTest, ...]:
    """Compare every feature with its reference, in the profile's order.

    Material: q <= ``alpha`` over the features (Benjamini–Hochberg) *and* D >= ``effect_floor``.
    """
    names = list(profile.features)
    sizes = [_sizes(profile.features[name], state, name) for name in names]
    measured = [
        _measure(profile.features[name], state.counts[name], pair)
        for name, pair in zip(names, sizes, strict=True)
    ]
    q_values = benjamini_hochberg(np.array([item[1] for item in measured], dtype=np.float64))
    tests = []
    for name, pair, (distance, p_value), q_value in zip(names, sizes, measured, q_values, strict=True):
        item, current = profile.features[name], state.counts[name]
        tests.append(
            DriftTest(
                feature=name,
                statistic=distance,
                p_value=p_value,
                q_value=float(q_value),
                effect=_direction(np.asarray(item.counts), current),
                psi=_psi(item, current),
                material=bool(q_value <= alpha and distance >= effect_floor),
                n_reference=item.total,
                n_current=int(current.sum()),
                effective_reference=pair[0].effective,
                effective_current=pair[1].effective,
                people_reference=pair[0].people,
                people_current=pair[1].people,
                minimum_detectable=_minimum_detectable(pair, alpha / (2 * len(names)), effect_floor),
            )
        )
    return tuple(tests)


def _sizes(item: FeatureReference, state: DriftState, name: str) -> tuple[_Sizes, _Sizes]:
    """Return what the reference and the current samples are worth."""
    current = _Sizes(int(state.counts[name].sum()), state.design_effect(name), state.people(name))
    return _Sizes(item.total, item.design_effect, item.people), current


def _measure(
    item: FeatureReference, current: NDArray[np.int64], sizes: tuple[_Sizes, _Sizes]
) -> tuple[float, float]:
    """Return D and its p-value.

    Each test is made with what the samples were found to be worth, in the tails of few people, and with what
    they are worth at least, one sample per person; the latter is stronger only where the former is in doubt.
    """
    if not all(side.total for side in sizes):
        return math.nan, math.nan
    gap = np.cumsum(item.counts) / sizes[0].total - np.cumsum(current) / sizes[1].total
    distance = float(np.abs(gap).max())
    degrees = degrees_of_freedom((sizes[0].people, sizes[1].people))
    any_change = min(
        kolmogorov_tail(_scale(sizes[0].effective, sizes[1].effective) * distance, degrees),
        float(special.kolmogorov(_scale(sizes[0].people, sizes[1].people) * distance)),
    )
    return distance, min(1.0, 2 * min(any_change, _rank_sum(item, current, sizes, degrees)))


def _rank_sum(
    item: FeatureReference, current: NDArray[np.int64], sizes: tuple[_Sizes, _Sizes], degrees: float
) -> float:
    """Return the two-sided p-value of Wilcoxon's rank sum over the bins, with its correction for ties.

    With effective sizes n, z = δ / 2 / sqrt((1 - Σ t³) / 12 · (1 / n_reference + 1 / n_current)), δ the
    direction and t the bins' shares of all samples.
    """
    reference = np.asarray(item.counts, dtype=np.int64)
    share = (reference + current) / (sizes[0].total + sizes[1].total)
    spread = (1 - float((share**3).sum())) / 12
    if spread <= 0:
        return 1.0
    half = abs(_direction(reference, current)) / 2
    found = half / math.sqrt(spread * sum(1 / side.effective_ranks for side in sizes))
    least = half / math.sqrt(spread * sum(1 / side.people for side in sizes))
    return min(t_tail(found, degrees), float(2 * special.ndtr(-least)))


def _scale(reference: float, current: float) -> float:
    """Return what D is multiplied by to follow Kolmogorov's distribution (Stephens, 1970)."""
    root = math.sqrt(reference * current / (reference + current))
    return root + 0.12 + 0.11 / root


def _minimum_detectable(sizes: tuple[_Sizes, _Sizes], alpha: float, floor: float) -> float:
    if not all(side.total for side in sizes):
        return math.nan
    degrees = degrees_of_freedom((sizes[0].people, sizes[1].people))
    by_likeness = kolmogorov_distance(alpha, degrees) / _scale(sizes[0].effective, sizes[1].effective)
    by_people = float(special.kolmogi(alpha)) / _scale(sizes[0].people, sizes[1].people)
    return min(1.0, max(floor, min(by_likeness, by_people)))


def _direction(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    pairs = int(reference.sum()) * int(current.sum())
    if not pairs:
        return math.nan
    below = np.concatenate([[0], np.cumsum(reference)[:-1]])
    above = int(reference.sum()) - below - reference
    return float(current @ (below - above)) / pairs


def _psi(item: FeatureReference, current: NDArray[np.int64]) -> float:
    if not item.total or not current.sum():
        return math.nan
    starts = [0, *(cut + 1 for cut in item.coarse_cuts)]
    # Half a sample per bin keeps the logarithm finite.
    reference_counts = np.add.reduceat(np.asarray(item.counts, dtype=np.float64), starts) + 0.5
    current_counts = np.add.reduceat(current.astype(np.float64), starts) + 0.5
    reference_share = reference_counts / reference_counts.sum()
    current_share = current_counts / current_counts.sum()
    return float((current_share - reference_share) @ np.log(current_share / reference_share))
