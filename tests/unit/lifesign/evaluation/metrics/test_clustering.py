import numpy as np
import pytest
from scipy import stats

from lifesign.errors import InputError
from lifesign.evaluation.metrics.clustering import (
    ErrorClusters,
    design_effect,
    design_effect_of_counts,
    paired_design_effect,
    subject_codes,
)


def test_identical_samples_of_a_subject_are_worth_one():
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 200), 5)
    assert design_effect(values, np.repeat(np.arange(200), 5)) == pytest.approx(5, rel=0.05)


def test_independent_samples_have_no_design_effect():
    values = np.random.default_rng(0).normal(0, 1, 5000)
    assert design_effect(values, np.repeat(np.arange(1000), 5)) < 1.15


def test_one_subject_is_worth_one_sample():
    assert design_effect(np.arange(20.0), ["a"] * 20) == 20


def test_people_on_one_side_of_every_cut_do_not_tell_how_alike_they_are():
    assert np.isnan(design_effect_of_counts(np.array([[0, 50], [0, 50]]), np.array([50, 50])))
    assert np.isnan(design_effect(np.full(20, 3.0), np.repeat(np.arange(4), 5)))


def test_unknown_subjects_are_different_people():
    assert subject_codes(["a", None, "a", "", None]).tolist() == [0, 1, 0, 2, 3]


def _clusters(wrong, group, subject):
    return ErrorClusters.from_samples(np.asarray(wrong, bool), np.asarray(group), np.asarray(subject))


def test_errors_that_sit_on_few_people_are_alike():
    subjects = np.repeat(np.arange(40), 10)
    clusters = _clusters(subjects < 4, np.zeros(400, int), subjects)
    assert clusters.correlation() == 1
    assert clusters.design_effects(1).tolist() == [10]
    assert _clusters(np.zeros(400), np.zeros(400, int), subjects).correlation() == 0


def test_correlation_of_errors_is_recovered():
    rng = np.random.default_rng(5)
    subjects = np.repeat(np.arange(2000), 8)
    # Beta with a + b = 4 has an intraclass correlation of 1 / (a + b + 1).
    wrong = rng.random(16000) < rng.beta(0.4, 3.6, 2000)[subjects]
    assert _clusters(wrong, subjects % 4, subjects).correlation() == pytest.approx(0.2, abs=0.03)


def test_a_difference_between_groups_is_no_likeness_of_people():
    rng = np.random.default_rng(6)
    subjects = np.repeat(np.arange(400), 10)
    group = subjects % 2
    wrong = rng.random(4000) < np.where(group, 0.6, 0.1)
    assert _clusters(wrong, group, subjects).correlation() < 0.02


def test_groups_with_larger_units_have_the_larger_design_effect():
    subjects = np.concatenate([np.repeat(np.arange(50), 2), np.repeat(np.arange(50, 60), 10)])
    wrong = subjects % 2 == 0
    effects = _clusters(wrong, (subjects >= 50).astype(int), subjects).design_effects(2)
    assert effects.tolist() == [2, 10]


def test_samples_of_unknown_people_are_units_of_their_own():
    clusters = _clusters([1, 0, 1, 1], [0, 0, 1, 1], [-1, -1, 7, 7])
    units = np.stack([clusters.group, clusters.size, clusters.errors], axis=1)
    assert sorted(units.tolist()) == [[0, 1, 0], [0, 1, 1], [1, 2, 2]]


def test_exchange_of_single_samples_is_fishers_test():
    wrong = np.array([1] * 9 + [0] * 21 + [1] * 3 + [0] * 57)
    clusters = _clusters(wrong, [0] * 30 + [1] * 60, np.full(90, -1))
    exact = stats.fisher_exact([[9, 21], [3, 57]], alternative="greater").pvalue
    assert clusters.exchange_p_value(0, np.array([1]), draws=100_000) == pytest.approx(exact, rel=0.2)


def test_exchange_beyond_what_was_drawn_follows_the_tail():
    wrong = np.array([1] * 60 + [0] * 340 + [1] * 180 + [0] * 3420)
    clusters = _clusters(wrong, [0] * 400 + [1] * 3600, np.full(4000, -1))
    exact = stats.fisher_exact([[60, 340], [180, 3420]], alternative="greater").pvalue
    assert exact < 1e-10
    assert clusters.exchange_p_value(0, np.array([1])) == pytest.approx(exact, rel=50)


def test_one_person_who_is_always_wrong_proves_nothing_about_a_group():
    subjects = np.repeat(np.arange(20), 20)
    clusters = _clusters(subjects == 0, (subjects >= 5).astype(int), subjects)
    assert clusters.exchange_p_value(0, np.array([1])) == pytest.approx(5 / 20, abs=0.02)


def test_nothing_to_exchange_is_no_test():
    assert np.isnan(_clusters([1, 0], [0, 0], [0, 1]).exchange_p_value(0, np.array([1])))


def test_arrays_of_different_length_are_refused():
    with pytest.raises(InputError, match="one group and subject per sample"):
        ErrorClusters.from_samples(np.zeros(3, bool), np.zeros(2, np.int64), np.zeros(3, np.int64))


def test_changes_of_one_person_in_the_same_direction_are_one_change():
    change = np.array([1, 1, 1, 1, -1, 0, 1, -1])
    subjects = np.array([0, 0, 0, 0, 1, 1, -1, -1])
    # 4² of the first, 1 of the second and 1 each of two unknown people over 7 changes.
    assert paired_design_effect(change, subjects) == pytest.approx(19 / 7)
    assert paired_design_effect(change, np.full(8, -1)) == 1
    assert paired_design_effect(np.zeros(8, np.int64), subjects) == 1


@pytest.mark.parametrize("spread", [1, 1000], ids=["dense", "sparse"])
def test_numbered_subjects_are_those_of_their_names(spread):
    numbers = np.random.default_rng(3).integers(-1, 40, 500).astype(np.int32)
    names = ["" if one < 0 else f"person {one}" for one in numbers.tolist()]
    coded = np.where(numbers < 0, -1, numbers * spread)
    assert subject_codes(coded).tolist() == subject_codes(names).tolist()
    values = np.random.default_rng(4).random(500)
    assert design_effect(values, coded) == design_effect(values, names)


@pytest.mark.parametrize("subjects", ["named", "numbered"])
@pytest.mark.parametrize("missing", [0.0, 0.3], ids=["all known", "some not a number"])
@pytest.mark.parametrize(
    ("dtype", "decimals"),
    [(np.float64, 16), (np.float32, 8), (np.float16, 4), (np.float64, 1)],
    ids=["double", "single", "half", "ties"],
)
def test_design_effect_is_to_the_bit_that_of_all_values_widened(dtype, decimals, missing, subjects):
    rng = np.random.default_rng(5)
    people = rng.integers(0, 30, 501)
    values = np.round(rng.normal(0, 1, 30)[people] + rng.normal(0, 1, 501), decimals).astype(dtype)
    values[rng.random(501) < missing] = np.nan
    given = [f"person {one}" for one in people.tolist()] if subjects == "named" else people
    assert design_effect(values, given) == _widened_design_effect(values, people)


def test_design_effect_of_errors_is_that_of_zeros_and_ones():
    rng = np.random.default_rng(6)
    people = rng.integers(0, 30, 501)
    wrong = rng.random(501) < rng.random(30)[people]
    assert design_effect(wrong, people) == _widened_design_effect(wrong, people) > 1.5


def _widened_design_effect(values, people):
    numbers = values.astype(np.float64)
    known = ~np.isnan(numbers)
    numbers, codes = numbers[known], subject_codes(people[known])
    cuts = np.quantile(numbers, np.arange(1, 8) / 8)
    below = np.stack([np.bincount(codes, weights=numbers <= cut) for cut in cuts], axis=1)
    return design_effect_of_counts(below.astype(np.int64), np.bincount(codes))
