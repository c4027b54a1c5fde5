"""From counts and stored predictions to the report document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.alerts import find_alerts
from lifesign.evaluation.analysis.areas import area_under_curve, areas_per_class, macro_roc, roc_documents
from lifesign.evaluation.analysis.baseline import compare_with_baseline
from lifesign.evaluation.analysis.baseline_methods import baseline_methods
from lifesign.evaluation.analysis.bias import (
    class_bias,
    gap_tables,
    group_summaries,
    prediction_bias_rows,
)
from lifesign.evaluation.analysis.calibration import (
    TEMPERATURE_COLUMNS,
    calibration_document,
    temperature_document,
)
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.diagnosis import diagnosis_rows
from lifesign.evaluation.analysis.drift import drift_rows
from lifesign.evaluation.analysis.errors import worst_errors
from lifesign.evaluation.analysis.full_system import full_system_document
from lifesign.evaluation.analysis.generalisation import generalisation_document
from lifesign.evaluation.analysis.history import earlier_reports, history_rows
from lifesign.evaluation.analysis.limitations import limitations
from lifesign.evaluation.analysis.onset import with_onset
from lifesign.evaluation.analysis.pad import histogram_rows, pad_document, threshold_source
from lifesign.evaluation.analysis.prediction_source import PredictionSource, tables_of
from lifesign.evaluation.analysis.profiles import profile_document
from lifesign.evaluation.analysis.rates import (
    accuracy_value,
    auc_value,
    averages,
    class_rows,
    confusion_document,
    optional,
    rate_row,
    slice_rows,
)
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.shortcuts import find_shortcuts
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.subjects import subject_interval_rows
from lifesign.evaluation.analysis.superclasses import coarse_document
from lifesign.evaluation.analysis.tally import Tally, tallies
from lifesign.evaluation.analysis.worst_slices import find_worst_slices
from lifesign.evaluation.checks import GateConfig, GateEvidence, apply_gates, verdict, verdict_sentence
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.profiles.profile import Profile
from lifesign.evaluation.report.document import (
    Accounting,
    AlertSeverity,
    DriftRow,
    ModelFacts,
    ReportDocument,
    Subject,
)
from lifesign.memory import release_memory
from lifesign.model_card import ModelCard

__all__ = ["AnalysisSpec", "RunFacts", "build_report"]

_Found = TypeVar("_Found")


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


def build_report(
    state: RunState,
    *,
    spec: AnalysisSpec,
    card: ModelCard | None,
    run: RunFacts,
    gates: GateConfig,
    predictions: PredictionSource,
    baseline: Path | None = None,
    profile: Profile | None = None,
    superclasses: Mapping[str, str] | None = None,
) -> ReportDocument:
    """Return the report of a finished run; the same input gives the same document.

    ``predictions`` are the stored parts; they give what counts cannot: examples of errors, the comparison
    with the ``baseline`` run folder, effects of several samples per subject.

    Raises:
        StorageError: stored predictions of the run or of the baseline cannot be read.
    """
    columns = RunPredictions.read(predictions, spec)
    tally, pad = state.overall, None
    if spec.task == "liveness" and tally.pad is not None:
        pad = pad_document(
            tally.pad, state.histogram, spec, card, full_system_document(state.slices, tally.pad)
        )
    areas = areas_per_class(state, spec)
    errors = rate_row(tally.confusion.errors)
    accounting = Accounting(
        total=state.total,
        scored=state.scored,
        no_response=state.total - state.scored,
        reasons=dict(sorted(state.reasons.items())),
        conversions=dict(sorted(state.conversions.items())),
    )
    evidence = GateEvidence(
        accuracy_errors=errors,
        auc=auc_value(area_under_curve(state, spec)),
        accounting=accounting,
        pad=pad,
        group_gaps=_released(gap_tables(columns)),
        drift=_drift(state, spec),
        baseline=None if baseline is None else compare_with_baseline(columns, baseline),
        profile=None
        if profile is None or pad is None
        else profile_document(profile, pad, subjects=run.subjects),
    )
    bias = _released(class_bias(tally.confusion, columns))
    served = _served(state, run)
    results = apply_gates(gates, evidence)
    alerts = find_alerts(
        evidence,
        results,
        prediction_bias=prediction_bias_rows(bias),
        collapse=bias.collapse,
        served_versions=served,
        shortcuts=find_shortcuts(columns),
        has_constant_scores=state.classes.is_constant,
    )
    earlier = earlier_reports(baseline)
    confusion = confusion_document(tally, _decision(spec))
    urgent = sum(alert.severity is not AlertSeverity.INFO for alert in alerts)
    return ReportDocument(
        run_id=run.run_id,
        tool_version=run.tool_version,
        command=run.command,
        verdict=verdict(results),
        verdict_sentence=verdict_sentence(results, urgent),
        gates=results,
        alerts=with_onset(alerts, earlier),
        subject=_subject(state, spec, run, columns),
        model=_model(spec, card, run, served),
        accounting=accounting,
        accuracy=accuracy_value(errors),
        balanced_accuracy=optional(tally.confusion.balanced_accuracy),
        confusion=confusion,
        classes=class_rows(tally.confusion, areas, state.classes.average_precision_per_class()),
        baseline_methods=baseline_methods(card, spec, images_digest=run.images_digest),
        averages=averages(tally.confusion, state.classes, state.probabilities),
        pad=pad,
        roc=roc_documents(state, spec),
        roc_macro=macro_roc(state, spec),
        histograms=histogram_rows(state.histogram),
        superclasses=None if superclasses is None else coarse_document(tally, superclasses),
        subject_intervals=_released(subject_interval_rows(columns)),
        profile=evidence.profile,
        slices=slice_rows({**_measured(columns), **state.slices}),
        worst_slices=_released(find_worst_slices(columns)),
        group_gaps=evidence.group_gaps,
        group_summaries=group_summaries(evidence.group_gaps),
        prediction_bias=prediction_bias_rows(bias),
        drift=evidence.drift,
        generalisation=generalisation_document(pad, card, state.histogram),
        baseline=evidence.baseline,
        history=history_rows(earlier),
        worst_errors=_released(worst_errors(columns)),
        diagnosis=diagnosis_rows(confusion, alerts, has_chosen_threshold=pad is not None),
        limitations=(
            *limitations(
                evidence,
                run_subjects=run.subjects,
                has_reference=bool(spec.reference_profile),
                is_served=run.source == "served",
            ),
            *run.remarks,
        ),
        # Last: fitting a temperature loads 20 MB of SciPy, when the largest arrays are gone.
        calibration=calibration_document(
            state,
            temperature_document(tables_of(predictions, TEMPERATURE_COLUMNS), spec, scored=state.scored),
        ),
    )


def _released(result: _Found) -> _Found:
    """Return what a step that works on all samples found; the next begins without the memory of it."""
    release_memory()
    return result


def _drift(state: RunState, spec: AnalysisSpec) -> tuple[DriftRow, ...]:
    if state.drift is None:
        return ()
    return drift_rows(ReferenceProfile.from_dict(spec.reference_profile), state.drift)


def _measured(columns: RunPredictions) -> dict[str, dict[str, Tally]]:
    """Return the measured slices, which need no column of the data set, where they have two values."""
    groups = columns.groups if columns.spec.task == "liveness" else None
    codes = {name: columns.slice_codes(name) for name in columns.spec.measured_slices}
    return {name: tallies(columns, one, groups) for name, one in codes.items() if len(one.names) > 1}


def _served(state: RunState, run: RunFacts) -> dict[str, int]:
    counted = state.served_versions or {str(name): count for name, count in run.served_versions.items()}
    return dict(sorted(counted.items(), key=lambda pair: (len(pair[0]), pair[0])))


def _decision(spec: AnalysisSpec) -> str:
    threshold = spec.decision_threshold
    return "argmax" if threshold is None else f"score >= {threshold:.6g}"


def _subject(state: RunState, spec: AnalysisSpec, run: RunFacts, columns: RunPredictions) -> Subject:
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


def _model(
    spec: AnalysisSpec, card: ModelCard | None, run: RunFacts, served: Mapping[str, int]
) -> ModelFacts:
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
