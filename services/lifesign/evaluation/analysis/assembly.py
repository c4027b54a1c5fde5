"""From counts and stored predictions to the report document."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

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
from lifesign.evaluation.analysis.diagnosis import diagnosis_rows, matrix_findings
from lifesign.evaluation.analysis.drift import drift_rows
from lifesign.evaluation.analysis.errors import worst_errors
from lifesign.evaluation.analysis.full_system import full_system_document
from lifesign.evaluation.analysis.generalisation import generalisation_document
from lifesign.evaluation.analysis.history import earlier_reports, history_rows
from lifesign.evaluation.analysis.limitations import limitations
from lifesign.evaluation.analysis.onset import with_onset
from lifesign.evaluation.analysis.pad import histogram_rows, pad_document
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
from lifesign.evaluation.analysis.run_facts import RunFacts, answering_versions, model_facts, subject_facts
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.shortcuts import find_shortcuts
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.subjects import subject_interval_rows
from lifesign.evaluation.analysis.superclasses import coarse_document
from lifesign.evaluation.analysis.tally import Tally, tallies
from lifesign.evaluation.analysis.training_course import diagnosed_training
from lifesign.evaluation.analysis.worst_slices import find_worst_slices
from lifesign.evaluation.audit.findings import Finding
from lifesign.evaluation.checks import GateConfig, GateEvidence, apply_gates, verdict, verdict_sentence
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.profiles.profile import Profile
from lifesign.evaluation.report.document import (
    Accounting,
    AlertSeverity,
    CalibrationDocument,
    DriftRow,
    PadDocument,
    ReportDocument,
)
from lifesign.memory import release_memory
from lifesign.model_card import ModelCard, OperatingPoint

__all__ = ["AnalysisSpec", "RunFacts", "build_report"]

_Found = TypeVar("_Found")


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
    data_findings: Sequence[Finding] = (),
) -> ReportDocument:
    """Return the report of a finished run; the same input gives the same document.

    ``predictions`` are the stored parts; they give what counts cannot: examples of errors, the comparison
    with the ``baseline`` run folder, effects of several samples per subject. ``data_findings`` are what the
    audit found in the samples.

    Raises:
        StorageError: stored predictions of the run or of the baseline cannot be read.
    """
    columns = RunPredictions.read(predictions, spec)
    served = answering_versions(state, run)
    evidence = _evidence(state, spec, card, columns, baseline=baseline)
    if profile is not None:
        evidence = _held_against(profile, evidence, run)
    bias = _released(class_bias(state.overall.confusion, columns))
    prediction_bias = prediction_bias_rows(bias)
    results = apply_gates(gates, evidence)
    alerts = find_alerts(
        evidence,
        results,
        prediction_bias=prediction_bias,
        collapse=bias.collapse,
        served_versions=served,
        shortcuts=find_shortcuts(columns),
        has_constant_scores=state.classes.is_constant,
        data_findings=data_findings,
    )
    tally, earlier = state.overall, earlier_reports(baseline)
    confusion = confusion_document(tally, _decision(spec))
    training, causes = diagnosed_training(card, spec, confusion, images_digest=run.images_digest)
    urgent = sum(alert.severity is not AlertSeverity.INFO for alert in alerts)
    return ReportDocument(
        run_id=run.run_id,
        tool_version=run.tool_version,
        command=run.command,
        verdict=verdict(results),
        verdict_sentence=verdict_sentence(results, urgent),
        gates=results,
        alerts=with_onset(alerts, earlier),
        subject=subject_facts(state, spec, run, columns),
        model=model_facts(spec, card, run, served),
        accounting=evidence.accounting,
        accuracy=accuracy_value(evidence.accuracy_errors),
        balanced_accuracy=optional(tally.confusion.balanced_accuracy),
        confusion=confusion,
        classes=class_rows(
            tally.confusion, areas_per_class(state, spec), state.classes.average_precision_per_class()
        ),
        baseline_methods=baseline_methods(card, spec, images_digest=run.images_digest),
        averages=averages(tally.confusion, state.classes, state.probabilities),
        pad=evidence.pad,
        roc=roc_documents(state, spec),
        roc_macro=macro_roc(state, spec),
        histograms=histogram_rows(state.histogram),
        superclasses=None if superclasses is None else coarse_document(tally, superclasses),
        subject_intervals=_released(subject_interval_rows(columns)),
        profile=evidence.profile,
        slices=slice_rows({**_measured(columns), **{name: state.slices[name] for name in spec.slices}}),
        worst_slices=_released(find_worst_slices(columns)),
        group_gaps=evidence.group_gaps,
        group_summaries=group_summaries(evidence.group_gaps),
        prediction_bias=prediction_bias,
        drift=evidence.drift,
        generalisation=generalisation_document(evidence.pad, _operating_points(spec, card), state.histogram),
        baseline=evidence.baseline,
        history=history_rows(earlier),
        worst_errors=_released(worst_errors(columns)),
        diagnosis=diagnosis_rows(
            [
                *causes,
                *matrix_findings(confusion, alerts, has_chosen_threshold=evidence.pad is not None),
            ]
        ),
        training=training,
        data_findings=tuple(data_findings),
        limitations=(*_limitations(evidence, spec, run, columns), *run.remarks),
        # Last: fitting a temperature loads 20 MB of SciPy, when the largest arrays are gone.
        calibration=_calibration(state, spec, predictions),
    )


def _evidence(
    state: RunState,
    spec: AnalysisSpec,
    card: ModelCard | None,
    columns: RunPredictions,
    *,
    baseline: Path | None,
) -> GateEvidence:
    """Return what the gates and alerts look at, without a profile."""
    return GateEvidence(
        accuracy_errors=rate_row(state.overall.confusion.errors),
        auc=auc_value(area_under_curve(state, spec)),
        accounting=_accounting(state),
        pad=_pad(state, spec, card),
        group_gaps=_released(gap_tables(columns)),
        drift=_drift(state, spec),
        baseline=None if baseline is None else compare_with_baseline(columns, baseline),
    )


def _operating_points(spec: AnalysisSpec, card: ModelCard | None) -> tuple[OperatingPoint, ...]:
    """Return all points that are known: of the model card, or chosen on scores that came with the test."""
    of_card = () if card is None else card.operating_points
    return of_card if spec.operating_point is None else (*of_card, spec.operating_point)


def _held_against(profile: Profile, evidence: GateEvidence, run: RunFacts) -> GateEvidence:
    if evidence.pad is None:
        return evidence
    return replace(evidence, profile=profile_document(profile, evidence.pad, subjects=run.subjects))


def _limitations(
    evidence: GateEvidence, spec: AnalysisSpec, run: RunFacts, columns: RunPredictions
) -> tuple[str, ...]:
    return limitations(
        evidence,
        run_subjects=run.subjects,
        named_samples=int((columns.subject_index >= 0).sum()),
        has_reference=bool(spec.reference_profile),
        is_served=run.source == "served",
    )


def _calibration(
    state: RunState, spec: AnalysisSpec, predictions: PredictionSource
) -> CalibrationDocument | None:
    fitted = temperature_document(tables_of(predictions, TEMPERATURE_COLUMNS), spec, scored=state.scored)
    return calibration_document(state, fitted)


def _accounting(state: RunState) -> Accounting:
    return Accounting(
        total=state.total,
        scored=state.scored,
        no_response=state.total - state.scored,
        reasons=dict(sorted(state.reasons.items())),
        conversions=dict(sorted(state.conversions.items())),
    )


def _pad(state: RunState, spec: AnalysisSpec, card: ModelCard | None) -> PadDocument | None:
    counts = state.overall.pad
    if spec.task != "liveness" or counts is None:
        return None
    return pad_document(counts, state.histogram, spec, card, full_system_document(state.slices, counts))


def _drift(state: RunState, spec: AnalysisSpec) -> tuple[DriftRow, ...]:
    if state.drift is None:
        return ()
    return drift_rows(ReferenceProfile.from_dict(spec.reference_profile), state.drift)


def _measured(columns: RunPredictions) -> dict[str, dict[str, Tally]]:
    """Return the measured slices, which need no column of the data set, where they have two values."""
    groups = columns.groups if columns.spec.task == "liveness" else None
    codes = {name: columns.slice_codes(name) for name in columns.spec.measured_slices}
    return {name: tallies(columns, one, groups) for name, one in codes.items() if len(one.names) > 1}


def _decision(spec: AnalysisSpec) -> str:
    threshold = spec.decision_threshold
    return "argmax" if threshold is None else f"score >= {threshold:.6g}"


def _released(result: _Found) -> _Found:
    """Return what a step that works on all samples found; the next begins without the memory of it."""
    release_memory()
    return result
