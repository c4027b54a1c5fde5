"""What a report says about a run, its samples and its model that no count tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.pad import threshold_source
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.report.document import ModelFacts, Subject
from lifesign.model_card import ModelCard

__all__ = ["RunFacts", "answering_versions", "model_facts", "subject_facts"]


@dataclass(frozen=True)
class RunFacts:
    """What a report says about a run that its predictions do not tell.

    ``model_version`` is the one asked for; the versions that answered are counted in the state, and
    ``served_versions`` is only looked at where the state counted none.
    """

    run_id: str
    dataset_name: str
    data_digest: str
    model_name: str
    model_version: int | None
    served_versions: Mapping[int, int]
    preprocessing: str
    samples_total: int
    subjects: int | None
    splits: tuple[str, ...]
    command: str
    tool_version: str
    presentations: int | None = None
    class_map: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    source: Literal["served", "file"] = "served"
    export_digest: str = ""
    images_digest: str = ""


def answering_versions(state: RunState, run: RunFacts) -> dict[str, int]:
    """Return the number of samples by the version that answered, in the order of versions."""
    counted = state.served_versions or {str(name): count for name, count in run.served_versions.items()}
    return dict(sorted(counted.items(), key=lambda pair: (len(pair[0]), pair[0])))


def subject_facts(state: RunState, spec: AnalysisSpec, run: RunFacts, columns: RunPredictions) -> Subject:
    """Return what was evaluated: the set, its parts and how many of each class."""
    per_class = state.overall.confusion.support + state.overall.no_response
    presentations = run.presentations
    if presentations is None:
        presentations = columns.distinct("presentation_id") or None
    return Subject(
        dataset=run.dataset_name,
        data_digest=run.data_digest,
        split="+".join(run.splits) or None,
        subjects=run.subjects,
        presentations=presentations,
        samples=state.total,
        class_counts=dict(zip(spec.class_names, per_class.tolist(), strict=True)),
        class_map=dict(sorted(run.class_map.items())),
        slice_columns=spec.slices,
        aggregate=spec.aggregate.value,
        frames=None if spec.aggregate is Aggregation.NONE else run.samples_total,
    )


def model_facts(
    spec: AnalysisSpec, card: ModelCard | None, run: RunFacts, served: Mapping[str, int]
) -> ModelFacts:
    """Return which model answered, and how it decides."""
    point = spec.operating_point if spec.threshold is None and spec.task == "liveness" else None
    criterion = None if spec.task == "classification" else "given" if point is None else point.criterion
    if criterion == "given" and spec.threshold is None:
        criterion = "0.5 for want of an operating point"
    return ModelFacts(
        name=run.model_name,
        requested_version=run.model_version,
        served_versions=dict(served),
        task=spec.task,
        class_names=spec.class_names,
        preprocessing=run.preprocessing,
        training_data_digest="" if card is None else card.training_data_digest,
        recipe="" if card is None else card.recipe,
        operating_point=None if point is None else point.id,
        threshold=spec.decision_threshold,
        threshold_criterion=criterion,
        threshold_source=threshold_source(spec),
        source=run.source,
        made_at="" if card is None else card.created_at,
        export_digest=run.export_digest,
    )
