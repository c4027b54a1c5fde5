import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.delong import compare_areas


def _scores(shift, *, seed=0, size=200):
    rng = np.random.default_rng(seed)
    truth = np.repeat([True, False], size)
    common = rng.normal(0, 1, 2 * size) + 2 * truth
    return truth, common, common + rng.normal(0, 0.5, 2 * size) + shift * truth


def test_a_better_model_is_found_better():
    truth, before, now = _scores(2)
    comparison = compare_areas(before, now, truth)
    assert comparison.delta == comparison.current - comparison.baseline > 0
    assert comparison.interval.lower > 0
    assert comparison.p_value < 1e-6


def test_exchanged_models_change_the_sign_only():
    truth, before, now = _scores(0.3)
    forth, back = compare_areas(before, now, truth), compare_areas(now, before, truth)
    assert forth.delta == -back.delta
    assert forth.interval.lower == pytest.approx(-back.interval.upper)
    assert forth.p_value == pytest.approx(back.p_value)


def test_only_ranks_matter():
    truth, before, now = _scores(0.3)
    plain, bent = compare_areas(before, now, truth), compare_areas(np.exp(before), now**3, truth)
    assert plain == bent


def test_equal_ranks_are_no_proof_of_equality():
    truth, before, _ = _scores(0)
    comparison = compare_areas(before, 2 * before, truth)
    assert (comparison.delta, comparison.p_value) == (0, 1)
    assert comparison.interval.upper == pytest.approx(1 - 0.05 ** (1 / 200))


def test_copies_of_one_persons_images_do_not_make_it_surer():
    truth, before, now = _scores(0.3, size=40)
    once = compare_areas(before, now, truth)
    people = [f"p{index}" for index in range(80)]
    copied = [np.tile(values, 10) for values in (before, now, truth)]
    naive, honest = compare_areas(*copied), compare_areas(*copied, people * 10)
    assert naive.interval.half_width < 0.4 * once.interval.half_width
    assert honest.interval.half_width == pytest.approx(once.interval.half_width, rel=0.05)
    assert honest.method == "delong_subjects"


def test_one_subject_proves_nothing():
    truth, before, now = _scores(1)
    comparison = compare_areas(before, now, truth, ["one"] * len(truth))
    assert (comparison.interval.lower, comparison.interval.upper, comparison.p_value) == (-1, 1, 1)


@pytest.mark.parametrize("truth", [True, False])
def test_one_class_alone_is_undefined(truth):
    comparison = compare_areas(np.arange(3.0), np.arange(3.0), np.full(3, truth))
    assert math.isnan(comparison.delta)
    assert math.isnan(comparison.interval.lower)


@pytest.mark.parametrize(
    ("before", "now", "subjects", "words"),
    [
        ([0.1, 0.2], [0.1], None, r"\(2,\), \(1,\) and \(2,\)"),
        ([0.1, math.nan], [0.1, 0.2], None, "not a number"),
        ([0.1, 0.3], [0.1, 0.2], ["anna"], "expected 2 subjects, got 1"),
    ],
)
def test_what_does_not_pair_is_refused(before, now, subjects, words):
    with pytest.raises(InputError, match=words):
        compare_areas(np.array(before), np.array(now), np.array([True, False]), subjects)
