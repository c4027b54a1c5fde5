"""What a report tells of the training that the model card carries."""

from dataclasses import replace

import pytest

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.training_course import diagnosed_training, training_evidence
from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.model_card import ModelCard, TrainingCourse
from lifesign.preprocessing import PreprocessingSpec

_NAMES = ("cat", "dog")
_SPEC = AnalysisSpec(_NAMES, "classification")
_CONFUSION = ConfusionDocument(
    class_names=_NAMES, counts=((48, 2), (1, 49)), no_response=(0, 0), decision="argmax"
)
_TURNED = {
    "train_loss": (0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05),
    "dev_loss": (0.8, 0.5, 0.45, 0.6, 0.8, 1.0, 1.2),
    "train_accuracy": (0.6, 0.7, 0.8, 0.9, 0.94, 0.97, 0.99),
    "dev_accuracy": (0.6, 0.75, 0.8, 0.79, 0.78, 0.78, 0.77),
}


def _card(**changes) -> ModelCard:
    values = {
        "figures": _TURNED,
        "kept_epoch": 7,
        "selected_by": "dev_accuracy",
        "class_counts": {"train": (400, 400), "dev": (150, 150), "test": (50, 50)},
        "images_digests": {"train": "a", "dev": "b", "test": "c"},
        "configuration": ("optimizer adam",),
    }
    return ModelCard(
        name="m",
        version=1,
        task="classification",
        class_names=_NAMES,
        preprocessing=PreprocessingSpec(height=8, width=8),
        training=TrainingCourse(**{**values, **changes}),
    )


def test_the_course_is_told_with_the_epoch_that_the_diagnosis_names():
    document, found = diagnosed_training(_card(), _SPEC, _CONFUSION, images_digest="")

    assert document is not None
    assert (document.kept_epoch, document.named_epoch, document.named_as) == (7, 3, "turn")
    assert document.samples == {"train": 800, "dev": 300, "test": 100}
    assert document.figures == _TURNED
    assert ("training", "overfitting") in [(one.source, one.finding.code.value) for one in found]


@pytest.mark.parametrize(
    ("digest", "aggregate", "split"),
    [
        ("c", Aggregation.NONE, "test"),
        ("b", Aggregation.NONE, "dev"),
        ("x", Aggregation.NONE, None),
        ("", Aggregation.NONE, None),
        ("c", Aggregation.MEAN, None),
    ],
    ids=["test split", "development split", "other images", "not known", "presentations"],
)
def test_the_split_is_known_by_its_images(digest, aggregate, split):
    spec = replace(_SPEC, aggregate=aggregate)
    document, _ = diagnosed_training(_card(), spec, _CONFUSION, images_digest=digest)

    assert document is not None
    assert document.evaluated_split == split


def test_unknown_digests_are_no_split():
    card = _card(images_digests={"test": ""})
    document, _ = diagnosed_training(card, _SPEC, _CONFUSION, images_digest="")
    assert document is not None
    assert document.evaluated_split is None


@pytest.mark.parametrize(
    ("digest", "threshold", "sources"),
    [("c", None, {"training", "both"}), ("c", 0.3, {"training"}), ("x", None, {"training"})],
    ids=["test split", "at a threshold", "other images"],
)
def test_only_likeliest_classes_on_the_test_split_are_held_against_the_training(digest, threshold, sources):
    worse = _CONFUSION.model_copy(update={"counts": ((27, 23), (24, 26))})
    spec = replace(_SPEC, task="liveness" if threshold else "classification", threshold=threshold)

    _, found = diagnosed_training(_card(), spec, worse, images_digest=digest)

    assert {one.source for one in found} == sources


def test_evidence_has_counts_sizes_and_notes():
    card = _card()
    assert card.training is not None
    evidence = training_evidence(card, card.training)

    assert evidence.validation_size == 300
    assert evidence.counts["validation"].by_class == {"cat": 150, "dog": 150}
    assert evidence.setup.notes == ("optimizer adam",)


@pytest.mark.parametrize("card", [None, _card().model_copy(update={"training": None})], ids=["none", "old"])
def test_without_a_course_there_is_nothing_to_tell(card):
    assert diagnosed_training(card, _SPEC, _CONFUSION, images_digest="c") == (None, [])
