import math

import numpy as np
import pytest

from lifesign.evaluation.metrics.bias import GroupVerdict, group_gaps, prediction_bias, skin_tone_band
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.intervals import Rate

NAMES = ("attack", "bona_fide")


def _matrix(rows, names=NAMES):
    return ConfusionMatrix(names, np.array(rows, dtype=np.int64))


def test_errors_in_one_direction_are_a_bias():
    bias = prediction_bias(_matrix([[200, 0], [60, 140]]))
    assert bias.material
    assert bias.most_favoured.class_name == "attack"
    assert bias.most_favoured.difference == pytest.approx(0.15)


def test_as_many_errors_in_both_directions_are_none():
    bias = prediction_bias(_matrix([[150, 50], [50, 150]]))
    assert not bias.material
    assert bias.p_value == 1


def test_significant_but_small_shift_is_below_the_margin():
    bias = prediction_bias(_matrix([[9900, 100], [400, 9600]]))
    assert bias.p_value < 1e-6
    assert not bias.material


def test_one_answer_for_everything_is_a_collapse():
    assert prediction_bias(_matrix([[0, 100], [0, 100]])).collapse == "bona_fide"
    assert prediction_bias(_matrix([[100, 0], [0, 100]])).collapse is None


def test_only_one_class_in_the_data_is_no_collapse():
    assert prediction_bias(_matrix([[0, 0], [0, 100]])).collapse is None


def test_favoured_class_of_three_is_found():
    rows = [[100, 0, 40], [0, 100, 40], [0, 0, 100]]
    bias = prediction_bias(_matrix(rows, ("a", "b", "c")))
    assert bias.most_favoured.class_name == "c"
    assert bias.p_value < 1e-6


def test_no_samples_are_no_bias():
    bias = prediction_bias(ConfusionMatrix.empty(NAMES))
    assert not bias.material
    assert math.isnan(bias.classes[0].true_share)


def test_group_that_is_worse_alerts_and_the_others_do_not():
    rates = {f"g{index}": Rate(20, 400) for index in range(9)} | {"bad": Rate(60, 400)}
    gaps = group_gaps(rates)
    assert [item.group for item in gaps.alerts] == ["bad"]
    assert gaps.worst == "bad"
    assert gaps.max_gap == pytest.approx(0.1)
    assert {item.verdict for item in gaps.groups if item.group != "bad"} == {GroupVerdict.OK}


def test_group_that_is_better_is_no_alert():
    rates = {"good": Rate(0, 400), "one": Rate(60, 400), "two": Rate(60, 400), "three": Rate(60, 400)}
    assert "good" not in [item.group for item in group_gaps(rates).alerts]


def test_very_bad_group_does_not_hide_a_bad_one():
    rates = {"awful": Rate(270, 300), "bad": Rate(27, 60)} | {f"g{index}": Rate(9, 60) for index in range(4)}
    assert [item.group for item in group_gaps(rates).alerts] == ["awful", "bad"]


def test_demo_case_of_three_bands_is_found():
    gaps = group_gaps({"mst01-03": Rate(9, 60), "mst04-06": Rate(9, 60), "mst07-10": Rate(27, 60)})
    assert [item.group for item in gaps.alerts] == ["mst07-10"]


def test_few_samples_are_insufficient_not_ok():
    gaps = group_gaps({"small": Rate(0, 8), "large": Rate(10, 400), "other": Rate(10, 400)})
    verdicts = {item.group: item.verdict for item in gaps.groups}
    assert verdicts["small"] is GroupVerdict.INSUFFICIENT
    assert verdicts["large"] is GroupVerdict.OK


def test_correlated_samples_need_more_of_them():
    rates = {"a": Rate(9, 60), "b": Rate(9, 60), "c": Rate(27, 60)}
    assert group_gaps(rates).alerts
    assert not group_gaps(rates, design_effect=10).alerts


@pytest.mark.parametrize("rates", [{}, {"only": Rate(5, 50)}, {"empty": Rate(0, 0), "other": Rate(1, 50)}])
def test_nothing_to_compare_is_no_alert(rates):
    gaps = group_gaps(rates)
    assert not gaps.alerts
    assert all(item.verdict is GroupVerdict.INSUFFICIENT for item in gaps.groups)


@pytest.mark.parametrize(
    ("tone", "band"),
    [("mst01", "mst01-03"), ("MST_6", "mst04-06"), ("10", "mst07-10"), ("mst11", "mst11"), ("dark", "dark")],
)
def test_skin_tones_fall_into_bands(tone, band):
    assert skin_tone_band(tone) == band
