"""Bins of one score: when they are told apart from bins that may hide an order."""

import math

import numpy as np
import pytest

from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc
from lifesign.evaluation.metrics.tied_scores import TiedScores


@pytest.mark.parametrize(
    ("bins", "scores", "expected"),
    [
        ([], [], [False, False]),
        ([0, 0, 0], [0.5, 0.5, 0.5], [True, False]),
        ([0, 1, 0], [0.5, 0.7, 0.5], [True, True]),
        ([0, 0, 1], [0.5, 0.5000001, 0.7], [False, True]),
        ([0, 0], [math.nan, math.nan], [False, False]),
    ],
    ids=["no sample", "one score", "two bins", "two scores", "not known"],
)
def test_a_bin_is_tied_when_it_has_one_score(bins, scores, expected):
    tied = TiedScores.from_batch(np.array(bins, np.int64), np.array(scores, float), size=2)
    assert tied.is_tied.tolist() == expected


def test_rows_of_bins_together_are_tied_where_they_have_the_same_score():
    rows = TiedScores(np.array([[0.1, 0.2, math.nan, math.inf], [0.1, 0.3, 0.4, math.nan]]))
    assert rows.pooled().is_tied.tolist() == [True, False, True, False]


def test_equal_scores_with_other_log_odds_are_not_tied():
    scores, margins = np.array([1.0, 1.0]), np.array([40.0, 40.001])
    for log_odds, certificate in ((None, 0.0), (margins, 0.5)):
        hist = ScoreHistogram.from_batch(("n", "p"), np.array([0, 1]), scores, log_odds=log_odds)
        assert auc(hist, {"p"}, {"n"}).certificate == certificate


def test_a_state_of_an_earlier_release_is_read_and_knows_no_ties():
    hist = ScoreHistogram.from_batch(("n", "p"), np.array([0, 1]), np.array([0.5, 0.5]))
    classes = MultiClassHistogram.from_batch(("n", "p"), np.array([0, 1]), np.full((2, 2), 0.5))
    for state in (hist, classes):
        stored = {name: value for name, value in state.to_dict().items() if name != "tied"}
        old = type(state).from_dict(stored)
        assert np.array_equal(old.counts, state.counts)
        assert not old.merge(state).tied.is_tied.any()
