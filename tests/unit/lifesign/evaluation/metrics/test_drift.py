import json
import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.drift import DriftState, drift_tests
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile

FEATURES = ("brightness", "noise", "score")


def _samples(size=400, seed=0, shift=0.0, **shifts):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shifts.get(name, shift), 1, size) for name in FEATURES}


def _by_name(tests):
    return {test.feature: test for test in tests}


def _compare(reference, current, subjects=None, **options):
    profile = ReferenceProfile.from_samples(reference)
    return _by_name(
        drift_tests(profile, DriftState.from_batch(profile, current, subjects=subjects), **options)
    )


def test_only_the_feature_that_moved_is_material_and_its_direction_is_told():
    tests = _compare(_samples(2000), _samples(500, seed=1, brightness=-0.6))
    assert [name for name, test in tests.items() if test.material] == ["brightness"]
    assert tests["brightness"].effect < -0.25
    assert tests["brightness"].statistic == pytest.approx(0.236, abs=0.06)


def test_significant_but_tiny_change_is_not_material():
    tests = _compare(_samples(200_000), _samples(200_000, seed=1, shift=0.03))
    assert all(test.q_value < 0.01 and not test.material for test in tests.values())


def test_one_subject_alone_proves_nothing():
    current = _samples(300, seed=1, shift=1.0)
    tests = _compare(_samples(2000), current, subjects=["s1"] * 300)
    assert not any(test.material for test in tests.values())
    assert all(test.effective_current == 1 and test.minimum_detectable == 1 for test in tests.values())


def test_two_people_darker_than_all_others_prove_nothing():
    reference = _samples(2000)
    profile = ReferenceProfile.from_samples(reference, subjects=np.repeat(np.arange(100), 20))
    current = _samples(100, seed=1, shift=-9.0)
    state = DriftState.from_batch(profile, current, subjects=np.repeat(["a", "b"], 50))
    tests = drift_tests(profile, state)
    assert not any(test.material for test in tests)
    assert all(test.effective_current == test.people_current == 2 for test in tests)
    assert all(test.minimum_detectable > 0.9 for test in tests)


def test_ten_people_darker_than_all_others_have_drifted():
    profile = ReferenceProfile.from_samples(_samples(2000), subjects=np.repeat(np.arange(100), 20))
    current = _samples(100, seed=1, brightness=-9.0)
    state = DriftState.from_batch(profile, current, subjects=np.repeat(np.arange(10), 10))
    assert [test.feature for test in drift_tests(profile, state) if test.material] == ["brightness"]


def test_samples_of_unknown_subject_add_to_the_people():
    profile = ReferenceProfile.from_samples(_samples(100))
    subjects = ["a"] * 10 + ["b"] * 10 + [None] * 20
    state = DriftState.from_batch(profile, _samples(40), subjects=subjects)
    assert state.people("score") == pytest.approx(40**2 / (2 * 10**2 + 20))
    assert 1 <= state.design_effect("score") <= (20 * 10 + 20) / 40


def test_a_profile_that_counts_no_people_has_as_many_as_effective_samples():
    state = ReferenceProfile.from_samples(_samples(), subjects=np.repeat(np.arange(40), 10)).to_dict()
    assert state["score"].pop("people") == 40
    item = ReferenceProfile.from_dict(state).features["score"]
    assert item.people == item.effective_total


def test_design_effect_of_the_current_samples_follows_their_correlation():
    rng = np.random.default_rng(0)
    subjects = np.repeat([f"s{i}" for i in range(50)], 10)
    shared = np.repeat(rng.normal(0, 1, 50), 10)
    profile = ReferenceProfile.from_samples({"same": rng.normal(0, 1, 999), "own": rng.normal(0, 1, 999)})
    state = DriftState.from_batch(profile, {"same": shared, "own": rng.normal(0, 1, 500)}, subjects=subjects)
    assert state.design_effect("same") == pytest.approx(10, rel=0.15)
    assert state.design_effect("own") < 1.6


def test_samples_without_subject_count_as_independent():
    values = {name: np.arange(100.0) for name in FEATURES}
    profile = ReferenceProfile.from_samples(values)
    assert DriftState.from_batch(profile, values, subjects=[None] * 100).design_effect("score") == 1


def test_minimum_detectable_is_where_a_change_becomes_material():
    reference = np.arange(1000) / 1000
    profile = ReferenceProfile.from_samples({"x": reference})
    state = DriftState.from_batch(profile, {"x": reference})
    smallest = drift_tests(profile, state)[0].minimum_detectable
    for factor, material in ((0.8, False), (1.2, True)):
        squeezed = 0.5 + (reference - 0.5) * (1 - 2 * factor * smallest)
        now = DriftState.from_batch(profile, {"x": squeezed})
        assert drift_tests(profile, now)[0].material is material


def test_a_shift_is_found_by_ranks_before_by_distance():
    rng = np.random.default_rng(3)
    reference, current = rng.normal(0, 1, 1000), rng.normal(0.25, 1, 400)
    profile = ReferenceProfile.from_samples({"x": reference})
    test = drift_tests(profile, DriftState.from_batch(profile, {"x": current}), alpha=5e-5)[0]
    assert test.statistic < test.minimum_detectable
    assert test.material


def test_values_that_are_not_finite_are_left_out():
    values = {name: np.array([1.0, np.nan, 2.0, np.inf]) for name in FEATURES}
    profile = ReferenceProfile.from_samples(values)
    assert profile.features["score"].total == 2
    assert DriftState.from_batch(profile, values).counts["score"].sum() == 2


def test_no_samples_give_nan_and_no_alert():
    profile = ReferenceProfile.from_samples(_samples())
    tests = drift_tests(profile, DriftState.empty(profile))
    assert all(math.isnan(test.statistic) and not test.material for test in tests)


def test_constant_feature_does_not_drift_until_it_changes():
    profile = ReferenceProfile.from_samples({"x": np.full(500, 3.0)})
    same = DriftState.from_batch(profile, {"x": np.full(100, 3.0)})
    other = DriftState.from_batch(profile, {"x": np.full(100, 4.0)})
    assert not drift_tests(profile, same)[0].material
    assert drift_tests(profile, other)[0].material


def test_profile_of_ten_features_is_small_json_and_reads_back():
    rng = np.random.default_rng(0)
    profile = ReferenceProfile.from_samples({f"feature_{i}": rng.normal(0, 1, 5000) for i in range(10)})
    text = json.dumps(profile.to_dict())
    assert len(text) < 20_000
    assert ReferenceProfile.from_dict(json.loads(text)) == profile


def test_missing_feature_and_other_profile_are_refused():
    profile = ReferenceProfile.from_samples(_samples())
    with pytest.raises(InputError, match="none of \\['score'\\]"):
        DriftState.from_batch(profile, {"brightness": np.zeros(2), "noise": np.zeros(2)})
    other = ReferenceProfile.from_samples({"x": np.arange(9.0)})
    with pytest.raises(InputError, match="cannot merge drift states"):
        DriftState.empty(profile).merge(DriftState.empty(other))
