"""What instruments say about one report, as plain readings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from lifesign.evaluation.monitor.schemas import area_under_curve
from lifesign.evaluation.report.document import (
    Alert,
    AlertSeverity,
    ConfusionDocument,
    GateStatus,
    GroupGapTable,
    ReportDocument,
)

__all__ = ["ALERT_KINDS", "READINGS", "Reading", "report_readings"]

ALERT_KINDS: Final[tuple[str, ...]] = get_args(Alert.model_fields["kind"].annotation)

_GATE_VALUES = {GateStatus.PASS: 0.0, GateStatus.FAIL: 1.0, GateStatus.INSUFFICIENT: 2.0}

READINGS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "lifesign_eval_accuracy_ratio": ("Share of scored samples decided right.", ()),
    "lifesign_eval_precision_ratio": ("Precision of a class.", ("class",)),
    "lifesign_eval_recall_ratio": ("Recall of a class.", ("class",)),
    "lifesign_eval_f1_ratio": ("Harmonic mean of precision and recall of a class.", ("class",)),
    "lifesign_eval_samples": ("Samples of the test set, by what came of them.", ("outcome",)),
    "lifesign_eval_apcer_ratio": ("APCER of a PAI species (ISO/IEC 30107-3).", ("species",)),
    "lifesign_eval_apcer_max_ratio": ("APCER of the worst PAI species.", ()),
    "lifesign_eval_bpcer_ratio": ("BPCER (ISO/IEC 30107-3).", ()),
    "lifesign_eval_acer_ratio": ("Mean of the worst APCER and BPCER; not part of ISO/IEC 30107-3.", ()),
    "lifesign_eval_auc_ratio": ("Area under the ROC curve; macro average for more than two classes.", ()),
    "lifesign_eval_eer_ratio": ("Equal error rate on the test set; its threshold is never used.", ()),
    "lifesign_eval_drift_score": (
        "Distance of a feature from the reference profile of the model.",
        ("feature", "method"),
    ),
    "lifesign_eval_group_gap_ratio": (
        "Largest excess of a group's error rate over all others, of groups with enough samples.",
        ("attribute", "metric"),
    ),
    "lifesign_eval_confusion_samples": ("Samples by actual and predicted class.", ("actual", "predicted")),
    "lifesign_eval_confusion_truncated": ("1 if only the most confused pairs are exported.", ()),
    "lifesign_eval_alert_active": (
        "1 if the last report raised an alert of this kind.",
        ("alert", "severity"),
    ),
    "lifesign_eval_gate_status": ("0 passed, 1 failed, 2 not enough evidence.", ("gate",)),
}
"""Instrument → help and labels, in addition to model, model_version and dataset."""


@dataclass(frozen=True)
class Reading:
    """One value of one instrument."""

    instrument: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def report_readings(
    document: ReportDocument, *, classes_limit: int, confused_pairs: int
) -> Iterator[Reading]:
    """Yield every reading of a report; what a report could not compute is absent, not zero."""
    for instrument, value, labels in (
        *_quality(document),
        *_presentation_attacks(document),
        *_confusion(document.confusion, classes_limit=classes_limit, confused_pairs=confused_pairs),
        *_comparisons(document),
        *_judgements(document),
    ):
        if value is not None:
            yield Reading(f"lifesign_eval_{instrument}", float(value), labels)


_Row = tuple[str, float | None, dict[str, str]]


def _quality(document: ReportDocument) -> Iterator[_Row]:
    yield "accuracy_ratio", document.accuracy.value, {}
    yield "auc_ratio", area_under_curve(document), {}
    yield "samples", document.accounting.scored, {"outcome": "scored"}
    yield "samples", document.accounting.no_response, {"outcome": "no_response"}
    for row in document.classes:
        labels = {"class": row.class_name}
        yield "precision_ratio", row.precision, labels
        yield "recall_ratio", row.recall, labels
        yield "f1_ratio", row.f1, labels


def _presentation_attacks(document: ReportDocument) -> Iterator[_Row]:
    pad = document.pad
    if pad is None:
        return
    yield "apcer_max_ratio", pad.apcer_max.value, {}
    yield "bpcer_ratio", pad.bpcer.value, {}
    yield "acer_ratio", pad.acer_max, {}
    yield "eer_ratio", pad.eer.value, {}
    for row in pad.species:
        yield "apcer_ratio", row.apcer.value, {"species": row.species}


def _confusion(confusion: ConfusionDocument, *, classes_limit: int, confused_pairs: int) -> Iterator[_Row]:
    names = confusion.class_names
    cells = [
        (count, actual, predicted)
        for actual, row in zip(names, confusion.counts, strict=True)
        for predicted, count in zip(names, row, strict=True)
    ]
    truncated = len(names) > classes_limit
    if truncated:
        confused = [cell for cell in cells if cell[0] > 0 and cell[1] != cell[2]]
        # The order among equals is the report's own, so the same report gives the same series.
        cells = sorted(confused, key=lambda cell: -cell[0])[:confused_pairs]
    yield "confusion_truncated", float(truncated), {}
    for count, actual, predicted in cells:
        yield "confusion_samples", count, {"actual": actual, "predicted": predicted}


def _comparisons(document: ReportDocument) -> Iterator[_Row]:
    for row in document.drift:
        yield "drift_score", row.statistic, {"feature": row.feature, "method": row.method}
    for table in document.group_gaps:
        yield "group_gap_ratio", _largest_gap(table), {"attribute": table.attribute, "metric": table.metric}


def _largest_gap(table: GroupGapTable) -> float | None:
    gaps = [
        row.difference for row in table.groups if row.difference is not None and row.verdict != "insufficient"
    ]
    return max(gaps, default=None)


def _judgements(document: ReportDocument) -> Iterator[_Row]:
    active = {(alert.kind, alert.severity) for alert in document.alerts}
    for kind in ALERT_KINDS:
        for severity in AlertSeverity:
            labels = {"alert": kind, "severity": str(severity)}
            yield "alert_active", float((kind, severity) in active), labels
    for gate in document.gates:
        yield "gate_status", _GATE_VALUES[gate.status], {"gate": gate.name}
