"""A stored reference of features: what drift of later samples is measured against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import design_effect, subject_codes
from lifesign.evaluation.metrics.few_people import effective_people

__all__ = ["FeatureReference", "ReferenceProfile"]

_BINS = 64
_COARSE = 8


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """One feature's reference: bin i holds values in (edges[i-1], edges[i]]; one count more than edges.

    ``people`` is how many subjects of equally many samples it is worth, see ``effective_people``.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    design_effect: float
    people: float

    @property
    def total(self) -> int:
        """Number of reference samples."""
        return sum(self.counts)

    @property
    def effective_total(self) -> float:
        """Reference samples over their design effect."""
        return self.total / self.design_effect

    @property
    def coarse_cuts(self) -> tuple[int, ...]:
        """Indices of the edges nearest above the octiles: where subjects are counted."""
        shares = np.cumsum(self.counts[:-1]) / max(1, self.total)
        cuts = {int(np.searchsorted(shares, step / _COARSE)) for step in range(1, _COARSE)}
        return tuple(sorted(cut for cut in cuts if cut < len(self.edges)))


@dataclass(frozen=True)
class ReferenceProfile:
    """What drift is measured against: quantile bins of every feature; a few kilobytes as JSON."""

    features: Mapping[str, FeatureReference]

    @classmethod
    def from_samples(
        cls,
        samples: Mapping[str, NDArray[np.floating[Any]]],
        *,
        subjects: Sequence[str | None] | NDArray[Any] | None = None,
        bins: int = _BINS,
    ) -> Self:
        """Summarise values ``(n,)`` per feature; values that are not finite are left out.

        ``subjects``, ``(n,)``, makes the reference's effective size honest; without it samples count as
        independent.
        """
        return cls({name: _feature(values, subjects, bins) for name, values in sorted(samples.items())})

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as JSON values."""
        return {
            name: {
                "edges": list(item.edges),
                "counts": list(item.counts),
                "design_effect": item.design_effect,
                "people": item.people,
            }
            for name, item in self.features.items()
        }

    @classmethod
    def from_dict(cls, profile: Mapping[str, Any]) -> Self:
        """Return the profile that ``to_dict`` wrote; one without people has as many as effective samples.

        Raises:
            InputError: a feature without matching edges and counts.
        """
        features = {}
        for name, item in profile.items():
            edges, counts = tuple(map(float, item["edges"])), tuple(map(int, item["counts"]))
            if len(counts) != len(edges) + 1:
                raise InputError(
                    f"expected {len(edges) + 1} counts for {len(edges)} edges of {name!r}, got {len(counts)}"
                )
            effect = float(item["design_effect"])
            people = float(item.get("people", sum(counts) / effect))
            features[name] = FeatureReference(edges, counts, effect, people)
        return cls(features)


def _feature(
    values: NDArray[np.floating[Any]], subjects: Sequence[str | None] | NDArray[Any] | None, bins: int
) -> FeatureReference:
    numbers = np.where(np.isfinite(values), np.asarray(values, dtype=np.float64), np.nan)
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return FeatureReference((), (0,), 1.0, 0.0)
    # Six digits are enough for a bin border and keep the profile small; counts use the rounded borders.
    quantiles = np.quantile(known, np.arange(1, bins) / bins)
    edges = np.unique([float(f"{edge:.6g}") for edge in quantiles])
    counts = np.bincount(np.searchsorted(edges, known), minlength=len(edges) + 1)
    effect, people = (1.0, float(known.size)) if subjects is None else _clustered(numbers, subjects)
    return FeatureReference(tuple(edges.tolist()), tuple(counts.tolist()), round(effect, 4), round(people, 4))


def _clustered(
    numbers: NDArray[np.float64], subjects: Sequence[str | None] | NDArray[Any]
) -> tuple[float, float]:
    """Return the design effect, at most samples per person, and the people."""
    people = effective_people(np.bincount(subject_codes(subjects)[~np.isnan(numbers)]))
    most = np.count_nonzero(~np.isnan(numbers)) / people
    return float(np.fmin(design_effect(numbers, subjects), most)), people
