import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.expected_performance import WEIGHTS, weighted_thresholds
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, rates_at


def _drawn(seed: int, size: int = 400):
    rng = np.random.default_rng(seed)
    attack = rng.random(size) < 0.5
    scores = 1 / (1 + np.exp(-rng.normal(np.where(attack, -1.0, 1.2), 1.0)))
    return ScoreHistogram.from_batch(("bona_fide", "attack"), attack.astype(int), scores), scores, attack


@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_of_the_development_scores_costs_less(seed):
    hist, scores, attack = _drawn(seed)

    chosen = weighted_thresholds(hist, ["bona_fide"], ["attack"])

    assert tuple(chosen) == WEIGHTS
    candidates = np.append(np.unique(scores), 1.1)
    accepted = np.array([(scores[attack] >= one).mean() for one in candidates])
    rejected = np.array([(scores[~attack] < one).mean() for one in candidates])
    for weight, threshold in chosen.items():
        point = rates_at(hist, ["bona_fide"], ["attack"], threshold=threshold)
        cost = weight * point.false_positive.value + (1 - weight) * point.false_negative.value
        # Bins hold a score or two: the exact minimum may lie within one.
        assert cost <= (weight * accepted + (1 - weight) * rejected).min() + 2 / 200


def test_the_more_an_accepted_attack_weighs_the_higher_the_threshold():
    thresholds = list(weighted_thresholds(_drawn(7)[0], ["bona_fide"], ["attack"]).values())

    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]


def test_both_classes_are_needed():
    with pytest.raises(InputError, match="both classes"):
        weighted_thresholds(_drawn(0)[0], ["bona_fide"], [])
