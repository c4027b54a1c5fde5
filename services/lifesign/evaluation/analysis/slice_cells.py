"""Cells of one and two slice columns with their errors: what a search for the worst slices goes through."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import CodeArray, cell_numbers
from lifesign.evaluation.metrics.intervals import Rate

__all__ = ["Cell", "Grid"]


@dataclass(frozen=True)
class Cell:
    """Values of one or two columns, with the errors of its samples and of those outside.

    ``beside`` are, for two columns, the rates of what else either value alone has: of a cross that is only
    as bad as one of its parts, the part is the finding.
    """

    where: tuple[tuple[str, int], ...]
    rate: Rate
    rest: Rate
    beside: tuple[Rate, ...] = ()


@dataclass(frozen=True, eq=False)
class Grid:
    """Samples of one kind of error by column: ``columns`` holds codes ``(n,)``, −1 for no value.

    ``wrong`` is bool ``(n,)``.
    """

    columns: Mapping[str, CodeArray]
    wrong: NDArray[np.bool_]

    def cells(self, min_size: int, *, crossed: Collection[str] | None = None) -> Iterator[Cell]:
        """Yield all cells of at least ``min_size`` samples, with as many outside; columns in their order.

        Crosses are those of two ``crossed`` columns, by default of all.
        Two columns of which one follows from the other have no cells of their own.
        """
        for name in self.columns:
            yield from self._single(name, min_size)
        names = [name for name in self.columns if crossed is None or name in crossed]
        for one, other in combinations(names, 2):
            yield from self._pair(one, other, min_size)

    def members(self, cell: Cell) -> NDArray[np.bool_]:
        """Return which samples are in a cell, bool ``(n,)``."""
        inside = np.ones(len(self.wrong), dtype=np.bool_)
        for name, code in cell.where:
            inside &= self.columns[name] == code
        return inside

    def known(self, cell: Cell) -> NDArray[np.bool_]:
        """Return which samples have a value in all columns of a cell, bool ``(n,)``."""
        inside = np.ones(len(self.wrong), dtype=np.bool_)
        for name, _ in cell.where:
            inside &= self.columns[name] >= 0
        return inside

    def _single(self, name: str, min_size: int) -> Iterator[Cell]:
        codes = self.columns[name]
        known = codes >= 0
        total = np.bincount(codes[known])
        errors = np.bincount(codes[known & self.wrong], minlength=len(total))
        for code in np.flatnonzero((total >= min_size) & (total.sum() - total >= min_size)).tolist():
            rate = Rate(int(errors[code]), int(total[code]))
            yield Cell(((name, code),), rate, _less(errors.sum(), total.sum(), rate))

    def _pair(self, one: str, other: str, min_size: int) -> Iterator[Cell]:
        rows, columns = self.columns[one], self.columns[other]
        known = (rows >= 0) & (columns >= 0)
        if not known.any():
            return
        width = int(columns.max()) + 1
        cell = cell_numbers(rows, columns, width)
        size = (int(rows.max()) + 1) * width
        total = np.bincount(cell[known], minlength=size).reshape(-1, width)
        errors = np.bincount(cell[known & self.wrong], minlength=size).reshape(-1, width)
        sides = (total.sum(axis=1), total.sum(axis=0))
        if np.count_nonzero(total) <= max(np.count_nonzero(side) for side in sides):
            return
        apart = np.minimum(sides[0][:, np.newaxis], sides[1]) - total
        large = (total >= min_size) & (total.sum() - total >= min_size) & (apart >= min_size)
        for row, column in np.argwhere(large).tolist():
            rate = Rate(int(errors[row, column]), int(total[row, column]))
            yield Cell(
                ((one, row), (other, column)),
                rate,
                _less(errors.sum(), total.sum(), rate),
                (
                    _less(errors[row].sum(), total[row].sum(), rate),
                    _less(errors[:, column].sum(), total[:, column].sum(), rate),
                ),
            )


def _less(errors: np.int64, total: np.int64, rate: Rate) -> Rate:
    return Rate(int(errors) - rate.errors, int(total) - rate.total)
