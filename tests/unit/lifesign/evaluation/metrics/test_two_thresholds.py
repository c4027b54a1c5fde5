import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.evaluation.metrics.two_thresholds import ThreeWayCounts, three_way_counts

HIST = ScoreHistogram.from_batch(
    ("bona_fide", "print"), np.array([0, 0, 0, 0, 1, 1]), np.array([0.1, 0.25, 0.5, 0.9, 0.2, 0.6])
)


def test_a_score_on_a_threshold_belongs_to_the_upper_side():
    counts = three_way_counts(HIST, reject_below=0.25, accept_from=0.5)
    assert counts == {"bona_fide": ThreeWayCounts(1, 1, 2), "print": ThreeWayCounts(1, 0, 1)}
    assert counts["bona_fide"].rejected_rate == Rate(1, 4)
    assert counts["bona_fide"].uncertain_rate == Rate(1, 4)
    assert counts["print"].accepted_rate == Rate(1, 2)


def test_equal_thresholds_leave_nothing_uncertain():
    assert all(
        one.uncertain == 0 for one in three_way_counts(HIST, reject_below=0.5, accept_from=0.5).values()
    )


def test_an_infinite_threshold_accepts_nothing():
    assert three_way_counts(HIST, reject_below=0.25, accept_from=math.inf)["print"] == ThreeWayCounts(1, 1, 0)


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.5, 0.25, "reject_below <= accept_from"), (0.123456, 0.5, "bin edge")]
)
def test_thresholds_that_decide_otherwise_than_counted_are_refused(low, high, words):
    with pytest.raises(InputError, match=words):
        three_way_counts(HIST, reject_below=low, accept_from=high)
