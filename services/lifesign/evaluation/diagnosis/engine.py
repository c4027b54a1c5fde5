"""All rules over the evidence; causes first, and no symptom beside the cause that explains it."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from lifesign.evaluation.diagnosis.course import Course, course_of
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import DEFINITIONS, Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules import (
    calibration,
    class_sizes,
    collapse,
    consistency,
    data_flow,
    label_coding,
    layer_modes,
    leakage,
    loss_scales,
    metric_choice,
    ordered_splits,
    output_layers,
    overfitting,
    pairing_order,
    preprocessing,
    progress,
    sample_sizes,
    saturation,
    stability,
    step_size,
    thresholds,
    told,
    unfinished,
    weak_classes,
)

__all__ = ["diagnose"]

_Rule = Callable[[Evidence, Course | None], Iterator[Finding]]

_RULES: tuple[_Rule, ...] = (
    data_flow.nan_loss,
    data_flow.generator_exhausted,
    data_flow.empty_validation,
    output_layers.wrong_loss_activation_pair,
    metric_choice.metric_task_mismatch,
    saturation.saturated_outputs,
    label_coding.label_encoding_mismatch,
    pairing_order.generator_order_mismatch,
    preprocessing.preprocess_mismatch,
    layer_modes.train_inference_mode_mismatch,
    leakage.suspected_leakage,
    stability.unstable_validation,
    loss_scales.loss_not_comparable,
    ordered_splits.unshuffled_validation_split,
    sample_sizes.validation_test_mismatch,
    sample_sizes.validation_too_small,
    step_size.loss_divergence,
    step_size.learning_rate_too_high,
    step_size.learning_rate_too_low,
    collapse.prediction_collapse,
    class_sizes.accuracy_paradox,
    class_sizes.class_imbalance,
    class_sizes.missing_class,
    weak_classes.weak_class,
    thresholds.decision_threshold,
    consistency.inconsistent_inputs,
    progress.not_learning,
    progress.chance_level,
    overfitting.overfitting,
    progress.underfitting,
    unfinished.still_improving,
    calibration.miscalibration,
    told.told_by_the_framework,
)

# Causes before symptoms: of findings with the same severity the one further up comes first.
_ORDER = (
    Code.NAN_LOSS,
    Code.GENERATOR_EXHAUSTED,
    Code.EMPTY_VALIDATION,
    Code.METRIC_TASK_MISMATCH,
    Code.WRONG_LOSS_ACTIVATION_PAIR,
    Code.LABEL_ENCODING_MISMATCH,
    Code.GENERATOR_ORDER_MISMATCH,
    Code.UNSHUFFLED_VALIDATION_SPLIT,
    Code.PREPROCESS_MISMATCH,
    Code.SUSPECTED_LEAKAGE,
    Code.TRAIN_INFERENCE_MODE_MISMATCH,
    Code.LOSS_DIVERGENCE,
    Code.SATURATED_OUTPUTS,
    Code.LEARNING_RATE_TOO_HIGH,
    Code.LEARNING_RATE_TOO_LOW,
    Code.PREDICTION_COLLAPSE,
    Code.NOT_LEARNING,
    Code.CHANCE_LEVEL,
    Code.LOSS_NOT_COMPARABLE,
    Code.UNSTABLE_VALIDATION,
    Code.VALIDATION_TOO_SMALL,
    Code.INCONSISTENT_INPUTS,
    Code.OVERFITTING,
    Code.UNDERFITTING,
    Code.MISSING_CLASS_IN_EVALUATION,
    Code.ACCURACY_PARADOX,
    Code.VALIDATION_TEST_MISMATCH,
    Code.CLASS_IMBALANCE,
    Code.DECISION_THRESHOLD,
    Code.MISCALIBRATION,
    Code.WEAK_CLASS,
    Code.STILL_IMPROVING,
    Code.NO_PROBLEM,
)

# A finding of at least this confidence takes over what it explains.
_EXPLAINS: dict[Code, frozenset[Code]] = {
    Code.GENERATOR_EXHAUSTED: frozenset({Code.EMPTY_VALIDATION, Code.UNSTABLE_VALIDATION}),
    Code.EMPTY_VALIDATION: frozenset(
        {Code.UNSHUFFLED_VALIDATION_SPLIT, Code.OVERFITTING, Code.UNSTABLE_VALIDATION}
    ),
    Code.UNSHUFFLED_VALIDATION_SPLIT: frozenset(
        {
            Code.OVERFITTING,
            Code.VALIDATION_TOO_SMALL,
            Code.STILL_IMPROVING,
            Code.UNSTABLE_VALIDATION,
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
            Code.MISCALIBRATION,
            Code.SUSPECTED_LEAKAGE,
            Code.LEARNING_RATE_TOO_HIGH,
            Code.VALIDATION_TEST_MISMATCH,
            Code.MISSING_CLASS_IN_EVALUATION,
            Code.LOSS_NOT_COMPARABLE,
            Code.ACCURACY_PARADOX,
        }
    ),
    Code.LOSS_DIVERGENCE: frozenset(
        {
            Code.OVERFITTING,
            Code.UNDERFITTING,
            Code.MISCALIBRATION,
            Code.WRONG_LOSS_ACTIVATION_PAIR,
            Code.UNSTABLE_VALIDATION,
        }
    ),
    Code.METRIC_TASK_MISMATCH: frozenset(
        {
            Code.OVERFITTING,
            Code.UNSHUFFLED_VALIDATION_SPLIT,
            Code.CHANCE_LEVEL,
            Code.VALIDATION_TEST_MISMATCH,
            Code.PREPROCESS_MISMATCH,
            Code.GENERATOR_ORDER_MISMATCH,
            Code.INCONSISTENT_INPUTS,
            Code.SUSPECTED_LEAKAGE,
            Code.UNDERFITTING,
            Code.ACCURACY_PARADOX,
            Code.PREDICTION_COLLAPSE,
        }
    ),
    Code.GENERATOR_ORDER_MISMATCH: frozenset(
        {
            Code.INCONSISTENT_INPUTS,
            Code.PREPROCESS_MISMATCH,
            Code.VALIDATION_TEST_MISMATCH,
            Code.OVERFITTING,
            Code.UNDERFITTING,
            Code.WEAK_CLASS,
            Code.DECISION_THRESHOLD,
            Code.ACCURACY_PARADOX,
        }
    ),
    Code.LABEL_ENCODING_MISMATCH: frozenset(
        {
            Code.OVERFITTING,
            Code.CHANCE_LEVEL,
            Code.WEAK_CLASS,
            Code.DECISION_THRESHOLD,
            Code.LOSS_DIVERGENCE,
            Code.LEARNING_RATE_TOO_HIGH,
            Code.CLASS_IMBALANCE,
            Code.UNSTABLE_VALIDATION,
            Code.VALIDATION_TEST_MISMATCH,
            Code.STILL_IMPROVING,
            Code.LOSS_NOT_COMPARABLE,
            Code.INCONSISTENT_INPUTS,
        }
    ),
    Code.PREPROCESS_MISMATCH: frozenset(
        {
            Code.VALIDATION_TEST_MISMATCH,
            Code.INCONSISTENT_INPUTS,
            Code.OVERFITTING,
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
        }
    ),
    Code.TRAIN_INFERENCE_MODE_MISMATCH: frozenset(
        {Code.INCONSISTENT_INPUTS, Code.VALIDATION_TEST_MISMATCH, Code.SUSPECTED_LEAKAGE, Code.OVERFITTING}
    ),
    Code.UNSTABLE_VALIDATION: frozenset({Code.OVERFITTING, Code.STILL_IMPROVING}),
    Code.WRONG_LOSS_ACTIVATION_PAIR: frozenset(
        {
            Code.OVERFITTING,
            Code.LEARNING_RATE_TOO_HIGH,
            Code.LEARNING_RATE_TOO_LOW,
            Code.UNDERFITTING,
            Code.MISCALIBRATION,
        }
    ),
    # A loss that counts errors times a clip tells nothing else.
    Code.SATURATED_OUTPUTS: frozenset({Code.MISCALIBRATION, Code.OVERFITTING}),
    Code.NOT_LEARNING: frozenset(
        {Code.UNDERFITTING, Code.LEARNING_RATE_TOO_LOW, Code.STILL_IMPROVING, Code.LOSS_NOT_COMPARABLE}
    ),
    Code.PREDICTION_COLLAPSE: frozenset(
        {Code.DECISION_THRESHOLD, Code.WEAK_CLASS, Code.GENERATOR_ORDER_MISMATCH}
    ),
    Code.LEARNING_RATE_TOO_LOW: frozenset({Code.STILL_IMPROVING, Code.UNDERFITTING, Code.NOT_LEARNING}),
    Code.LEARNING_RATE_TOO_HIGH: frozenset({Code.UNDERFITTING}),
    Code.VALIDATION_TOO_SMALL: frozenset({Code.UNSTABLE_VALIDATION}),
    Code.OVERFITTING: frozenset({Code.UNDERFITTING, Code.STILL_IMPROVING}),
    Code.NAN_LOSS: frozenset(
        {
            Code.STILL_IMPROVING,
            Code.UNSHUFFLED_VALIDATION_SPLIT,
            Code.EMPTY_VALIDATION,
            Code.VALIDATION_TOO_SMALL,
        }
    ),
}
_SURE = 0.6
_CLEAR = 0.8


def diagnose(evidence: Evidence) -> list[Finding]:
    """Return what the evidence proves, most important first; a single ``no_problem`` where nothing is wrong.

    A finding that another one explains is left out and named in that one's ``excluded``.
    """
    # A figure that an epoch lacks is nan, and what is worked out of it is no proof: comparisons are false.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        course = course_of(evidence)
        found = _one_per_code(finding for rule in _RULES for finding in _applied(rule, evidence, course))
    kept = _without_explained(found)
    kept.sort(key=_importance)
    if any(finding.is_alarm for finding in kept):
        return kept
    # Only a clear remark stands before the verdict that nothing is wrong.
    clear = [finding for finding in kept if finding.confidence >= _CLEAR]
    return [*clear, _no_problem(evidence), *(finding for finding in kept if finding.confidence < _CLEAR)]


def _applied(rule: _Rule, evidence: Evidence, course: Course | None) -> list[Finding]:
    """Return what a rule finds; one that fails costs its own findings, never a user's training."""
    try:
        return list(rule(evidence, course))
    except Exception as error:
        name = getattr(rule, "__name__", rule)
        warnings.warn(f"a rule of the diagnosis failed: {name}: {error!r}", stacklevel=2)
        return []


def _one_per_code(findings: Iterable[Finding]) -> list[Finding]:
    best: dict[Code, Finding] = {}
    for finding in findings:
        known = best.get(finding.code)
        if known is None or (finding.is_alarm, finding.confidence) > (known.is_alarm, known.confidence):
            best[finding.code] = finding
    return list(best.values())


def _without_explained(findings: list[Finding]) -> list[Finding]:
    present = {finding.code: finding for finding in findings}
    explained: dict[Code, list[Code]] = {}
    for finding in sorted(findings, key=_importance):
        if finding.code not in present or not finding.is_alarm or finding.confidence < _SURE:
            continue
        takes = _EXPLAINS.get(finding.code, frozenset())
        for code in [code for code in present if code in takes]:
            if present[code].confidence <= finding.confidence + 0.2:
                explained.setdefault(finding.code, []).append(code)
                del present[code]
    return [_with_excluded(finding, explained.get(code, ())) for code, finding in present.items()]


def _with_excluded(finding: Finding, explained: Iterable[Code]) -> Finding:
    """Return a finding that names what it explains as excluded; a reason that its rule gave stands."""
    named = {reason.partition(":")[0] for reason in finding.excluded}
    words = (code.value.replace("_", " ") for code in explained)
    absorbed = tuple(f"{word}: explained by this" for word in words if word not in named)
    return replace(finding, excluded=(*finding.excluded, *absorbed))


def _importance(finding: Finding) -> tuple[int, float]:
    """Alarms before information; among them the order of causes, moved by confidence."""
    place = _ORDER.index(finding.code) / len(_ORDER)
    return (0 if finding.is_alarm else 1, place - 0.6 * finding.confidence)


def _no_problem(evidence: Evidence) -> Finding:
    seen = []
    if evidence.curves is not None:
        seen.append(f"{len(evidence.curves)} epochs")
    if evidence.matrix is not None and evidence.matrix.sum():
        seen.append(f"a matrix of {int(evidence.matrix.sum()):,} samples")
    if evidence.report is not None:
        seen.append("a report")
    if evidence.evaluations:
        seen.append(f"{len(evidence.evaluations)} evaluations")
    if evidence.predictions is not None and evidence.evaluated_matrix is not None:
        seen.append(f"{int(evidence.evaluated_matrix.sum()):,} predictions")
    if not seen:
        return Finding(
            Code.NO_PROBLEM,
            Severity.INFO,
            0.3,
            "What was given holds no figures that could be judged.",
            "Give a log, a history, a confusion matrix, a report or predictions.",
        )
    definition = DEFINITIONS[Code.NO_PROBLEM]
    return Finding(
        Code.NO_PROBLEM,
        Severity.INFO,
        0.7,
        f"{', '.join(seen)}: {definition[0].lower()}{definition[1:]}",
        "Nothing to do.",
    )
