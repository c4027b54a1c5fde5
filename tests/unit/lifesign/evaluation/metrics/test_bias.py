import numpy as np
import pytest

from lifesign.evaluation.metrics.bias import (
    GroupVerdict,
    group_gaps,
    is_material,
    skin_tone_band,
    smoothed_ratio,
    stratified_p_value,
)
from lifesign.evaluation.metrics.intervals import Rate


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
    assert not group_gaps(rates, design_effects=dict.fromkeys(rates, 10.0)).alerts


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


def test_a_second_test_that_does_not_agree_withholds_the_alert():
    rates = {"a": Rate(9, 60), "b": Rate(9, 60), "c": Rate(27, 60)}
    asked = []

    def second(name, others):
        asked.append((name, tuple(others)))
        return 0.2

    gaps = group_gaps(rates, second=second)
    assert not gaps.alerts
    # Only the group that could alert is asked about: the second test may be slow.
    assert asked == [("c", ("a", "b"))]
    assert next(item for item in gaps.groups if item.group == "c").p_value == 0.2


def test_two_groups_are_one_test():
    gaps = group_gaps({"a": Rate(4, 100), "b": Rate(16, 100)})
    assert [item.q_value for item in gaps.groups] == [item.p_value for item in gaps.groups]
    assert [item.verdict.value for item in gaps.groups] == ["ok", "alert"]


def test_groups_too_small_to_judge_do_not_weaken_the_others():
    rates = {"a": Rate(9, 60), "b": Rate(27, 60)} | {f"tiny{index}": Rate(0, 2) for index in range(30)}
    judged = {item.group: item for item in group_gaps(rates).groups}
    assert judged["b"].q_value == pytest.approx(2 * judged["b"].p_value)
    assert np.isnan(judged["tiny1"].q_value)


@pytest.mark.parametrize(
    ("rate", "rest", "material"),
    [
        (0.15, 0.05, True),
        (0.25, 0.21, False),
        (0.045, 0.01, True),
        (0.015, 0.0, False),
        (0.05, 0.03, False),
        (0.02, 0.1, False),
    ],
)
def test_a_gap_matters_by_points_or_when_the_rate_doubles(rate, rest, material):
    assert is_material(rate, rest, 0.05) is material


def test_ratio_without_errors_is_finite():
    assert smoothed_ratio(Rate(4, 99), Rate(0, 99)) == pytest.approx(9)


def test_a_group_that_only_met_the_harder_attacks_is_not_worse():
    easy_and_hard = np.array([1, 30]), np.array([20, 100])
    p_value = stratified_p_value(*easy_and_hard, np.array([5, 30]), np.array([100, 100]))
    worse = stratified_p_value(
        np.array([10, 60]), np.array([20, 100]), np.array([5, 30]), np.array([100, 100])
    )
    assert p_value > 0.3
    assert worse < 1e-6
    apart = np.array([3, 0]), np.array([9, 0]), np.array([0, 1]), np.array([0, 9])
    assert stratified_p_value(*apart) == 1
