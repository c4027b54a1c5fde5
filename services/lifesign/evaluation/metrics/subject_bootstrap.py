"""Intervals that draw whole subjects, since several images of one face are not independent.

Resampling alone knows nothing of what it has not seen: with no error among 20 people every draw has none. So
an interval here is never narrower than the exact one of as many *independent* samples as the set is worth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.errors import InputError
from lifesign.evaluation.metrics.block_counts import blocks, counts_by_code
from lifesign.evaluation.metrics.clustering import design_effect, subject_codes
from lifesign.evaluation.metrics.intervals import LEVEL, Interval
from lifesign.evaluation.metrics.score_bins import BINS, bin_index, decidable_cuts
from lifesign.evaluation.metrics.score_histogram import equal_error_step
from lifesign.evaluation.metrics.subject_areas import SubjectWins, area_by_subject

__all__ = ["SubjectInterval", "subject_intervals"]

_DRAWS = 1000
_FEWEST_DRAWS = 200
_BUDGET = 200_000_000  # cells times draws, about a second
_CELLS = 250_000  # draws times subjects at once
_Floats = NDArray[np.float64]
_Codes = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True)
class SubjectInterval:
    """One number of the whole set with the limits that drawing subjects gives.

    ``name`` is BPCER, APCER of a species, APCER max, HTER, EER or AUC.
    """

    name: str
    value: float
    interval: Interval


@dataclass(frozen=True)
class _Samples:
    """Samples ``(n,)``: subject codes, species index (bona fide is the last), whether wrong, scores."""

    subject: NDArray[np.int32]
    group: _Codes
    wrong: NDArray[np.bool_]
    bins: NDArray[np.int16]
    scores: NDArray[np.floating[Any]]
    species: tuple[str, ...]

    @property
    def subjects(self) -> int:
        return int(self.subject.max()) + 1


def subject_intervals(
    scores: NDArray[np.floating[Any]],
    species: _Codes,
    names: Sequence[str],
    subjects: Sequence[str | None] | NDArray[Any],
    *,
    threshold: float,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[SubjectInterval, ...]:
    """Return the limits of the error rates at ``threshold``, of EER and AUC, by drawing subjects.

    Scores are P(bona fide), ``(n,)``; ``species``, ``(n,)``, indexes ``names``, the PAI species, or is -1 for
    bona fide. The percentiles are expanded for few subjects (Hesterberg, The American Statistician 69, 2015);
    rates are joined with the exact interval of effective counts (Korn and Graubard, Survey Methodology 24,
    1998), AUC with the jackknife of ``subject_areas``, the others with Student's t on the logit scale. What
    has no samples is left out. ``benchmarks/coverage.py`` measures how often the truth is covered.

    Raises:
        InputError: different lengths.
    """
    values = np.asarray(scores)
    if not values.shape == species.shape == (len(subjects),):
        raise InputError(
            f"expected one species and subject per score, got {values.shape}, {species.shape} and "
            f"{(len(subjects),)}"
        )
    if not values.size:
        return ()
    # In float64, as decisions are made; NumPy widens the scores a few at a time.
    accepted = values >= np.float64(threshold)
    samples = _Samples(
        subject=subject_codes(subjects),
        group=np.where(species < 0, species.dtype.type(len(names)), species),
        wrong=np.where(species < 0, ~accepted, accepted),
        bins=bin_index(values).astype(np.int16),
        scores=values,
        species=tuple(names),
    )
    whole = np.ones(samples.subjects)
    # Before the counts, which they do not need: both at once would be the most memory of a report.
    floors = _floors(samples, level)
    counts = _Counts.of(samples)
    draws = _draw(samples, counts, np.random.default_rng(seed))
    tail = _expanded_tail(samples.subjects, level)
    found = []
    for name, value in counts.statistics(whole[np.newaxis]).items():
        column = draws[name][np.isfinite(draws[name])]
        estimate = float(value[0])
        if math.isnan(estimate):
            continue
        lower, upper = np.quantile(column, [tail, 1 - tail]) if column.size else (estimate, estimate)
        floor = floors.get(name) or _logit_limits(estimate, column, samples.subjects, level)
        limits = Interval(
            max(0.0, min(float(lower), floor[0])),
            min(1.0, max(float(upper), floor[1])),
            level,
            "subject_bootstrap",
        )
        found.append(SubjectInterval(name, estimate, limits))
    return tuple(found)


def _draw(samples: _Samples, counts: "_Counts", rng: np.random.Generator) -> Mapping[str, _Floats]:
    people = samples.subjects
    draws = int(np.clip(_BUDGET // max(1, len(samples.subject)), _FEWEST_DRAWS, _DRAWS))
    even, rows = np.full(people, 1 / people), max(1, _CELLS // people)
    # A block at a time: all draws of many subjects at once would be most of the memory of a report.
    blocks = [
        counts.statistics(rng.multinomial(people, even, size=min(rows, draws - done)).astype(np.float64))
        for done in range(0, draws, rows)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


@dataclass(frozen=True)
class _Counts:
    """What every draw weighs anew: samples and errors, ``(subjects, groups)``, and scores in order.

    ``cells``, ``(n,)``, are the places of the scores among those in use, those of bona fide after those of
    attacks; ``width``, ``(scores + 1,)``, is how many thresholds lie between a place and the next.
    """

    samples: _Samples
    size: NDArray[np.int64]
    errors: NDArray[np.int64]
    cells: NDArray[np.int16]
    width: NDArray[np.int64]

    @classmethod
    def of(cls, samples: _Samples) -> "_Counts":
        groups, people = len(samples.species) + 1, samples.subjects
        size, errors = (np.zeros((people, groups), dtype=np.int64) for _ in range(2))
        for group in range(groups):
            inside = samples.group == group
            size[:, group] = counts_by_code(samples.subject, inside, width=people)
            inside &= samples.wrong
            errors[:, group] = counts_by_code(samples.subject, inside, width=people)
        everyone = np.ones(len(samples.bins), dtype=np.bool_)
        used = counts_by_code(samples.bins, everyone, width=BINS) > 0
        scores = int(np.count_nonzero(used))
        number = np.cumsum(used, dtype=np.int16) - 1
        places = np.empty(len(samples.bins), dtype=np.int16)
        for part in blocks(len(places), 0):
            places[part] = number[samples.bins[part]]
        places[samples.group == len(samples.species)] += scores
        thresholds = np.cumsum(np.append(decidable_cuts(), True))[np.append(np.flatnonzero(used), BINS)]
        return cls(samples, size, errors, places, np.diff(thresholds, prepend=0))

    def statistics(self, weights: _Floats) -> dict[str, _Floats]:
        """Return every number for each row of weights ``(draws, subjects)``, float64 ``(draws,)``."""
        size, errors, species = self.size, self.errors, self.samples.species
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = (weights @ errors) / (weights @ size)
            pooled = (weights @ errors[:, :-1].sum(axis=1)) / (weights @ size[:, :-1].sum(axis=1))
        there = size.sum(axis=0) > 0
        result = {"BPCER": rates[:, -1]}
        result |= {f"APCER of {name}": rates[:, i] for i, name in enumerate(species) if there[i]}
        if there[:-1].any():
            # A draw may hold no sample of a species: the worst is among those it holds.
            known = np.where(np.isnan(rates[:, :-1]), -1.0, rates[:, :-1]).max(axis=1)
            result["APCER max"] = np.where(known < 0, np.nan, known)
            result["HTER"] = (pooled + rates[:, -1]) / 2
        result["EER"], result["AUC"] = self._ranked(weights)
        return result

    def _ranked(self, weights: _Floats) -> tuple[_Floats, _Floats]:
        eers, areas = np.empty(len(weights)), np.empty(len(weights))
        for row, weight in enumerate(weights):
            counts = np.zeros(2 * (len(self.width) - 1))
            # Whole numbers: the order of the sums does not matter.
            for part in blocks(len(self.cells), len(counts)):
                drawn = weight[self.samples.subject[part]]
                counts += np.bincount(self.cells[part], weights=drawn, minlength=len(counts))
            attack, genuine = counts.reshape(2, -1)
            eers[row], areas[row] = _eer_and_auc(attack, genuine, self.width)
        return eers, areas


def _eer_and_auc(attack: _Floats, genuine: _Floats, width: NDArray[np.int64]) -> tuple[float, float]:
    attacks, genuines = attack.sum(), genuine.sum()
    if not attacks or not genuines:
        return math.nan, math.nan
    rejected = np.append(0.0, np.cumsum(genuine))
    accepted = attacks - np.append(0.0, np.cumsum(attack))
    best = equal_error_step(accepted, rejected, width)
    below = np.cumsum(attack) - attack / 2
    return float(rejected[best] / genuines + accepted[best] / attacks) / 2, float(
        genuine @ below
    ) / attacks / genuines


def _floors(samples: _Samples, level: float) -> dict[str, tuple[float, float]]:
    """Return the limits that no interval may be narrower than."""
    floors: dict[str, tuple[float, float]] = {}
    effective: dict[str, float] = {}
    rates: dict[str, float] = {}
    sets = {"BPCER": len(samples.species)} | {f"APCER of {name}": i for i, name in enumerate(samples.species)}
    for name, group in sets.items():
        inside = samples.group == group
        if inside.any():
            effective[name] = _effective_size(samples, inside, level)
            rates[name] = float(samples.wrong[inside].mean())
            floors[name] = _exact(rates[name], effective[name], level)
    species = [name for name in effective if name != "BPCER"]
    if species:
        worst = max(species, key=lambda name: (rates[name], floors[name][1]))
        floors["APCER max"] = floors[worst]
    if species and "BPCER" in effective:
        attack, genuine = sum(effective[name] for name in species), effective["BPCER"]
        sides = (samples.group < len(samples.species), samples.group == len(samples.species))
        counts = [counts_by_code(samples.bins, side, width=BINS) for side in sides]
        cuts = np.append(decidable_cuts(), True).astype(np.int64)
        eer, area = _eer_and_auc(counts[0].astype(np.float64), counts[1].astype(np.float64), cuts)
        # Perfect separation: every draw is perfect too, and its spread proves nothing.
        if eer == 0:
            floors["EER"] = _exact(0.0, min(attack, genuine), level)
        floors["AUC"] = (
            _exact(area, min(attack, genuine), level) if area in (0.0, 1.0) else _jackknifed(samples, level)
        )
        hter = (float(samples.wrong[sides[0]].mean()) + float(samples.wrong[sides[1]].mean())) / 2
        if hter in (0.0, 1.0):
            floors["HTER"] = _exact(hter, min(attack, genuine), level)
    return floors


def _jackknifed(samples: _Samples, level: float) -> tuple[float, float]:
    genuine = samples.group == len(samples.species)
    # The area that is told is that of the bins.
    wins = SubjectWins.from_places(samples.bins, genuine, samples.subject, width=BINS)
    limits = area_by_subject(wins, level=level)
    return limits.lower, limits.upper


def _effective_size(samples: _Samples, inside: NDArray[np.bool_], level: float) -> float:
    """Return how many independent samples these are worth."""
    subject = subject_codes(samples.subject[inside])
    people = int(subject.max()) + 1
    # Without an error nothing tells how alike errors are; scores of one person still do.
    errors, scores = (design_effect(values[inside], subject) for values in (samples.wrong, samples.scores))
    effect = float(np.fmax(1.0, np.fmax(errors, scores)))
    size = int(inside.sum()) / effect
    if people < 2 or size < 2:
        return min(size, 1.0) if people < 2 else size
    tail = (1 + level) / 2
    spread = special.stdtrit(inside.sum() - 1, tail) / special.stdtrit(people - 1, tail)
    return float(size * spread**2)


def _exact(rate: float, size: float, level: float) -> tuple[float, float]:
    """Return the Clopper–Pearson limits of ``rate`` among ``size`` samples, which may be a fraction."""
    errors, tail = rate * size, (1 - level) / 2
    lower = float(special.betaincinv(errors, size - errors + 1, tail)) if rate > 0 else 0.0
    upper = float(special.betaincinv(errors + 1, size - errors, 1 - tail)) if rate < 1 else 1.0
    return lower, upper


def _logit_limits(value: float, draws: _Floats, subjects: int, level: float) -> tuple[float, float]:
    """Return Student's t limits on the logit scale: near 0 and 1 percentiles are too short on one side."""
    if not 0 < value < 1 or subjects < 2 or not draws.size:
        return (0.0, 1.0) if subjects < 2 else (value, value)
    # As in design_effect_of_counts: with few subjects the spread itself is uncertain, and mostly too small.
    spread = float(draws.std()) * math.sqrt((subjects + 3) / (subjects - 1))
    reach = float(special.stdtrit(subjects - 1, (1 + level) / 2)) * spread / (value * (1 - value))
    centre = special.logit(value)
    return float(special.expit(centre - reach)), float(special.expit(centre + reach))


def _expanded_tail(subjects: int, level: float) -> float:
    if subjects < 2:
        return 0.0
    reach = math.sqrt(subjects / (subjects - 1)) * special.stdtrit(subjects - 1, (1 + level) / 2)
    return float(special.ndtr(-reach))
