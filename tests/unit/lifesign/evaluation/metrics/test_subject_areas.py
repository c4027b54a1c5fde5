import math

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import roc_auc_score

from lifesign.errors import InputError
from lifesign.evaluation.metrics.subject_areas import SubjectWins, area_by_subject


def _drawn(seed: int, *, people: int = 12, decimals: int = 1):
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, people, 150)
    positive = rng.random(150) < 0.4
    scores = np.round(rng.normal(0, 1, 150) + positive + rng.normal(0, 0.7, people)[subject], decimals)
    return scores, positive, subject


@pytest.mark.parametrize("seed", range(3))
def test_areas_without_a_subject_are_those_of_the_samples_left(seed):
    scores, positive, subject = _drawn(seed)

    wins = SubjectWins.from_samples(scores, positive, subject)

    assert wins.area == pytest.approx(roc_auc_score(positive, scores))
    left = [roc_auc_score(positive[subject != one], scores[subject != one]) for one in range(12)]
    assert wins.without_each() == pytest.approx(left)


def test_limits_are_the_jackknife_on_the_logit_scale():
    scores, positive, subject = _drawn(5)
    left = np.array([roc_auc_score(positive[subject != one], scores[subject != one]) for one in range(12)])
    moves = special.logit(left)
    # The jackknife's own formula: pseudo-values, their mean's standard error.
    error = stats.sem(12 * special.logit(roc_auc_score(positive, scores)) - 11 * moves)
    freedom = 12 / max(1.0, stats.kurtosis(moves, fisher=False) / 3) - 1

    limits = area_by_subject(SubjectWins.from_samples(scores, positive, subject))

    reach = stats.t.ppf(0.975, freedom) * error * math.sqrt(15 / 11)
    centre = special.logit(roc_auc_score(positive, scores))
    assert (limits.lower, limits.upper) == pytest.approx(
        (special.expit(centre - reach), special.expit(centre + reach))
    )


def test_the_same_samples_of_fewer_people_are_worth_less():
    scores, positive, _ = _drawn(2)
    widths = []
    for people in (150, 30, 10):
        wins = SubjectWins.from_samples(scores, positive, np.sort(np.arange(150) % people))
        widths.append(area_by_subject(wins).half_width)

    # Samples of a person are no more alike than others here: only that people are fewer tells.
    assert widths[0] < widths[2]


@pytest.mark.parametrize(
    ("scores", "positive", "subject", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], [0, 1, 0, 1], (0.0, 1.0)),
        ([0.1, 0.8, 0.2, 0.9], [0, 0, 1, 1], [0, 0, 0, 0], (0.0, 1.0)),
        ([0.1, 0.8, 0.2, 0.9], [0, 0, 1, 1], [0, 1, 2, 2], (0.0, 1.0)),
        ([0.1, 0.8], [1, 1], [0, 1], (math.nan, math.nan)),
    ],
    ids=["perfect", "one subject", "one subject has all positives", "no negative"],
)
def test_what_says_nothing_has_no_narrow_limits(scores, positive, subject, expected):
    wins = SubjectWins.from_samples(np.array(scores), np.array(positive, bool), np.array(subject))

    limits = area_by_subject(wins)

    assert (limits.lower, limits.upper) == pytest.approx(expected, nan_ok=True)


def test_without_one_subject_all_may_be_separated():
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.5, 0.7, 0.8, 0.9])
    positive = np.array([0, 0, 0, 0, 1, 1, 1, 1], bool)

    limits = area_by_subject(SubjectWins.from_samples(scores, positive, np.array([0, 1, 2, 3, 0, 1, 2, 3])))

    assert 0 < limits.lower < 15 / 16 < limits.upper <= 1


@pytest.mark.parametrize(
    "scores", [np.array([0.1, np.nan]), np.array([0.1])], ids=["not a number", "too few"]
)
def test_scores_are_one_number_per_sample(scores):
    with pytest.raises(InputError, match="expected"):
        SubjectWins.from_samples(scores, np.array([True, False]), np.array([0, 1]))
