"""What training and confusion matrix tell of the cause of errors, beyond what the alerts say already."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.wording import title_of
from lifesign.evaluation.report.document import Alert, AlertSeverity, ConfusionDocument, DiagnosisRow

__all__ = ["SourcedFinding", "diagnosis_rows", "matrix_findings", "training_findings"]

_SEVERITIES = {
    Severity.ERROR: AlertSeverity.CRITICAL,
    Severity.WARNING: AlertSeverity.WARNING,
    Severity.INFO: AlertSeverity.INFO,
}
_OF_A_MATRIX = frozenset(
    {
        Code.PREDICTION_COLLAPSE,
        Code.ACCURACY_PARADOX,
        Code.CLASS_IMBALANCE,
        Code.MISSING_CLASS_IN_EVALUATION,
        Code.WEAK_CLASS,
        Code.DECISION_THRESHOLD,
        Code.LABEL_ENCODING_MISMATCH,
        Code.GENERATOR_ORDER_MISMATCH,
        Code.CHANCE_LEVEL,
    }
)
# At a threshold that was chosen for its error rates, one of them is larger on purpose.
_ON_PURPOSE = frozenset(
    {Code.DECISION_THRESHOLD, Code.WEAK_CLASS, Code.ACCURACY_PARADOX, Code.CLASS_IMBALANCE}
)
_SAID_BY_ALERTS = {
    "prediction_bias": {Code.PREDICTION_COLLAPSE},
    "constant_scores": {Code.PREDICTION_COLLAPSE, Code.CHANCE_LEVEL},
    "polarity": {Code.LABEL_ENCODING_MISMATCH, Code.GENERATOR_ORDER_MISMATCH, Code.CHANCE_LEVEL},
}
# What can come after the epoch whose weights were kept, and what to do where it did.
_HARMLESS_LATER = {
    Code.OVERFITTING: "For a better one: more data, augmentation, dropout, weight decay or a smaller model.",
    Code.LOSS_DIVERGENCE: "For a steadier training: a lower learning rate, or gradients clipped.",
    Code.MISCALIBRATION: "For a longer training: a temperature from development data, or label smoothing.",
}
_RANKS = (Severity.ERROR, Severity.WARNING, Severity.INFO)

Source = Literal["training", "evaluation", "both"]


class SourcedFinding(NamedTuple):
    """A finding, and what proves it."""

    source: Source
    finding: Finding


def matrix_findings(
    confusion: ConfusionDocument, alerts: Iterable[Alert], *, has_chosen_threshold: bool
) -> list[SourcedFinding]:
    """Return what the matrix of this evaluation proves and no alert tells, most important first."""
    told = _OF_A_MATRIX - _said_by(alerts) - (_ON_PURPOSE if has_chosen_threshold else frozenset())
    evidence = _of_matrix(confusion)
    if evidence is None:
        return []
    return [SourcedFinding("evaluation", finding) for finding in _alarms(evidence) if finding.code in told]


def training_findings(
    training: Evidence, *, kept_epoch: int, tested: ConfusionDocument | None
) -> list[SourcedFinding]:
    """Return what the course of the training proves, and what it proves together with the matrix ``tested``.

    ``tested`` is the matrix of the likeliest classes on the test split of that training, ``None`` where this
    evaluation is of other images or decides by a threshold: then the two cannot be held against each other.
    """
    alone = _alarms(training)
    found = [SourcedFinding("training", finding) for finding in _as_kept(alone, training, kept_epoch)]
    matrix = None if tested is None else _of_matrix(tested)
    if tested is not None and matrix is not None:
        known = {finding.code for finding in (*alone, *diagnose(matrix))}
        accuracy = {"accuracy": matrix.matrix_accuracy or 0.0}
        evaluation = Evaluation("test", accuracy, n=sum(map(sum, tested.counts)))
        both = replace(training, matrix=matrix.matrix, evaluations=(evaluation,))
        found += [SourcedFinding("both", finding) for finding in _alarms(both) if finding.code not in known]
    return found


def diagnosis_rows(found: Iterable[SourcedFinding]) -> tuple[DiagnosisRow, ...]:
    """Return the findings for the page, the severest first, else in the order given."""
    return tuple(
        DiagnosisRow(
            code=finding.code.value,
            source=source,
            title=title_of(finding.code),
            severity=_SEVERITIES[finding.severity],
            confidence=round(finding.confidence, 2),
            evidence=finding.evidence,
            remedy=finding.remedy,
            refuted_by=finding.refuted_by,
            excluded=finding.excluded,
        )
        for source, finding in sorted(found, key=_rank)
    )


def _rank(one: SourcedFinding) -> int:
    return _RANKS.index(one.finding.severity)


def _said_by(alerts: Iterable[Alert]) -> set[Code]:
    return {code for alert in alerts for code in _SAID_BY_ALERTS.get(alert.kind, ())}


def _alarms(evidence: Evidence) -> list[Finding]:
    return [finding for finding in diagnose(evidence) if finding.is_alarm]


def _of_matrix(confusion: ConfusionDocument) -> Evidence | None:
    matrix = np.asarray(confusion.counts, np.int64)
    if not matrix.sum():
        return None
    return Evidence(matrix=matrix, class_names=confusion.class_names, n_classes=len(matrix))


def _as_kept(findings: list[Finding], training: Evidence, kept: int) -> list[Finding]:
    """Return the findings, of little weight where the epochs up to the one that was kept do not show them."""
    curves = training.curves
    if curves is None or kept >= len(curves):
        return findings
    until_kept = {finding.code for finding in _alarms(training.with_curves(curves.rows(range(kept))))}
    return [
        _harmless(finding, kept)
        if finding.code in _HARMLESS_LATER and finding.code not in until_kept
        else finding
        for finding in findings
    ]


def _harmless(finding: Finding, kept: int) -> Finding:
    return replace(
        finding,
        severity=Severity.INFO,
        evidence=f"{finding.evidence} This version has the weights of epoch {kept}, from before that.",
        remedy=f"Nothing for this version. {_HARMLESS_LATER[finding.code]}",
    )
