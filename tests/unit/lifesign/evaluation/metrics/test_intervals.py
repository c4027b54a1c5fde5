import math

import numpy as np
import pytest
from scipy import stats

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import (
    Rate,
    clopper_pearson,
    is_resolved,
    lower_bound,
    newcombe_difference,
    samples_without_error,
    upper_bound,
    wilson,
)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Rate(3, 150), "3/150 = 2.0 % (0.4–5.7 %)"),
        (Rate(0, 150), "0/150 (≤ 2.0 %)"),
        (Rate(150, 150), "150/150 (≥ 98.0 %)"),
        (Rate(0, 0), "0/0 (no samples)"),
        (Rate(10, 150), "10/150 = 6.7 % (3.2–11.9 %)"),
    ],
)
def test_rate_reads_as_people_expect(rate, text):
    assert rate.text() == text


def test_rate_without_samples_is_nan_everywhere():
    rate = Rate(0, 0)
    assert math.isnan(rate.value)
    assert math.isnan(rate.interval().lower)
    assert rate.to_dict()["value"] is None
    assert rate.to_dict()["lower"] is None


def test_rates_pool():
    assert Rate(1, 10) + Rate(2, 5) == Rate(3, 15)


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(InputError, match="errors <= total"):
        Rate(*counts)


def test_level_outside_the_unit_interval_is_refused():
    with pytest.raises(InputError, match="confidence level"):
        clopper_pearson(1, 10, level=95)


@pytest.mark.parametrize("total", [20, 50, 150, 200, 1000])
@pytest.mark.parametrize("true_rate", [0.002, 0.01, 0.02, 0.05, 0.3])
def test_clopper_pearson_covers_at_least_95_percent(total, true_rate):
    """Exact coverage: the probability of every count times whether its interval holds the true rate."""
    probability = stats.binom.pmf(np.arange(total + 1), total, true_rate)
    covers = [true_rate in clopper_pearson(errors, total) for errors in range(total + 1)]
    assert probability @ covers >= 0.95


def test_rule_of_three():
    assert upper_bound(0, 150) == pytest.approx(1 - 0.05 ** (1 / 150))
    assert lower_bound(150, 150) == pytest.approx(0.05 ** (1 / 150))


def test_wilson_of_no_errors_starts_at_zero_and_of_all_errors_ends_at_one():
    assert wilson(0, 7).lower == 0
    assert wilson(7, 7).upper == 1


def test_difference_of_equal_rates_holds_zero_and_changes_sign_when_swapped():
    assert 0 in newcombe_difference(5, 50, 10, 100)
    forward, backward = newcombe_difference(20, 100, 5, 100), newcombe_difference(5, 100, 20, 100)
    assert forward.lower == pytest.approx(-backward.upper)
    assert forward.lower > 0


def test_difference_without_samples_is_nan():
    assert math.isnan(newcombe_difference(0, 0, 1, 2).lower)


@pytest.mark.parametrize(("limit", "samples"), [(0.07, 42), (0.02, 149), (0.01, 299), (0.001, 2995)])
def test_rule_of_three_says_how_many_samples_without_an_error_it_takes(limit, samples):
    assert samples_without_error(limit) == samples
    assert upper_bound(0, samples) <= limit < upper_bound(0, samples - 1)


@pytest.mark.parametrize("limit", [0, 1])
def test_no_number_of_samples_proves_zero(limit):
    with pytest.raises(InputError, match="between 0 and 1"):
        samples_without_error(limit)


@pytest.mark.parametrize(
    ("rate", "resolved"),
    [
        (Rate(3, 150), False),
        (Rate(30, 600), True),
        (Rate(0, 150), False),
        (Rate(0, 1000), True),
        (Rate(0, 0), False),
    ],
)
def test_rule_of_thirty_says_whether_a_rate_is_known(rate, resolved):
    assert is_resolved(rate) is resolved
