import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.score_bins import BINS, bin_index, bin_thresholds, decidable_cuts, log_odds
from lifesign.evaluation.metrics.score_histogram import (
    ScoreHistogram,
    auc,
    eer,
    rates_at,
    reduced_curve,
    roc,
    threshold_at_fnr,
    threshold_at_fpr,
    tpr_at_fpr,
)

GROUPS = ("bona_fide", "print", "replay")
BONA_FIDE, ATTACKS = {"bona_fide"}, {"print", "replay"}


def _sample(seed=0, size=2000, scale=3.0):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, size)
    margin = scale * (rng.normal(0, 1, size) + np.where(group == 0, 1.0, -0.6))
    return group, (1 / (1 + np.exp(-margin))).astype(np.float32)


def _histogram(seed=0, **options):
    group, scores = _sample(seed, **options)
    return ScoreHistogram.from_batch(GROUPS, group, scores), group, scores


def _log_uniform_scores(size=100_000, seed=0):
    rng = np.random.default_rng(seed)
    tail = np.exp(rng.uniform(np.log(1e-30), np.log(0.5), size))
    scores = np.where(rng.random(size) < 0.5, tail, 1 - tail).astype(np.float32)
    return np.concatenate([scores, np.float32([0, 0.5, 1, 2**-64, 1 - 2**-24])])


def test_bins_are_monotone_in_the_score():
    scores = np.sort(_log_uniform_scores())
    assert (np.diff(bin_index(scores)) >= 0).all()


def test_every_decidable_threshold_decides_as_counted():
    scores = np.unique(_log_uniform_scores())
    index, thresholds = bin_index(scores), bin_thresholds()
    for cut in np.flatnonzero(decidable_cuts())[::7]:
        assert ((scores >= thresholds[cut]) == (index >= cut)).all()


def test_log_odds_rank_saturated_scores_without_changing_decisions():
    margins = np.linspace(5, 45, 4001)
    scores = (1 / (1 + np.exp(-margins))).astype(np.float32)
    coarse, fine = bin_index(scores), bin_index(scores, log_odds=margins)
    assert len(np.unique(fine)) > 3 * len(np.unique(coarse))
    assert (np.diff(fine) >= 0).all()
    cuts = np.flatnonzero(decidable_cuts())
    decided_coarse, decided_fine = (np.searchsorted(cuts, index, side="right") for index in (coarse, fine))
    assert (decided_coarse == decided_fine).all()


def test_log_odds_of_two_logits_is_their_difference():
    logits = np.array([[1.0, 4.0], [700.0, -700.0]])
    assert log_odds(logits, 1).tolist() == [3.0, -1400.0]


def test_log_odds_of_three_logits_is_against_the_sum_of_the_others():
    logits = np.log([[0.2, 0.3, 0.5]])
    assert log_odds(logits, 2)[0] == pytest.approx(0.0)


@pytest.mark.parametrize("scores", [[0.5, np.nan], [-0.1, 0.2], [0.2, 1.1]])
def test_scores_outside_the_unit_interval_are_refused(scores):
    with pytest.raises(InputError, match=r"expected scores in \[0, 1\]"):
        bin_index(np.array(scores))


def test_groups_of_both_sides_are_kept_when_merged():
    one = ScoreHistogram.from_batch(("replay",), np.zeros(3, int), np.full(3, 0.5))
    two = ScoreHistogram.from_batch(("bona_fide", "print"), np.array([0, 1]), np.array([0.9, 0.1]))
    merged = one.merge(two)
    assert merged.groups == GROUPS
    assert [merged.total({name}) for name in GROUPS] == [1, 1, 3]


def test_other_bins_are_refused():
    with pytest.raises(InputError, match=rf"expected a score histogram of {BINS} bins, got 10"):
        ScoreHistogram.from_dict({"bins": 10, "groups": {}})


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_threshold_at_fpr_holds_the_rate_on_the_scores_themselves(rate):
    hist, group, scores = _histogram()
    point = threshold_at_fpr(hist, BONA_FIDE, ATTACKS, max_rate=rate)
    accepted = scores >= point.threshold
    assert accepted[group > 0].mean() <= rate
    assert point.false_positive.errors == accepted[group > 0].sum()
    assert point.false_negative.errors == (~accepted)[group == 0].sum()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5])
def test_threshold_at_fnr_is_the_highest_that_holds_the_rate(rate):
    hist, group, scores = _histogram()
    point = threshold_at_fnr(hist, BONA_FIDE, ATTACKS, max_rate=rate)
    rejected = scores < point.threshold
    assert rejected[group == 0].mean() <= rate
    assert point.false_negative.errors == rejected[group == 0].sum()
    higher = point.threshold + 0.05 * (1 - point.threshold)
    assert (scores < higher)[group == 0].mean() > rate


def test_when_only_rejecting_all_would_do_the_threshold_is_infinite():
    hist = ScoreHistogram.from_batch(GROUPS, np.array([0, 1]), np.array([1.0, 1.0]))
    point = threshold_at_fpr(hist, BONA_FIDE, ATTACKS, max_rate=0)
    assert math.isinf(point.threshold)
    assert point.false_negative.value == 1


def test_eer_splits_the_gap_of_separated_classes():
    hist = ScoreHistogram.from_batch(GROUPS, np.array([0, 0, 1, 2]), np.array([0.9, 0.95, 0.1, 0.05]))
    point = eer(hist, BONA_FIDE, ATTACKS)
    assert point.half_total_error == 0
    assert 0.3 < point.threshold < 0.7


def test_eer_without_attacks_is_nan():
    hist = ScoreHistogram.from_batch(GROUPS, np.array([0, 0]), np.array([0.9, 0.95]))
    assert math.isnan(eer(hist, BONA_FIDE, ATTACKS).half_total_error)
    assert math.isnan(auc(hist, BONA_FIDE, ATTACKS).value)


def test_tpr_at_fpr_is_refused_when_too_few_negatives_could_err():
    hist, group, _ = _histogram()
    negatives = int((group > 0).sum())
    assert tpr_at_fpr(hist, BONA_FIDE, ATTACKS, max_rate=9.9 / negatives) is None
    assert tpr_at_fpr(hist, BONA_FIDE, ATTACKS, max_rate=10 / negatives) is not None


def test_rates_at_half_are_those_of_the_scores_and_other_thresholds_are_refused():
    hist, group, scores = _histogram()
    point = rates_at(hist, BONA_FIDE, ATTACKS, threshold=0.5)
    assert point.false_positive.errors == ((scores >= 0.5) & (group > 0)).sum()
    with pytest.raises(InputError, match="bin edge"):
        rates_at(hist, BONA_FIDE, ATTACKS, threshold=0.501)


def test_reduced_curve_keeps_ends_and_original_points():
    curve = roc(_histogram(size=20_000)[0], BONA_FIDE, ATTACKS)
    small = reduced_curve(curve, points=50)
    assert 20 < len(small.thresholds) <= 50
    assert small.thresholds[0] == math.inf
    assert (small.false_positive_rate[-1], small.true_positive_rate[-1]) == (1, 1)
    assert set(small.thresholds) <= set(curve.thresholds)


def test_perfect_separation_does_not_claim_a_zero_width_interval():
    hist = ScoreHistogram.from_batch(GROUPS, np.repeat([0, 1], 20), np.repeat([0.9, 0.1], 20))
    result = auc(hist, BONA_FIDE, ATTACKS)
    assert result.value == 1
    assert result.interval.lower == pytest.approx(0.832, abs=0.001)
    assert result.interval.upper == 1


def test_inverted_scores_have_auc_below_half():
    group, scores = _sample()
    hist = ScoreHistogram.from_batch(GROUPS, group, 1 - scores)
    assert auc(hist, BONA_FIDE, ATTACKS).interval.upper < 0.5


def test_log_odds_of_other_samples_are_refused():
    with pytest.raises(InputError, match=r"\(3,\) and \(2,\)"):
        ScoreHistogram.from_batch(("p",), np.zeros(2, int), np.zeros(2), log_odds=np.zeros(3))


def test_negative_zero_is_zero():
    assert bin_index(np.array([-0.0, 0.0], np.float32)).tolist() == [0, 0]


def test_bins_of_every_float32_pattern_ascend_with_the_score():
    bits = np.append(np.arange(0, 0x3F800000, 997), 0x3F800000)
    patterns = bits.astype(np.int32).view(np.float32)
    index = bin_index(patterns)
    assert (np.diff(index) >= 0).all()
    assert (index[0], index[-1]) == (0, int(bin_index(np.ones(1))[0]))
    edges = bin_thresholds()
    cuts = np.flatnonzero(decidable_cuts())
    assert (bin_index(edges[cuts]) == cuts).all()
    below = np.nextafter(edges[cuts[1:]].astype(np.float32), np.float32(-1))
    assert (bin_index(below) < cuts[1:]).all()
