import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.probability_scores import LARGEST_CLIPPED_LOSS, ProbabilityScores

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])


def test_a_true_class_further_down_needs_a_larger_k():
    state = ProbabilityScores.from_batch(np.array([0, 1, 0]), SCORES)
    assert [state.top(k) for k in (1, 2, 3)] == [Rate(2, 3), Rate(1, 3), Rate(0, 3)]


def test_of_equal_scores_the_first_class_is_the_better_one():
    state = ProbabilityScores.from_batch(np.array([0, 1, 2]), np.full((3, 3), 1 / 3))
    assert state.top(1).errors == 2 == int((np.full((3, 3), 1 / 3).argmax(axis=1) != [0, 1, 2]).sum())
    assert state.top(2).errors == 1


def test_certainty_costs_nothing_when_right():
    state = ProbabilityScores.from_batch(np.array([0, 1]), np.eye(2))
    assert state.log_loss() == state.brier() == 0


def test_certainty_costs_a_finite_lot_when_wrong():
    state = ProbabilityScores.from_batch(np.array([1, 0]), np.eye(2))
    assert state.brier() == 2
    assert state.log_loss() == pytest.approx(87.3365, abs=1e-3) == pytest.approx(LARGEST_CLIPPED_LOSS)
    assert state.clipped == 2


@pytest.mark.parametrize(
    ("score", "logits", "clipped"),
    [(0.0, None, 1), (1e-300, None, 1), (1e-37, None, 0), (0.0, np.array([[200.0, 0.0]]), 0)],
    ids=["zero", "below the clip", "above it", "logits"],
)
def test_samples_at_the_clip_are_counted(score, logits, clipped):
    scores = np.array([[1 - score, score]])
    one = ProbabilityScores.from_batch(np.array([1]), scores, logits=logits)
    assert one.merge(one).clipped == 2 * clipped


def test_the_clip_and_its_samples_make_the_difference_to_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 300)
    scores = np.round(np.clip(rng.normal(0.3 + 0.4 * true, 0.25), 0, 1), 1)
    state = ProbabilityScores.from_batch(true, np.stack([1 - scores, scores], axis=1))
    # scikit-learn clips at the step of float64.
    other = log_loss(true, scores, labels=[0, 1])
    step = -math.log(np.finfo(np.float64).eps)
    assert state.clipped > 0
    assert state.log_loss() - other == pytest.approx(state.clipped * (LARGEST_CLIPPED_LOSS - step) / 300)


def test_a_state_of_an_earlier_release_is_read():
    stored = ProbabilityScores.from_batch(np.array([0, 1, 0]), SCORES).to_dict()
    del stored["clipped"]
    assert ProbabilityScores.from_dict(stored).clipped == 0


def test_logits_tell_a_loss_that_float32_scores_round_away():
    logits = np.array([[200.0, 0.0]])
    scores = np.array([[1.0, 0.0]], np.float32)
    state = ProbabilityScores.from_batch(np.array([1]), scores, logits=logits)
    assert state.log_loss() == pytest.approx(200)


def test_nothing_is_nan():
    state = ProbabilityScores.empty(3)
    assert math.isnan(state.log_loss())
    assert math.isnan(state.brier())
    assert math.isnan(state.top(1).value)


@pytest.mark.parametrize(
    ("true", "scores", "words"),
    [
        ([0, 1], SCORES, r"\(3, 3\) and \(2,\)"),
        ([0, 1, 3], SCORES, "0…2, got 0…3"),
        ([0, 1, 2], SCORES * 2, r"\[0, 1\], got 0.2 to 1.4"),
        ([0, 1, 2], SCORES * np.nan, r"\[0, 1\], got nan"),
    ],
)
def test_what_is_no_probability_vector_is_refused(true, scores, words):
    with pytest.raises(InputError, match=words):
        ProbabilityScores.from_batch(np.array(true), scores)


@pytest.mark.parametrize("k", [0, 4])
def test_a_k_that_is_not_there_is_refused(k):
    with pytest.raises(InputError, match="k in 1…3"):
        ProbabilityScores.from_batch(np.array([0, 1, 0]), SCORES).top(k)


def test_other_numbers_of_classes_do_not_merge():
    with pytest.raises(InputError, match="3 and 2 classes"):
        ProbabilityScores.empty(3).merge(ProbabilityScores.empty(2))
