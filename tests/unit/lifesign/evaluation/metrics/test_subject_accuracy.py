import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from lifesign.errors import InputError
from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.metrics.subject_accuracy import SubjectAnswers
from lifesign.evaluation.metrics.subject_jackknife import jackknife_interval


def _drawn(seed: int, *, people: int = 15, alike: float = 0.0):
    rng = np.random.default_rng(seed)
    subject, label = rng.integers(0, people, 300), rng.integers(0, 4, 300)
    rate = np.clip(0.2 + alike * rng.normal(0, 0.2, people), 0, 1)[subject]
    return label, np.where(rng.random(300) < rate, (label + 1) % 4, label), subject


@pytest.mark.parametrize("seed", range(3))
def test_limits_are_those_of_what_is_left_without_each_subject(seed):
    label, predicted, subject = _drawn(seed)

    answers = SubjectAnswers.from_samples(label, predicted, subject, classes=4)

    assert answers.accuracy == pytest.approx(accuracy_score(label, predicted))
    assert answers.macro_recall == pytest.approx(balanced_accuracy_score(label, predicted))
    left = [
        [score(label[subject != one], predicted[subject != one]) for one in range(15)]
        for score in (accuracy_score, balanced_accuracy_score)
    ]
    accuracy = jackknife_interval(answers.accuracy, np.array(left[0]))
    found = answers.accuracy_interval()
    assert found.lower <= accuracy.lower + 1e-12
    assert found.upper >= accuracy.upper - 1e-12
    recall, expected = answers.macro_recall_interval(), jackknife_interval(answers.macro_recall, left[1])
    assert (recall.lower, recall.upper) == pytest.approx((expected.lower, expected.upper))


def test_people_who_are_all_right_or_all_wrong_are_worth_one_sample_each():
    subject = np.repeat(np.arange(40), 10)
    label = np.zeros(400, dtype=np.int64)
    predicted = np.repeat(np.arange(40) % 5 == 0, 10).astype(np.int64)

    found = SubjectAnswers.from_samples(label, predicted, subject, classes=2).accuracy_interval()

    assert found.half_width >= clopper_pearson(8, 40).half_width
    assert found.half_width > 3 * clopper_pearson(80, 400).half_width


@pytest.mark.parametrize(("predicted", "accuracy"), [(0, 1.0), (1, 0.0)], ids=["all right", "all wrong"])
def test_without_a_difference_the_people_are_counted(predicted, accuracy):
    subject = np.repeat(np.arange(20), 50)
    answers = SubjectAnswers.from_samples(
        np.zeros(1000, dtype=np.int64), np.full(1000, predicted), subject, classes=2
    )

    exact = clopper_pearson(20 if accuracy else 0, 20)
    for limits in (answers.accuracy_interval(), answers.macro_recall_interval()):
        assert (limits.lower, limits.upper) == pytest.approx((exact.lower, exact.upper))


def test_unknown_subjects_are_people_of_their_own():
    label, predicted, _ = _drawn(4)

    nobody = SubjectAnswers.from_samples(label, predicted, np.full(300, -1), classes=4)
    alone = SubjectAnswers.from_samples(label, predicted, np.arange(300), classes=4)

    assert nobody.subjects == 300
    assert nobody.accuracy_interval() == alone.accuracy_interval()


def test_a_class_that_one_person_alone_shows_has_an_unknown_recall():
    label, subject = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 2, 2])

    limits = SubjectAnswers.from_samples(label, np.array([0, 1, 0, 1, 0]), subject, classes=2)

    assert (limits.macro_recall_interval().lower, limits.macro_recall_interval().upper) == (0.0, 1.0)


def test_nothing_is_told_of_no_samples():
    none = np.zeros(0, dtype=np.int64)
    answers = SubjectAnswers.from_samples(none, none, none, classes=3)

    assert math.isnan(answers.accuracy)
    assert math.isnan(answers.accuracy_interval().lower)
    assert math.isnan(answers.macro_recall_interval().upper)


def test_every_sample_has_a_label_an_answer_and_a_subject():
    with pytest.raises(InputError, match="one label, answer and subject"):
        SubjectAnswers.from_samples(np.zeros(3, int), np.zeros(2, int), np.zeros(3, int), classes=2)
