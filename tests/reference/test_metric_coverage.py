"""Intervals cover the truth as often as they say; ``benchmarks/coverage.py`` measures it more finely."""

import numpy as np
import pytest
from scipy import stats

from lifesign.evaluation.metrics.intervals import clopper_pearson, upper_bound
from lifesign.evaluation.metrics.subject_bootstrap import subject_intervals


@pytest.mark.parametrize("size", [20, 50, 200])
def test_exact_limits_cover_every_rate(size):
    limits = [clopper_pearson(errors, size) for errors in range(size + 1)]
    # What a gate reads: one-sided where there is no error.
    uppers = np.array([upper_bound(0, size), *(one.upper for one in limits[1:])])
    for rate in np.linspace(0.001, 0.999, 333):
        chances = stats.binom.pmf(np.arange(size + 1), size, rate)
        assert sum(chances[k] for k, one in enumerate(limits) if rate in one) >= 0.95 - 1e-9
        assert chances[rate <= uppers].sum() >= 0.95 - 1e-9


@pytest.mark.slow
def test_limits_by_subject_cover_where_independent_ones_do_not():
    rng = np.random.default_rng(0)
    people, each, shift, true = 25, 8, 1.3, float(stats.norm.cdf(-1.3))
    subject = np.repeat(np.arange(people), 2 * each)
    species = np.tile(np.repeat([-1, 0], each), people)
    covered = plain = 0
    for _ in range(150):
        own = rng.normal(0, 0.7**0.5, (people, 2))[subject, species + 1]
        margin = -shift * (2 * species + 1) + own + rng.normal(0, 0.3**0.5, len(subject))
        scores = 1 / (1 + np.exp(-margin))
        found = subject_intervals(scores, species, ("print",), subject.astype(str), threshold=0.5)
        covered += true in next(one for one in found if one.name == "APCER max").interval
        errors = int((scores[species == 0] >= 0.5).sum())
        plain += true in clopper_pearson(errors, people * each)
    assert covered / 150 >= 0.93
    assert plain / 150 <= 0.85
