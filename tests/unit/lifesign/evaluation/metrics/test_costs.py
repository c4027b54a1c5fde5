import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.costs import least_cost
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, eer, rates_at

SIDES = ({"bona_fide"}, {"attack"})


def _hist(seed=0, size=400):
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1], size)
    margin = rng.normal(0, 1, 2 * size) + np.where(truth == 1, 1.0, -1.0)
    return ScoreHistogram.from_batch(("attack", "bona_fide"), truth, 1 / (1 + np.exp(-margin)))


def _cost(point, accept, reject, share):
    return accept * share * point.false_positive.value + reject * (1 - share) * point.false_negative.value


@pytest.mark.parametrize(("accept", "reject", "share"), [(1, 1, 0.5), (50, 1, 0.01), (1, 10, 0.1)])
def test_no_threshold_costs_less(accept, reject, share):
    hist = _hist()
    point = least_cost(hist, *SIDES, cost_accept=accept, cost_reject=reject, attack_share=share)
    least = _cost(point, accept, reject, share)
    assert rates_at(hist, *SIDES, threshold=point.threshold) == point
    for threshold in np.arange(1, 64) / 64:
        assert _cost(rates_at(hist, *SIDES, threshold=threshold), accept, reject, share) >= least - 1e-12


def test_dearer_attacks_raise_the_threshold():
    hist = _hist()
    thresholds = [
        least_cost(hist, *SIDES, cost_accept=cost, cost_reject=1, attack_share=0.1).threshold
        for cost in (1, 10, 100)
    ]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]


def test_equal_costs_lie_near_the_equal_error_rate():
    hist = _hist(size=20_000)
    point = least_cost(hist, *SIDES, cost_accept=1, cost_reject=1, attack_share=0.5)
    assert point.half_total_error == pytest.approx(eer(hist, *SIDES).half_total_error, abs=0.003)


@pytest.mark.parametrize(
    "values", [(-1, 1, 0.5), (0, 0, 0.5), (1, 1, 1.5)], ids=["negative", "free", "share"]
)
def test_costs_that_mean_nothing_are_refused(values):
    accept, reject, share = values
    with pytest.raises(InputError, match="expected costs"):
        least_cost(_hist(), *SIDES, cost_accept=accept, cost_reject=reject, attack_share=share)


def test_a_class_without_samples_is_refused():
    with pytest.raises(InputError, match="400 positives and 0 negatives"):
        least_cost(_hist(), {"bona_fide"}, {"mask"}, cost_accept=1, cost_reject=1, attack_share=0.5)
