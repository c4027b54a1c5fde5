from dataclasses import replace

import pytest

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.baseline_methods import baseline_methods
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.model_card import BaselineMethod, MethodResult, ModelCard
from lifesign.preprocessing import PreprocessingSpec

_SPEC = AnalysisSpec(("cat", "dog"), "classification")


def _method(split, digest):
    result = MethodResult(samples=40, errors=4, balanced_accuracy=0.9, recalls={"cat": 0.8, "dog": 1.0})
    return BaselineMethod(name="svm", split=split, images_digest=digest, result=result)


def _card(*methods):
    return ModelCard(
        name="m",
        version=1,
        task="classification",
        class_names=("cat", "dog"),
        preprocessing=PreprocessingSpec(height=8, width=8),
        baselines=methods,
    )


@pytest.mark.parametrize(
    ("digest", "aggregate", "split", "is_same"),
    [
        ("t", Aggregation.NONE, "test", True),
        ("d", Aggregation.NONE, "dev", True),
        ("other", Aggregation.NONE, "test", False),
        ("", Aggregation.NONE, "test", False),
        ("d", Aggregation.MEAN, "test", False),
    ],
    ids=["test split", "development split", "other images", "not known", "presentations"],
)
def test_the_split_with_the_same_images_is_taken_else_the_test_split(digest, aggregate, split, is_same):
    card = _card(_method("dev", "d"), _method("test", "t"))

    [found] = baseline_methods(card, replace(_SPEC, aggregate=aggregate), images_digest=digest)

    assert (found.split, found.same_images) == (split, is_same)


def test_a_split_of_unknown_images_is_never_the_same():
    [found] = baseline_methods(_card(_method("test", "")), _SPEC, images_digest="")
    assert not found.same_images


def test_accuracy_has_its_exact_interval():
    [found] = baseline_methods(_card(_method("dev", "")), _SPEC, images_digest="x")

    accuracy = found.figures.accuracy
    assert accuracy.value == pytest.approx(0.9)
    # scipy.stats.binomtest(36, 40).proportion_ci(method="exact")
    assert (accuracy.lower, accuracy.upper) == pytest.approx((0.76336, 0.97207), abs=1e-5)


@pytest.mark.parametrize("card", [None, _card()], ids=["no card", "an old card"])
def test_without_a_plain_method_there_is_none(card):
    assert baseline_methods(card, _SPEC, images_digest="x") == ()
