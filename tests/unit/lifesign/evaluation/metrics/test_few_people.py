import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from lifesign.evaluation.metrics.few_people import (
    degrees_of_freedom,
    effective_people,
    kolmogorov_distance,
    kolmogorov_tail,
    t_tail,
)


def test_people_of_as_many_samples_each_are_counted_and_one_of_most_samples_is_alone():
    assert effective_people(np.full(7, 20)) == pytest.approx(7)
    assert effective_people(np.array([1000, 1, 1])) == pytest.approx(1, abs=0.01)
    assert effective_people(np.zeros(0, np.int64), alone=50) == 50
    assert effective_people(np.zeros(0, np.int64)) == 0


def test_degrees_of_freedom_are_those_of_the_side_of_few_people():
    assert degrees_of_freedom((10, 10)) == pytest.approx(18)
    assert 2 < degrees_of_freedom((1e9, 3)) < 2.01
    assert degrees_of_freedom((1, 1000)) == 0


@pytest.mark.parametrize("degrees", [1, 4, 29])
@pytest.mark.parametrize("x", [0.9, 1.5, 4.0])
def test_kolmogorov_tail_is_the_mean_over_an_estimated_scale(degrees, x):
    chi = stats.chi2(degrees)

    def at(share):
        return 2 * math.exp(-2 * x**2 * chi.ppf(share) / degrees)

    expected = integrate.quad(at, 0, 1, limit=200)[0]
    assert kolmogorov_tail(x, degrees) == pytest.approx(min(1, expected), rel=1e-3)


def test_of_many_people_the_tails_are_kolmogorovs_and_the_normal_one():
    assert kolmogorov_tail(1.8, 1e7) == pytest.approx(special.kolmogorov(1.8), rel=1e-4)
    assert t_tail(-3.0, 1e7) == pytest.approx(2 * special.ndtr(-3.0), rel=1e-4)


def test_one_person_proves_nothing():
    assert kolmogorov_tail(1e9, 0) == t_tail(1e9, 0) == 1
    assert kolmogorov_distance(0.001, 0) == math.inf


@pytest.mark.parametrize("degrees", [0.5, 3, 1e4])
def test_distance_is_the_inverse_of_the_tail(degrees):
    assert kolmogorov_tail(kolmogorov_distance(1e-4, degrees), degrees) == pytest.approx(1e-4)
    assert kolmogorov_distance(1e-9, 1e-3) == math.inf
