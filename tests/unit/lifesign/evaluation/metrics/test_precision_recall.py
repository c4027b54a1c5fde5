import math

import numpy as np
import pytest

from lifesign.evaluation.metrics.precision_recall import average_precision, precision_recall


def _bins(*counts):
    return np.array(counts, dtype=np.int64)


def test_perfect_order_is_one_with_nothing_to_certify():
    result = average_precision(_bins(0, 0, 2, 1), _bins(3, 1, 0, 0))
    assert (result.value, result.certificate) == (pytest.approx(1), pytest.approx(0))
    assert (result.positives, result.negatives) == (3, 4)


def test_one_sample_per_bin_is_exact():
    result = average_precision(_bins(1, 0, 1, 0, 1), _bins(0, 1, 0, 1, 0))
    assert result.value == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert result.certificate == pytest.approx(0)


def test_scores_that_tell_nothing_have_the_share_of_positives():
    assert average_precision(_bins(300), _bins(700)).value == pytest.approx(0.3, abs=5e-3)


def test_no_positives_is_nan():
    assert math.isnan(average_precision(_bins(0, 0), _bins(1, 2)).value)
    assert np.isnan(precision_recall(_bins(0, 0), _bins(1, 2)).recall).all()


def test_curve_has_a_point_per_bin_in_use_from_the_highest_score():
    curve = precision_recall(_bins(1, 0, 0, 3), _bins(4, 0, 1, 1))
    assert curve.bins.tolist() == [3, 2, 0]
    assert curve.recall.tolist() == [0.75, 0.75, 1]
    assert curve.precision.tolist() == pytest.approx([3 / 4, 3 / 5, 4 / 10])
