"""False alarms and power of bias alerts on whole reports; ``benchmarks/bias.py`` measures more of each."""

import pytest

from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.testing.bias_scenarios import BIASED, UNBIASED, BiasScenario, count_alerts


def _named(scenarios):
    return [pytest.param(one, id=one.name) for one in scenarios]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", _named(UNBIASED))
def test_one_unbiased_report_in_a_hundred_may_alert(scenario):
    seen = count_alerts(scenario, 150, first=10_000)
    # One per cent must stay believable: the exact interval of what was seen holds it.
    assert clopper_pearson(seen["bias"], 150).lower <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("scenario", _named(BIASED[:5]))
def test_a_group_that_is_wrong_three_times_as_often_is_found(scenario):
    found = count_alerts(scenario, 60, first=10_000)["found"]
    assert clopper_pearson(found, 60).upper >= 0.95


def test_bias_is_alerted_and_its_absence_is_not():
    worse = BiasScenario("worse", worse=0.15)
    assert count_alerts(worse, 3)["found"] == 3
    assert count_alerts(BiasScenario("alike"), 3)["bias"] == 0


def test_a_mix_of_classes_alone_is_no_bias():
    # Four in five samples are bona fide and a seventh of either class is wrong: attack is answered too often.
    seen = count_alerts(BiasScenario("rare attacks", shares=(0.2, 0.8), rate=0.15), 5)
    assert seen["bias"] == 0
