import numpy as np

from lifesign.evaluation.analysis.codes import Codes, binned, crossed


def test_a_cross_has_the_pairs_that_occur():
    one = Codes(("a", "b"), np.array([0, 1, 1, -1, 0]))
    other = Codes(("x", "y"), np.array([1, 0, -1, 0, 1]))
    both = crossed(one, other)
    assert both.names == ("a × y", "b × x")
    assert both.index.tolist() == [0, 1, -1, -1, 0]


def test_a_cross_with_a_column_without_values_is_empty():
    both = crossed(Codes(("a",), np.array([0, 0])), Codes((), np.array([-1, -1])))
    assert both.names == ()
    assert both.index.tolist() == [-1, -1]


def test_a_bin_begins_at_its_edge_and_missing_numbers_have_none():
    codes = binned(np.array([0.1, 0.2, 0.5, np.nan, 9.0]), (0.2, 0.6), ("1 low", "2 middle", "3 high"))
    assert [None if one < 0 else codes.names[one] for one in codes.index] == [
        "1 low",
        "2 middle",
        "2 middle",
        None,
        "3 high",
    ]
