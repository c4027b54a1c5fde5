import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.calibration import ReliabilityCounts


def test_scores_that_come_true_as_often_as_they_say_are_calibrated():
    rng = np.random.default_rng(0)
    scores = rng.random(100_000)
    state = ReliabilityCounts.from_batch(scores, rng.random(100_000) < scores)
    assert state.ece() < 0.01
    assert state.brier() == pytest.approx(1 / 6, abs=0.005)


def test_over_confidence_is_measured():
    state = ReliabilityCounts.from_batch(np.full(100, 0.99), np.arange(100) < 70)
    assert state.ece() == pytest.approx(0.29)
    assert state.mce() == pytest.approx(0.29)


def test_a_score_of_one_falls_into_the_last_bin():
    state = ReliabilityCounts.from_batch(np.array([0.0, 1.0]), np.array([False, True]))
    assert state.counts[[0, -1]].tolist() == [1, 1]
    assert state.brier() == 0
    assert math.isnan(state.bins()[7].mean_score)


def test_no_samples_give_nan():
    state = ReliabilityCounts.empty()
    assert all(math.isnan(value) for value in (state.ece(), state.mce(), state.brier()))


@pytest.mark.parametrize("scores", [[1.5], [math.nan], [-0.1]])
def test_scores_outside_the_unit_interval_are_refused(scores):
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        ReliabilityCounts.from_batch(np.array(scores), np.array([True]))


def test_other_number_of_bins_does_not_merge():
    with pytest.raises(InputError, match=r"\(15,\) and \(10,\)"):
        ReliabilityCounts.empty().merge(ReliabilityCounts.empty(10))
