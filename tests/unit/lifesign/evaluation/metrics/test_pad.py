import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import (
    NonResponse,
    Outcome,
    PadCounts,
    apcer_at_bpcer,
    bpcer_at_apcer,
)
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram

COUNTS = PadCounts(
    0.5,
    {
        "bona_fide": Outcome(accepted=90, rejected=10, no_response=20),
        "print": Outcome(accepted=1, rejected=99, no_response=0),
        "replay": Outcome(accepted=4, rejected=16, no_response=5),
    },
)


def test_score_equal_to_the_threshold_is_accepted():
    counts = PadCounts.from_batch(0.5, ["bona_fide", "print"], np.array([0.5, 0.5]))
    assert counts.bpcer() == Rate(0, 1)
    assert counts.apcer("print") == Rate(1, 1)


def test_headline_is_the_worst_species_not_the_pool():
    assert COUNTS.apcer_max().name == "replay"
    assert COUNTS.apcer_max().rate == Rate(4, 20)
    assert COUNTS.apcer_pooled() == Rate(5, 120)
    assert COUNTS.acer_max() == pytest.approx((0.2 + 0.1) / 2)
    assert COUNTS.hter() == pytest.approx((5 / 120 + 0.1) / 2)


@pytest.mark.parametrize(
    ("policy", "bpcer", "apcer"),
    [
        (NonResponse.EXCLUDED, Rate(10, 100), Rate(4, 20)),
        (NonResponse.AS_REJECT, Rate(30, 120), Rate(4, 25)),
        (NonResponse.AS_ACCEPT, Rate(10, 120), Rate(9, 25)),
    ],
)
def test_non_responses_count_as_the_policy_says(policy, bpcer, apcer):
    assert COUNTS.bpcer(policy) == bpcer
    assert COUNTS.apcer("replay", policy) == apcer


def test_non_response_rates():
    assert COUNTS.bpnrr() == Rate(20, 120)
    assert COUNTS.apnrr() == Rate(5, 125)
    assert COUNTS.apnrr("print") == Rate(0, 100)


def test_score_of_a_non_response_is_not_looked_at():
    counts = PadCounts.from_batch(
        0.5, ["print", "print"], np.array([0.9, np.nan]), responded=np.array([True, False])
    )
    assert counts.outcome("print") == Outcome(1, 0, 1)


def test_response_without_a_score_is_refused():
    with pytest.raises(InputError, match="score for every response"):
        PadCounts.from_batch(0.5, ["print"], np.array([np.nan]))


def test_no_attacks_give_nan():
    counts = PadCounts.from_batch(0.5, ["bona_fide"], np.array([0.7]))
    assert counts.apcer_max().name is None
    assert math.isnan(counts.acer_max())
    assert math.isnan(counts.apcer("mask").value)


def test_other_threshold_does_not_merge():
    with pytest.raises(InputError, match=r"0\.5 and 0\.6"):
        PadCounts.empty(0.5).merge(PadCounts.empty(0.6))


def _histogram(seed=4):
    rng = np.random.default_rng(seed)
    groups = ("bona_fide", "print", "replay")
    index = np.repeat([0, 1, 2], [500, 300, 100])
    margin = rng.normal(0, 2, 900) + np.array([3.0, -3.0, 0.0])[index]
    scores = (1 / (1 + np.exp(-margin))).astype(np.float32)
    return ScoreHistogram.from_batch(groups, index, scores), np.array(groups)[index], scores


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.1])
def test_bpcer_at_apcer_holds_for_every_species_and_agrees_with_counted_decisions(limit):
    hist, species, scores = _histogram()
    point = bpcer_at_apcer(hist, limit)
    counts = PadCounts.from_batch(point.threshold, species, scores)
    assert counts.apcer_max().rate.value <= limit
    assert point.apcer.rate == counts.apcer_max().rate
    assert point.bpcer == counts.bpcer()
    lower = PadCounts.from_batch(point.threshold * 0.96, species, scores)
    assert lower.apcer_max().rate.value > limit


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.1])
def test_apcer_at_bpcer_holds_and_agrees_with_counted_decisions(limit):
    hist, species, scores = _histogram()
    point = apcer_at_bpcer(hist, limit)
    counts = PadCounts.from_batch(point.threshold, species, scores)
    assert counts.bpcer().value <= limit
    assert point.apcer_by_species == {name: counts.apcer(name) for name in ("print", "replay")}


@pytest.mark.parametrize(
    ("point_of", "limited"),
    [
        pytest.param(bpcer_at_apcer, ("print", "replay"), id="no attack"),
        pytest.param(apcer_at_bpcer, ("bona_fide",), id="no bona fide"),
    ],
)
def test_without_a_sample_that_is_limited_there_is_no_point(point_of, limited):
    hist, species, scores = _histogram()
    kept = ~np.isin(species, limited)
    groups = hist.groups
    alone = ScoreHistogram.from_batch(
        groups, np.array([groups.index(name) for name in species[kept]]), scores[kept]
    )
    point = point_of(alone, 0.1)
    assert np.isnan(point.threshold)
    assert (point.apcer.rate.total, point.bpcer.total) == (0, 0)
    assert {rate.total for rate in point.apcer_by_species.values()} == {0}
