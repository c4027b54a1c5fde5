"""Thresholds and the rates counted there against scikit-learn's ROC curve and plain counting."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_curve

from lifesign.evaluation.metrics.costs import least_cost
from lifesign.evaluation.metrics.pad import PadCounts, apcer_at_bpcer, bpcer_at_apcer
from lifesign.evaluation.metrics.score_histogram import (
    ScoreHistogram,
    eer,
    threshold_at_fnr,
    threshold_at_fpr,
    tpr_at_fpr,
)
from lifesign.evaluation.metrics.two_thresholds import three_way_counts

NAMES = ("bona_fide", "print", "replay")
SIDES = (["bona_fide"], ["print", "replay"])


@pytest.fixture(params=range(3))
def samples(request):
    """Scores on steps of 1/64, which are bin edges, so that every step can be told exactly."""
    rng = np.random.default_rng(request.param)
    species = rng.choice(3, 4000, p=[0.4, 0.4, 0.2])
    margin = rng.normal(0, 1, 4000) + np.array([1.0, -1.2, -0.6])[species]
    scores = np.round(64 / (1 + np.exp(-margin))) / 64
    return species, scores, ScoreHistogram.from_batch(NAMES, species, scores)


def test_eer_is_the_step_of_the_roc_curve_where_the_rates_differ_least(samples):
    species, scores, hist = samples
    false_rate, true_rate, _ = roc_curve(species == 0, scores, drop_intermediate=False)
    gap = np.abs(false_rate - (1 - true_rate))
    best = np.flatnonzero(gap <= gap.min() + 1e-12)
    expected = {round(float(false_rate[one] + 1 - true_rate[one]) / 2, 9) for one in best}
    assert round(eer(hist, *SIDES).half_total_error, 9) in expected


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_tpr_at_fpr_is_the_best_step_that_keeps_the_limit(samples, rate):
    species, scores, hist = samples
    false_rate, true_rate, _ = roc_curve(species == 0, scores, drop_intermediate=False)
    best = true_rate[false_rate <= rate + 1e-12].max()
    assert 1 - tpr_at_fpr(hist, *SIDES, max_rate=rate).false_negative.value == pytest.approx(best)
    assert 1 - threshold_at_fpr(hist, *SIDES, max_rate=rate).false_negative.value == pytest.approx(best)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_threshold_at_fnr_is_the_lowest_false_rate_that_keeps_the_limit(samples, rate):
    species, scores, hist = samples
    false_rate, true_rate, _ = roc_curve(species == 0, scores, drop_intermediate=False)
    best = false_rate[1 - true_rate <= rate + 1e-12].min()
    assert threshold_at_fnr(hist, *SIDES, max_rate=rate).false_positive.value == pytest.approx(best)


@pytest.mark.parametrize("limit", [0.1, 0.05, 0.01])
def test_pad_points_are_the_best_of_all_thresholds(samples, limit):
    species, scores, hist = samples
    steps = np.append(np.arange(65) / 64, np.inf)
    bpcer = np.array([(scores[species == 0] < step).mean() for step in steps])
    worst = np.array([max((scores[species == one] >= step).mean() for one in (1, 2)) for step in steps])
    assert bpcer_at_apcer(hist, limit).bpcer.value == pytest.approx(bpcer[worst <= limit + 1e-12].min())
    assert apcer_at_bpcer(hist, limit).apcer.rate.value == pytest.approx(worst[bpcer <= limit + 1e-12].min())


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.9])
def test_pad_rates_are_those_of_the_confusion_matrix(samples, threshold):
    species, scores, _ = samples
    counts = PadCounts.from_batch(threshold, np.array(NAMES)[species], scores)
    cells = confusion_matrix(species, scores >= threshold, labels=[0, 1, 2])[:, :2]
    assert counts.bpcer().value == pytest.approx(cells[0, 0] / cells[0].sum())
    for index in (1, 2):
        assert counts.apcer(NAMES[index]).value == pytest.approx(cells[index, 1] / cells[index].sum())
    pooled = cells[1:, 1].sum() / cells[1:].sum()
    assert counts.hter() == counts.acer_pooled() == pytest.approx((pooled + counts.bpcer().value) / 2)


@pytest.mark.parametrize("costs", [(1, 1, 0.5), (30, 1, 0.02), (1, 20, 0.3)])
def test_least_cost_is_that_of_the_best_step(samples, costs):
    species, scores, hist = samples
    accept, reject, share = costs
    false_rate, true_rate, _ = roc_curve(species == 0, scores, drop_intermediate=False)
    expected = (accept * share * false_rate + reject * (1 - share) * (1 - true_rate)).min()
    point = least_cost(hist, *SIDES, cost_accept=accept, cost_reject=reject, attack_share=share)
    found = accept * share * point.false_positive.value + reject * (1 - share) * point.false_negative.value
    assert found == pytest.approx(expected)


def test_three_ways_are_plain_counts(samples):
    species, scores, hist = samples
    found = three_way_counts(hist, reject_below=0.25, accept_from=0.75)
    for index, name in enumerate(NAMES):
        own = scores[species == index]
        expected = np.histogram(own, [0, 0.25, 0.75, 1.01])[0].tolist()
        assert [found[name].rejected, found[name].uncertain, found[name].accepted] == expected
