"""Intervals cover the truth as often as they say; ``benchmarks/coverage.py`` measures it more finely."""

import numpy as np
import pytest
from scipy import stats

from lifesign.evaluation.metrics.intervals import clopper_pearson, upper_bound
from lifesign.evaluation.metrics.subject_accuracy import SubjectAnswers
from lifesign.evaluation.metrics.subject_areas import SubjectWins, area_by_subject
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


def test_limits_by_subject_of_the_auc_cover_it_with_twenty_very_alike_people():
    rng, true = np.random.default_rng(3), float(stats.norm.cdf(2 / 2**0.5))
    subject, positive = np.tile(np.repeat(np.arange(20), 5), 2), np.repeat([True, False], 100)
    covered = plain = 0
    for _ in range(400):
        own = rng.normal(0, 0.7**0.5, (2, 20))[positive.astype(int), subject]
        scores = np.where(positive, 1.0, -1.0) + own + rng.normal(0, 0.3**0.5, 200)
        covered += true in area_by_subject(SubjectWins.from_samples(scores, positive, subject))
        alone = SubjectWins.from_samples(scores, positive, np.arange(200))
        plain += true in area_by_subject(alone)
    assert covered / 400 >= 0.93
    assert plain / 400 <= 0.85


def test_limits_by_subject_of_accuracy_and_macro_recall_cover_them():
    rng, true = np.random.default_rng(4), 0.9
    subject, label = np.repeat(np.arange(20), 10), np.tile(np.arange(5), 40)
    hits = np.zeros(3)
    for _ in range(400):
        wrong = rng.random(200) < rng.beta(0.1 * 1.5, 0.9 * 1.5, 20)[subject]
        predicted = np.where(wrong, (label + 1) % 5, label)
        answers = SubjectAnswers.from_samples(label, predicted, subject, classes=5)
        naive = clopper_pearson(int(200 - wrong.sum()), 200)
        limits = (answers.accuracy_interval(), answers.macro_recall_interval(), naive)
        hits += [true in one for one in limits]
    assert hits[:2].min() / 400 >= 0.93
    assert hits[2] / 400 <= 0.8
