"""Outputs of all kinds become probabilities per class, and nonsense is refused."""

import numpy as np
import pytest
from scipy import special

from lifesign.errors import ContractError
from lifesign.evaluation.contract.answers import ReadOutput, read_answer

TWO = ("attack", "bona_fide")
Z = np.float32([[2.0], [-1.0], [0.25]])


def _read(values, **options):
    output = ReadOutput(**{"name": "y", "kind": "probabilities", "class_names": TWO, **options})
    return read_answer({"y": np.asarray(values)}, 7, output)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("shape", [(3, 1), (3,)])
def test_one_unit_is_the_class_it_is_said_to_be(positive, shape):
    p = special.expit(Z.astype(np.float64))
    expected = np.hstack([1 - p, p] if positive == 1 else [p, 1 - p])
    from_probability = _read(p.reshape(shape), positive=positive)
    from_logit = _read(Z.reshape(shape), positive=positive, kind="logits")
    np.testing.assert_allclose(from_probability.scores, expected, atol=1e-7)
    np.testing.assert_allclose(from_logit.scores, expected, atol=1e-7)
    assert from_probability.logits is None
    np.testing.assert_allclose(special.softmax(from_logit.logits, axis=1), expected, atol=1e-7)
    assert from_logit.version == 7
    assert from_logit.scores.dtype == np.float32


def test_logits_become_a_softmax_that_does_not_overflow():
    logits = np.float32([[1000, 0, -1000], [1, 2, 3]])
    prediction = _read(logits, kind="logits", class_names=("a", "b", "c"))
    np.testing.assert_allclose(prediction.scores, special.softmax(logits.astype(float), axis=1), atol=1e-7)
    np.testing.assert_array_equal(prediction.logits, logits)


def test_logits_beside_probabilities_are_kept():
    output = ReadOutput(name="y", kind="probabilities", class_names=TWO, logits="z")
    prediction = read_answer({"y": np.float16([[0.25, 0.75]]), "z": np.float32([[0, 1.1]])}, 1, output)
    np.testing.assert_array_equal(prediction.logits, np.float32([[0, 1.1]]))
    assert prediction.scores.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[3.0, -2.0], [5.0, 1.5]], {}, r"got -2 to 5: these look like logits"),
        ([[0.9, 0.9], [0.4, 0.3]], {}, r"sum to 1 .* got sums of 0.7 to 1.8"),
        ([[2.0], [-3.0]], {"positive": 1}, "look like logits"),
        ([[0.2], [-3.0], [0.7], [0.9], [1.7]], {"positive": 1}, "look like logits"),
        ([[0.1, 0.2, 0.7]], {}, r"expected 2 values .* got shape \(1, 3\)"),
        ([[0.4]], {}, "needs positive_class"),
        ([[[0.4, 0.6]]], {}, r"got shape \(1, 1, 2\)"),
        ([[0.4, 0.6]], {"positive": 1}, "expected 1 values"),
        ([[0.4, 0.6]], {"logits": "z"}, r"expected an output 'z', got \['y'\]"),
    ],
)
def test_nonsense_is_refused(values, options, message):
    with pytest.raises(ContractError, match=message):
        _read(values, **options)


def test_one_odd_row_is_left_to_its_sample():
    scores = _read([[0.4, 0.6], [np.nan, np.nan], [0.4, 0.6], [7.0, -6.0]]).scores
    assert np.isnan(scores[1]).all()
    np.testing.assert_array_equal(scores[3], np.float32([7, -6]))
    assert np.isnan(_read([[np.nan, np.nan]] * 3).scores).all()
    logits = _read([[np.inf, 0.0], [1.0, 1.0]], kind="logits")
    assert np.isnan(logits.scores[0]).any()
    np.testing.assert_array_equal(logits.scores[1], np.float32([0.5, 0.5]))


def test_a_single_image_is_never_proof_of_another_meaning():
    np.testing.assert_array_equal(_read([[3.0, -2.0]]).scores, np.float32([[3, -2]]))
