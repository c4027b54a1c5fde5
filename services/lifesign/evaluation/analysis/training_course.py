"""The course of the training, from the model card: evidence for the diagnosis, and a part of the report."""

from dataclasses import replace
from typing import Literal

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.diagnosis import SourcedFinding, training_findings
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evidence
from lifesign.evaluation.diagnosis.inputs.run_folders import training_curves
from lifesign.evaluation.diagnosis.setup import setup_from
from lifesign.evaluation.diagnosis.turn import marked_epoch
from lifesign.evaluation.report.document import ConfusionDocument, TrainingDocument
from lifesign.model_card import ModelCard, TrainingCourse

__all__ = ["diagnosed_training", "training_evidence"]

# What the diagnosis calls the splits of a training.
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}

_Split = Literal["train", "dev", "test"]


def diagnosed_training(
    card: ModelCard | None,
    spec: AnalysisSpec,
    confusion: ConfusionDocument,
    *,
    images_digest: str,
) -> tuple[TrainingDocument | None, list[SourcedFinding]]:
    """Return the course of the training and what it proves, alone and together with this evaluation.

    ``images_digest`` is that of the evaluated set, empty where not known.
    """
    if card is None or card.training is None:
        return None, []
    course = card.training
    split = _evaluated_split(course, spec, images_digest)
    found = training_findings(
        training_evidence(card, course),
        kept_epoch=course.kept_epoch,
        tested=confusion if split == "test" and spec.decision_threshold is None else None,
    )
    named = marked_epoch([one.finding for one in found])
    document = TrainingDocument(
        figures=course.figures,
        kept_epoch=course.kept_epoch,
        selected_by=course.selected_by,
        named_epoch=None if named is None else named.epoch,
        named_as="" if named is None else named.word,
        samples={name: sum(sizes) for name, sizes in course.class_counts.items()},
        configuration=course.configuration,
        evaluated_split=split,
    )
    return document, found


def training_evidence(card: ModelCard, course: TrainingCourse) -> Evidence:
    """Return what a diagnosis gets of a training: the same as out of its run folder."""
    counts = {
        _SPLITS[split]: ClassCounts(
            {name: size for name, size in zip(card.class_names, sizes, strict=True) if size}
        )
        for split, sizes in course.class_counts.items()
    }
    columns = course.figures.items()
    curves = training_curves(
        [
            {"epoch": row + 1, **{name: values[row] for name, values in columns}}
            for row in range(course.epochs)
        ]
    )
    if curves is not None:
        sizes = {name: given.size for name, given in counts.items()}
        curves = replace(curves, train_samples=sizes.get("train"), validation_samples=sizes.get("validation"))
    return Evidence(
        id=card.name,
        curves=curves,
        class_names=card.class_names,
        n_classes=len(card.class_names),
        counts=counts,
        setup=setup_from(course.configuration),
    )


def _evaluated_split(course: TrainingCourse, spec: AnalysisSpec, digest: str) -> _Split | None:
    """Return the split of the training that has the images and labels of this evaluation, if any has."""
    if not digest or spec.aggregate is not Aggregation.NONE:
        return None
    return next((split for split, one in course.images_digests.items() if one == digest), None)
