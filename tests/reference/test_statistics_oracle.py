"""The few tests of scipy.stats that are computed here without it, beside it."""

import numpy as np
import pytest
from scipy import stats

from lifesign.evaluation.metrics.clustering import _gamma_tail
from lifesign.evaluation.metrics.comparison import mcnemar_exact
from lifesign.evaluation.metrics.ranks import midranks, rank_sum_test


def _samples(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(size=size)
    return {"distinct": values, "tied": values.round(1), "few": np.sign(values), "one": np.ones(size)}[kind]


@pytest.mark.parametrize("kind", ["distinct", "tied", "few", "one"])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 500])
def test_midranks_are_those_of_scipy(kind, size):
    values = _samples(kind, size, np.random.default_rng(size))
    assert np.array_equal(midranks(values), stats.rankdata(values))


@pytest.mark.parametrize("kind", ["distinct", "tied", "few", "one"])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 40), (20, 25), (400, 900)])
@pytest.mark.parametrize("shift", [0.0, 0.4, 3.0])
def test_the_rank_sum_test_is_that_of_scipy(kind, sizes, shift):
    rng = np.random.default_rng(sizes)
    one, other = (_samples(kind, size, rng) for size in sizes)
    one = one + shift
    found = rank_sum_test(one, other)
    expected = stats.mannwhitneyu(one, other, alternative="two-sided", method="asymptotic")
    assert found.area == expected.statistic / (sizes[0] * sizes[1])
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12, abs=0)


def test_a_sample_without_values_has_no_rank_sum():
    assert np.isnan(rank_sum_test(np.empty(0), np.ones(3)).area)


def test_mcnemar_is_the_exact_binomial_test_of_scipy():
    rng = np.random.default_rng(0)
    cases = [(0, 0), (0, 1), (1, 0), (3, 3), (0, 1000), (499_000, 501_000)]
    cases += [tuple(rng.integers(0, 10 ** rng.integers(1, 6), 2)) for _ in range(500)]
    for b, c in cases:
        expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
        assert mcnemar_exact(int(b), int(c)) == pytest.approx(expected, rel=1e-12, abs=0), (b, c)


@pytest.mark.parametrize("skew", [-8.0, -1.0, -1e-3, -1e-5, 0.0, 1e-5, 1e-4, 0.02, 0.5, 2.0, 11.0])
def test_the_gamma_tail_is_that_of_pearsons_third_law(skew):
    for z in np.linspace(-6, 12, 37):
        assert _gamma_tail(z, skew) == pytest.approx(stats.pearson3.sf(z, skew), rel=1e-12, abs=1e-300), z
