import math

import numpy as np
import pytest

from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.prediction_bias import flow_design_effects, prediction_bias

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


@pytest.mark.parametrize(
    ("rows", "favoured"),
    [
        ([[90, 10], [90, 810]], None),
        ([[100, 0], [90, 810]], "attack"),
        ([[30, 70], [0, 900]], "bona_fide"),
    ],
    ids=["errors alike for both", "only bona fide pay", "only attacks pay"],
)
def test_a_rare_class_answered_too_often_by_errors_alike_for_all_is_no_bias(rows, favoured):
    bias = prediction_bias(_matrix(rows))
    assert (bias.most_favoured.class_name if bias.most_favoured else None) == favoured


def test_errors_alike_for_classes_of_any_size_are_no_bias():
    # Of 8,000, 1,000 and 1,000 samples a fifth each is wrong, spread over the other two.
    bias = prediction_bias(_matrix([[6400, 800, 800], [100, 800, 100], [100, 100, 800]], ("a", "b", "c")))
    assert [round(one.difference, 2) for one in bias.classes] == [-0.14, 0.07, 0.07]
    assert [round(one.favour, 6) for one in bias.classes] == [0, 0, 0]
    assert not bias.material


def test_a_class_answered_too_rarely_is_material_and_not_favoured():
    rows = [[50, *[6] * 9], *([0] * index + [54] + [0] * (9 - index) for index in range(1, 10))]
    bias = prediction_bias(_matrix(rows, tuple("abcdefghij")), alpha=0.001)
    assert [one.class_name for one in bias.classes if one.material] == ["a"]
    assert bias.most_favoured is None


def test_errors_of_few_people_are_worth_less():
    true, predicted = np.zeros(60, np.int64), np.array([1] * 30 + [0] * 30)
    effects = flow_design_effects(true, predicted, np.repeat(np.arange(6), 10), classes=2)
    alone = flow_design_effects(true, predicted, np.full(60, -1), classes=2)
    assert effects.tolist() == [10, 10]
    assert alone.tolist() == [1, 1]
    matrix = _matrix([[4700, 300], [0, 1000]])
    assert prediction_bias(matrix, margin=0.03).material
    assert not prediction_bias(matrix, margin=0.03, design_effects=effects).material
