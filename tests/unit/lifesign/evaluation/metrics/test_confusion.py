import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.confusion import ConfusionMatrix

NAMES = ("attack", "bona_fide")


def test_rows_are_the_true_class():
    matrix = ConfusionMatrix.from_batch(NAMES, np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]))
    assert matrix.counts.tolist() == [[1, 2], [0, 1]]
    assert matrix.accuracy == 0.5
    assert matrix.recall.tolist() == pytest.approx([1 / 3, 1])
    assert matrix.precision.tolist() == pytest.approx([1, 1 / 3])
    assert matrix.errors.errors == 2


def test_no_samples_give_nan_never_zero_or_one():
    matrix = ConfusionMatrix.empty(NAMES)
    for value in (matrix.accuracy, matrix.balanced_accuracy, matrix.kappa, matrix.mcc):
        assert np.isnan(value)
    assert np.isnan(matrix.f1).all()


def test_class_never_predicted_has_no_precision_but_recall_zero():
    matrix = ConfusionMatrix.from_batch(NAMES, np.array([0, 1]), np.array([0, 0]))
    assert np.isnan(matrix.precision[1])
    assert matrix.recall[1] == 0
    assert matrix.macro(matrix.precision) == 0.5


def test_index_that_is_no_class_is_refused():
    with pytest.raises(InputError, match=r"expected predicted classes in 0…1, got 0…2"):
        ConfusionMatrix.from_batch(NAMES, np.array([0, 1]), np.array([0, 2]))


def test_different_lengths_are_refused():
    with pytest.raises(InputError, match=r"\(2,\) and \(3,\)"):
        ConfusionMatrix.from_batch(NAMES, np.array([0, 1]), np.array([0, 1, 1]))


def test_other_classes_do_not_merge():
    with pytest.raises(InputError, match=r"2 classes .* and 3 classes"):
        ConfusionMatrix.empty(NAMES).merge(ConfusionMatrix.empty(("a", "b", "c")))


def test_specificity_is_the_share_of_other_classes_left_alone():
    matrix = ConfusionMatrix(("a", "b", "c"), np.array([[8, 1, 1], [0, 10, 0], [5, 0, 15]]))
    assert matrix.specificity.tolist() == pytest.approx([25 / 30, 29 / 30, 19 / 20])
    assert matrix.micro_specificity == pytest.approx(1 - 7 / 80)


def test_confusion_within_a_superclass_is_no_error():
    matrix = ConfusionMatrix(("cat", "dog", "oak"), np.array([[5, 3, 1], [2, 7, 0], [0, 1, 9]]))
    coarse = matrix.coarse({"cat": "animal", "dog": "animal", "oak": "tree"})
    assert coarse.class_names == ("animal", "tree")
    assert coarse.counts.tolist() == [[17, 1], [1, 9]]


def test_class_without_a_superclass_is_refused():
    with pytest.raises(InputError, match="got none for bona_fide"):
        ConfusionMatrix.empty(NAMES).coarse({"attack": "x"})
