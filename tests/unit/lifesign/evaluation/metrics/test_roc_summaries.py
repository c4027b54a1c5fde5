import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.roc_summaries import hull_eer, mean_curve, partial_auc, roc_hull
from lifesign.evaluation.metrics.score_histogram import RocCurve, ScoreHistogram, roc


def _curve(*points):
    x, y = np.array(points, dtype=np.float64).T
    return RocCurve(np.zeros(len(x)), x, y)


DENTED = _curve((0, 0), (0, 0.5), (0.3, 0.55), (0.5, 1), (1, 1))


def test_hull_leaves_out_the_dent():
    assert np.array(roc_hull(DENTED)).T.tolist() == [[0, 0], [0, 0.5], [0.5, 1], [1, 1]]


def test_hull_eer_is_where_the_hull_meets_equal_rates():
    # On the line from (0, 0.5) to (0.5, 1): x = 1 - (0.5 + x).
    assert hull_eer(DENTED) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (_curve((0, 0), (0, 1), (1, 1)), 0.0),
        (_curve((0, 0), (1, 1)), 0.5),
        (_curve((0, 0), (1, 0), (1, 1)), 0.5),
    ],
    ids=["perfect", "chance", "inverted"],
)
def test_hull_eer_of_the_extremes(curve, expected):
    assert hull_eer(curve) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("curve", "expected"), [(_curve((0, 0), (0, 1), (1, 1)), 1.0), (_curve((0, 0), (1, 1)), 0.5)]
)
def test_partial_area_of_the_extremes(curve, expected):
    assert partial_auc(curve, max_rate=0.1) == pytest.approx(expected)


def test_the_whole_area_is_the_auc():
    assert partial_auc(DENTED, max_rate=1) == pytest.approx(
        np.trapezoid(DENTED.true_positive_rate, DENTED.false_positive_rate)
    )


def test_one_class_alone_is_nan():
    curve = roc(ScoreHistogram.from_batch(("n", "p"), np.ones(3, int), np.ones(3)), {"p"}, {"n"})
    assert math.isnan(hull_eer(curve))
    assert math.isnan(partial_auc(curve, max_rate=0.5))


@pytest.mark.parametrize("rate", [0, 1.5])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InputError, match=r"\(0, 1\]"):
        partial_auc(DENTED, max_rate=rate)


def test_the_mean_of_curves_keeps_steps_and_area():
    steep = _curve((0, 0), (0, 0.5), (1, 1))
    mean = mean_curve([steep, DENTED])
    area = np.trapezoid(mean.true_positive_rate, mean.false_positive_rate)
    alone = [np.trapezoid(one.true_positive_rate, one.false_positive_rate) for one in (steep, DENTED)]
    assert area == pytest.approx(np.mean(alone), abs=1e-12)
    assert mean.true_positive_rate[:2].tolist() == [0, 0.5]
    assert (mean.true_positive_rate[-1], mean.false_positive_rate[-1]) == (1, 1)


def test_undefined_curves_are_no_part_of_the_mean():
    undefined = _curve((0, math.nan), (1, math.nan))
    assert len(mean_curve([undefined]).thresholds) == 0
    both = mean_curve([undefined, DENTED])
    assert np.trapezoid(both.true_positive_rate, both.false_positive_rate) == pytest.approx(
        np.trapezoid(DENTED.true_positive_rate, DENTED.false_positive_rate)
    )
