import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.calibration import ReliabilityCounts
from lifesign.evaluation.metrics.equal_mass_calibration import FineReliability


def test_bins_hold_about_equally_many():
    rng = np.random.default_rng(0)
    scores = rng.random(30_000) ** 0.1
    rows = FineReliability.from_batch(scores, rng.random(30_000) < scores).equal_mass(15)
    assert len(rows) == 15
    assert sum(row.count for row in rows) == 30_000
    # Bins of the score are 1/64 of an octave wide: the most crowded one may move.
    assert min(row.count for row in rows) > 1500
    assert all(row.lower <= row.mean_score < row.upper for row in rows)


def test_miscalibration_hidden_in_one_wide_bin_is_seen():
    scores = np.repeat([0.9351, 0.9999], 5000)
    outcomes = np.concatenate([np.arange(5000) < 5000, np.arange(5000) < 0.9351 * 5000])
    assert ReliabilityCounts.from_batch(scores, outcomes).ece() < 1e-3
    assert FineReliability.from_batch(scores, outcomes).adaptive_ece() == pytest.approx(0.0648, abs=1e-3)


def test_calibrated_scores_have_a_small_error():
    rng = np.random.default_rng(1)
    scores = rng.random(100_000)
    assert FineReliability.from_batch(scores, rng.random(100_000) < scores).adaptive_ece() < 0.01


def test_nothing_is_nan():
    assert math.isnan(FineReliability.empty().adaptive_ece())


@pytest.mark.parametrize(("scores", "words"), [([0.1, 0.2], r"\(2,\) and \(1,\)"), ([1.2], r"\[0, 1\]")])
def test_what_is_no_score_is_refused(scores, words):
    with pytest.raises(InputError, match=words):
        FineReliability.from_batch(np.array(scores), np.array([True]))
