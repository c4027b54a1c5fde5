import numpy as np
import pytest

from lifesign.evaluation.metrics.clustering import design_effect, rate_design_effect, subject_codes


def test_identical_samples_of_a_subject_are_worth_one():
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 200), 5)
    assert design_effect(values, np.repeat(np.arange(200), 5)) == pytest.approx(5, rel=0.05)


def test_independent_samples_have_no_design_effect():
    values = np.random.default_rng(0).normal(0, 1, 5000)
    assert design_effect(values, np.repeat(np.arange(1000), 5)) < 1.15


def test_one_subject_is_worth_one_sample():
    assert design_effect(np.arange(20.0), ["a"] * 20) == 20


def test_unknown_subjects_are_different_people():
    assert subject_codes(["a", None, "a", "", None]).tolist() == [0, 1, 0, 2, 3]


def test_errors_that_sit_on_few_people_have_a_large_design_effect():
    subjects = np.repeat(np.arange(40), 10)
    assert rate_design_effect(subjects < 4, subjects) == pytest.approx(11.2, abs=0.1)
    assert rate_design_effect(np.zeros(400, bool), subjects) == 1
