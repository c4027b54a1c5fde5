"""What a confusion matrix tells of the cause of errors, beyond what the alerts say already."""

from collections.abc import Iterable

import numpy as np

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Severity
from lifesign.evaluation.diagnosis.wording import title_of
from lifesign.evaluation.report.document import Alert, AlertSeverity, ConfusionDocument, DiagnosisRow

__all__ = ["diagnosis_rows"]

_SEVERITIES = {Severity.ERROR: AlertSeverity.CRITICAL, Severity.WARNING: AlertSeverity.WARNING}
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


def diagnosis_rows(
    confusion: ConfusionDocument, alerts: Iterable[Alert], *, has_chosen_threshold: bool
) -> tuple[DiagnosisRow, ...]:
    """Return the findings to act on that no alert tells, most important first."""
    said = {code for alert in alerts for code in _SAID_BY_ALERTS.get(alert.kind, ())}
    told = _OF_A_MATRIX - said - (_ON_PURPOSE if has_chosen_threshold else frozenset())
    matrix = np.asarray(confusion.counts, np.int64)
    if not matrix.sum():
        return ()
    evidence = Evidence(matrix=matrix, class_names=confusion.class_names, n_classes=len(matrix))
    return tuple(
        DiagnosisRow(
            code=finding.code.value,
            title=title_of(finding.code),
            severity=_SEVERITIES[finding.severity],
            confidence=round(finding.confidence, 2),
            evidence=finding.evidence,
            remedy=finding.remedy,
            refuted_by=finding.refuted_by,
            excluded=finding.excluded,
        )
        for finding in diagnose(evidence)
        if finding.is_alarm and finding.code in told
    )
