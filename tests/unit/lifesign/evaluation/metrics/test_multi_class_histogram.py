import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram

NAMES = ("a", "b", "c")


def test_class_without_samples_has_no_auc_and_does_not_count_in_the_mean():
    scores = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.7, 0.2, 0.1]])
    state = MultiClassHistogram.from_batch(NAMES, np.array([0, 1, 0]), scores)
    per_class = state.auc_per_class()
    assert per_class["a"].value == 1
    assert np.isnan(per_class["c"].value)
    assert state.macro_auc() == 1


def test_wrong_shape_is_refused_with_both_shapes():
    with pytest.raises(InputError, match=r"\(2, 3\), got \(2, 2\)"):
        MultiClassHistogram.from_batch(NAMES, np.array([0, 1]), np.ones((2, 2)))


def test_other_classes_do_not_merge():
    with pytest.raises(InputError, match=r"3 classes .* and 2 classes"):
        MultiClassHistogram.empty(NAMES).merge(MultiClassHistogram.empty(("a", "b")))
