"""Where the model is worst: a search over all slices and their crosses that pays for having searched.

Among hundreds of slices the worst looks bad by chance. So every p-value is corrected (Holm) over everything
that was large enough to be looked at, and the interval holds for all of it at once.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lifesign.evaluation.analysis.codes import CodeArray, Codes
from lifesign.evaluation.analysis.group_errors import ErrorKind, error_kinds
from lifesign.evaluation.analysis.rates import optional, rate_row
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.slice_cells import Cell, Grid
from lifesign.evaluation.metrics.bias import fisher_exact
from lifesign.evaluation.metrics.clustering import ErrorClusters
from lifesign.evaluation.metrics.intervals import Rate, effective_rate, newcombe_difference
from lifesign.evaluation.metrics.multiplicity import holm
from lifesign.evaluation.report.document import SliceFinding, SliceSearch
from lifesign.evaluation.report.wording import p_words, percent
from lifesign.labels import BONA_FIDE

__all__ = ["find_worst_slices"]

_ALPHA = 0.05  # of the whole search; it makes no alert
_MIN_SIZE = 20
_MAX_VALUES = 50
_MAX_CROSSED = 16
_NAMED = 5
_TESTED = 30
_SHOWN = 5
_SPECIES = "pai_species"


@dataclass(frozen=True)
class _Tested:
    kind: str
    cell: Cell
    p_value: float
    design_effects: tuple[float, float]


def find_worst_slices(columns: RunPredictions) -> SliceSearch | None:
    """Return the worst slices and the worst crosses of two, up to five each; ``None`` without slices.

    Searched are all slice columns of up to 50 values, the measured slices, and for APCER the species; and
    crosses of the species and the first columns, 16 in all. Choosing those that look worst would have to pay
    for all crosses there are.
    A cell has 20 samples at least, inside and outside. It is "worse" when its errors exceed those of all
    other samples, and a cross also those of what else each of its two values has, by Fisher's exact test
    with counts divided by the design effect of subjects, and by an exchange of whole subjects where they
    gave several samples.
    """
    found = _columns(columns)
    codes = {name: one for name, one in found.items() if 2 <= len(one.names) <= _MAX_VALUES}
    if not codes:
        return None
    crossed = list(codes)[:_MAX_CROSSED]
    searched, tested = 0, list[_Tested]()
    for kind in error_kinds(columns):
        if columns.spec.task == "classification" or kind.name != "error rate":
            count, worst = _search(kind, codes, crossed)
            searched += count
            tested += worst
    if not searched:
        return None
    # Those not tested exactly look better than these, so they take ranks behind them.
    p_values = np.array([one.p_value for one in tested])
    adjusted = holm(np.concatenate([p_values, np.ones(searched - len(tested))]))
    order = sorted(
        range(len(tested)), key=lambda row: (adjusted[row], p_values[row], -_gap(tested[row].cell))
    )
    rows = [_finding(tested[row], float(adjusted[row]), searched, codes) for row in order]
    shown = [row for ways in (1, 2) for row in [one for one in rows if len(one.slices) == ways][:_SHOWN]]
    not_crossed = tuple(name for name in codes if name not in crossed)
    not_searched = tuple(name for name, one in found.items() if len(one.names) > _MAX_VALUES)
    return SliceSearch(
        searched=searched,
        not_crossed=not_crossed,
        not_searched=not_searched,
        min_size=_MIN_SIZE,
        alpha=_ALPHA,
        findings=tuple(sorted(shown, key=rows.index)),
        sentence=_sentence(rows, searched) + _left_out(not_crossed, not_searched),
    )


def _columns(columns: RunPredictions) -> dict[str, Codes]:
    """Return the codes of all columns by name, the species of a liveness model before what slices it has."""
    names = dict.fromkeys((*columns.group_columns, *columns.spec.measured_slices))
    codes = {name: columns.slice_codes(name) for name in names}
    species = [name for name in columns.groups.names if name != BONA_FIDE]
    return {_SPECIES: columns.groups, **codes} if codes and len(species) > 1 else codes


def _search(
    kind: ErrorKind, codes: Mapping[str, Codes], crossed: Collection[str]
) -> tuple[int, list[_Tested]]:
    """Return how many cells there are, and those that look worst with their p-values."""
    fitting = {name: one for name, one in codes.items() if name != _SPECIES or kind.name == "APCER"}
    grid = Grid({name: one.index[kind.rows] for name, one in fitting.items()}, kind.wrong)
    cells = list(grid.cells(_MIN_SIZE, crossed=crossed))
    worse = [cell for cell in cells if _gap(cell) > 0]
    worst = [
        cell
        for ways in (1, 2)
        for cell in sorted((one for one in worse if len(one.where) == ways), key=_sureness, reverse=True)[
            :_TESTED
        ]
    ]
    people = _People.of(kind)
    return len(cells), [_test(kind, grid, cell, people, searched=len(cells)) for cell in worst]


@dataclass(frozen=True)
class _People:
    """How much alike the errors of one subject are, and the design effect that gives over all samples."""

    correlation: float
    overall: float

    @classmethod
    def of(cls, kind: ErrorKind) -> "_People | None":
        """Return ``None`` where no subject gave two samples."""
        if not kind.has_repeats:
            return None
        clusters = ErrorClusters.from_samples(kind.wrong, np.zeros(len(kind.rows), np.int8), kind.subjects)
        return cls(clusters.correlation(), float(clusters.design_effects(1)[0]))

    def within(self, subjects: CodeArray) -> float:
        """Return the design effect of some of the samples."""
        sizes = np.bincount(subjects[subjects >= 0]).astype(np.float64)
        alone = int((subjects < 0).sum())
        return 1 + ((float((sizes**2).sum()) + alone) / len(subjects) - 1) * self.correlation


def _gap(cell: Cell) -> float:
    return cell.rate.value - cell.rest.value


def _sureness(cell: Cell) -> float:
    """Return the z of the two rates; the smallest against the rest and beside."""
    return min(_z(cell.rate, other) for other in (cell.rest, *cell.beside))


def _z(rate: Rate, rest: Rate) -> float:
    pooled = (rate + rest).value
    spread = math.sqrt(pooled * (1 - pooled) * (1 / rate.total + 1 / rest.total))
    return (rate.value - rest.value) / spread if spread else 0.0


def _test(kind: ErrorKind, grid: Grid, cell: Cell, people: _People | None, *, searched: int) -> _Tested:
    if people is None:
        return _Tested(kind.name, cell, _fisher(cell, (1.0, 1.0)), (1.0, 1.0))
    inside = grid.members(cell)
    effects = (people.within(kind.subjects[inside]), people.overall)
    p_value = _fisher(cell, effects)
    # The exchange takes long and can only raise what would have been a finding.
    if p_value * (searched - 2 * _TESTED) <= _ALPHA:
        known = grid.known(cell)
        clusters = ErrorClusters.from_samples(
            grid.wrong[known], (~inside[known]).astype(np.int8), kind.subjects[known]
        )
        p_value = max(p_value, clusters.exchange_p_value(0, np.array([1])))
    return _Tested(kind.name, cell, p_value, effects)


def _fisher(cell: Cell, effects: tuple[float, float]) -> float:
    """Return the largest p-value of the cell against the rest and, for a cross, beside."""
    found = []
    for other in (cell.rest, *cell.beside):
        own, rest = effective_rate(cell.rate, effects[0]), effective_rate(other, effects[1])
        counts = [round(number) for number in (*own, *rest)]
        worse = cell.rate.value > other.value
        found.append(fisher_exact(counts[0], counts[1], counts[2], counts[3]) if worse else 1.0)
    return max(found)


def _finding(one: _Tested, adjusted: float, searched: int, codes: Mapping[str, Codes]) -> SliceFinding:
    cell = one.cell
    limits = newcombe_difference(
        *effective_rate(cell.rate, one.design_effects[0]),
        *effective_rate(cell.rest, one.design_effects[1]),
        level=1 - _ALPHA / searched,
    )
    verdict: Literal["worse", "unproven"] = "worse" if adjusted <= _ALPHA else "unproven"
    return SliceFinding(
        metric=one.kind,
        slices={name: codes[name].names[code] for name, code in cell.where},
        rate=rate_row(cell.rate),
        rest=rate_row(cell.rest),
        difference=_gap(cell),
        lower=optional(limits.lower),
        upper=optional(limits.upper),
        p_value=one.p_value,
        corrected_p=adjusted,
        verdict=verdict,
    )


def _sentence(rows: Sequence[SliceFinding], searched: int) -> str:
    tried = f"{searched} slices and crosses of two were searched"
    proven = [row for row in rows if row.verdict == "worse"]
    if not proven:
        return f"{tried}; none is worse than the others beyond what searching so many finds by chance."
    first = proven[0]
    where = " and ".join(f"{name}={value}" for name, value in first.slices.items())
    more = f", and {len(proven) - 1} more" if len(proven) > 1 else ""
    return (
        f"{tried}. Worst beyond chance: {where}, {first.metric} {percent(first.rate.value)} "
        f"({first.rate.errors}/{first.rate.total}) against {percent(first.rest.value)} of the others, "
        f"corrected {p_words(first.corrected_p)}{more}."
    )


def _left_out(not_crossed: Sequence[str], not_searched: Sequence[str]) -> str:
    sentences = []
    if not_crossed:
        sentences.append(
            f"Crosses with {_named(not_crossed)} were not searched: only {_MAX_CROSSED} columns are crossed."
        )
    if not_searched:
        sentences.append(f"{_named(not_searched)}, of more than {_MAX_VALUES} values, could not be searched.")
    return "".join(f" {one}" for one in sentences)


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
