import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.temperature import fit_temperature, log_loss_at, scaled_scores


def _drawn(temperature, *, seed=0, size=40_000):
    """Logits whose classes were drawn at softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2 * temperature, (size, 4))
    shares = scaled_scores(logits, temperature).cumsum(axis=1)
    return logits, (rng.random((size, 1)) > shares[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 5.0])
def test_temperature_that_made_the_labels_is_found(temperature):
    found = fit_temperature(*_drawn(temperature))
    assert found.value == pytest.approx(temperature, rel=0.03)
    assert found.log_loss_after <= found.log_loss_before
    assert found.samples == 40_000


def test_no_other_temperature_has_less_log_loss():
    logits, true = _drawn(3.0, size=500)
    found = fit_temperature(logits, true)
    for factor in (0.98, 1.02):
        assert log_loss_at(logits, true, found.value * factor) > found.log_loss_after


def test_scores_at_a_temperature_are_probabilities():
    scores = scaled_scores(np.array([[1000.0, 0.0], [0.0, 0.0]]), 10)
    assert scores.ravel().tolist() == pytest.approx([1, math.exp(-100), 0.5, 0.5])


def test_no_samples_have_no_temperature():
    assert math.isnan(fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int)).value)


@pytest.mark.parametrize(
    ("logits", "true", "words"),
    [
        (np.zeros((2, 2)), np.zeros(3, int), r"\(2, 2\) and \(3,\)"),
        (np.zeros((2, 2)), np.array([0, 2]), "0…1, got 0…2"),
        (np.array([[0, np.inf]]), np.array([0]), "finite"),
    ],
)
def test_what_is_no_logits_is_refused(logits, true, words):
    with pytest.raises(InputError, match=words):
        fit_temperature(logits, true)
