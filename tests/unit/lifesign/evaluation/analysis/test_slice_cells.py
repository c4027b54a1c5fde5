import numpy as np

from lifesign.evaluation.analysis.slice_cells import Grid
from lifesign.evaluation.metrics.intervals import Rate


def _grid(seed=0, samples=600):
    rng = np.random.default_rng(seed)
    one, other = rng.integers(-1, 3, samples), rng.integers(-1, 2, samples)
    return Grid({"one": one, "other": other, "same": one * 2}, rng.random(samples) < 0.2)


def _rate(grid, rows):
    return Rate(int(grid.wrong[rows].sum()), int(rows.sum()))


def test_cells_hold_the_errors_of_their_members_of_the_rest_and_beside():
    grid = _grid()
    cells = list(grid.cells(20))
    assert any(len(cell.where) == 2 for cell in cells)
    for cell in cells:
        inside, known = grid.members(cell), grid.known(cell)
        assert cell.rate == _rate(grid, inside)
        assert cell.rest == _rate(grid, known & ~inside)
        for (name, code), beside in zip(cell.where, cell.beside, strict=False):
            assert beside == _rate(grid, known & ~inside & (grid.columns[name] == code))


def test_columns_of_which_one_follows_from_the_other_are_not_crossed():
    crossed = {tuple(name for name, _ in cell.where) for cell in _grid().cells(20) if len(cell.where) == 2}
    assert crossed == {("one", "other"), ("other", "same")}


def test_small_cells_and_cells_with_too_little_outside_are_left_out():
    codes = np.array([0] * 100 + [1] * 19)
    assert list(Grid({"one": codes}, np.zeros(119, bool)).cells(20)) == []
    assert len(list(Grid({"one": codes}, np.zeros(119, bool)).cells(19))) == 2
