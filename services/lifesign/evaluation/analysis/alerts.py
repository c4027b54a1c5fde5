"""Alerts: what a person should know, how sure it is, and what to do about it.

None is raised without significance (corrected over everything tested together) *and* an effect that
matters; the rows of the report they are made from hold both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lifesign.evaluation.analysis.alarm_budget import REGRESSION
from lifesign.evaluation.analysis.gap_alerts import gap_alerts
from lifesign.evaluation.audit.findings import Finding, FindingCode
from lifesign.evaluation.checks import GateEvidence
from lifesign.evaluation.report.document import (
    Alert,
    AlertSeverity,
    DriftRow,
    GateResult,
    GateStatus,
    MetricChange,
    PredictionBiasRow,
)
from lifesign.evaluation.report.wording import (
    NON_RESPONSE_RATES,
    baseline_words,
    capital,
    changed_words,
    is_species_apcer,
    p_words,
    percent,
    signed_points,
)

__all__ = ["Shortcut", "find_alerts"]

_SEVERITIES = (AlertSeverity.CRITICAL, AlertSeverity.WARNING, AlertSeverity.INFO)
# Overall rates and species are corrected apart.
_FAMILIES = 2
_FEW_SEEN = 0.01  # so few known images cannot move a rate of all by more than a point
# These gates have an alert of their own kind, which says more.
_TOLD_ELSEWHERE = frozenset({"max_no_response", "regression", "max_group_gap", "drift"})


@dataclass(frozen=True)
class Shortcut:
    """A property of the files that alone tells the classes apart: ``auc`` in [0.5, 1]."""

    feature: str
    auc: float
    samples: int


def find_alerts(
    evidence: GateEvidence,
    gates: Sequence[GateResult],
    *,
    prediction_bias: Sequence[PredictionBiasRow],
    collapse: str | None,
    served_versions: Mapping[str, int],
    shortcuts: Sequence[Shortcut] = (),
    has_constant_scores: bool = False,
    data_findings: Sequence[Finding] = (),
) -> tuple[Alert, ...]:
    """Return all alerts, critical ones first, in a fixed order within a severity."""
    found = [
        *_mixed_versions(served_versions),
        *_seen_images(data_findings, evidence.accounting.total),
        *_polarity(evidence),
        *(_constant_scores(evidence, prediction_bias) if has_constant_scores else ()),
        *_gates(evidence, gates),
        *_non_response(evidence, gates),
        *_regressions(evidence),
        *gap_alerts(evidence.group_gaps),
        *_prediction_bias(prediction_bias, collapse),
        *_drift(evidence.drift),
        *_shortcuts(shortcuts),
    ]
    return tuple(sorted(found, key=lambda alert: _SEVERITIES.index(alert.severity)))


def _mixed_versions(served: Mapping[str, int]) -> Iterable[Alert]:
    if len(served) > 1:
        counts = ", ".join(f"version {version}: {count} samples" for version, count in served.items())
        yield Alert(
            kind="mixed_versions",
            severity=AlertSeverity.CRITICAL,
            title=f"{len(served)} versions answered",
            sentence=f"The numbers mix several models ({counts}), so they describe none of them.",
            remedy="Pin the version, or wait until the roll-out is over, and evaluate again.",
            evidence={"served_versions": dict(served)},
        )


def _seen_images(findings: Sequence[Finding], total: int) -> Iterable[Alert]:
    """Rates of images that the model was trained on are no test, whatever the gates say."""
    for one in findings:
        if one.code is FindingCode.TRAINING_IMAGES_IN_TEST:
            few = one.count <= _FEW_SEEN * total
            yield Alert(
                kind="seen_images",
                severity=AlertSeverity.WARNING if few else AlertSeverity.CRITICAL,
                title="The model knows images of this test from its training",
                sentence=one.sentence
                + ("" if few else " Rates, gates and verdict of this run say little about others."),
                remedy=one.remedy,
                evidence={"images": one.count, "samples": total},
            )


def _is_inverted(evidence: GateEvidence) -> bool:
    return evidence.auc is not None and evidence.auc.upper is not None and evidence.auc.upper < 0.5


def _polarity(evidence: GateEvidence) -> Iterable[Alert]:
    auc = evidence.auc
    if auc is not None and _is_inverted(evidence):
        yield Alert(
            kind="polarity",
            severity=AlertSeverity.CRITICAL,
            title="Scores are upside down",
            sentence=(
                f"AUC is {auc.value:.4f} (95 % CI {auc.lower:.4f}–{auc.upper:.4f}), below the 0.5 of "
                "guessing: attacks score higher than bona fide samples."
            ),
            remedy="Check the class order of the model and the label of each folder: one of them is swapped.",
            evidence={"auc": auc.value, "lower": auc.lower, "upper": auc.upper},
        )


def _constant_scores(evidence: GateEvidence, rows: Sequence[PredictionBiasRow]) -> Iterable[Alert]:
    classes, scored = [row.class_name for row in rows if row.true_share], evidence.accounting.scored
    # Samples of one class alone may all be scored rightly and alike.
    if len(classes) > 1:
        yield Alert(
            kind="constant_scores",
            severity=AlertSeverity.CRITICAL,
            title="Every sample gets the same scores",
            sentence=(
                f"All {scored} scored samples of {len(classes)} classes got the same scores: the model does "
                "not look at the images, and no number here says anything about it."
            ),
            remedy=(
                "Run lifesign evaluate --dry-run: a wrong input scaling saturates a model; otherwise it is "
                "not trained, or its weights were not loaded."
            ),
            evidence={"scored": scored, "classes": classes},
        )


def _gates(evidence: GateEvidence, gates: Sequence[GateResult]) -> Iterable[Alert]:
    for gate in gates:
        told = gate.name in _TOLD_ELSEWHERE or (gate.name == "min_auc" and _is_inverted(evidence))
        if gate.status is GateStatus.FAIL and not told:
            yield Alert(
                kind="gate",
                severity=AlertSeverity.CRITICAL,
                title=f"Gate {gate.name} failed",
                sentence=gate.sentence,
                remedy="Do not release this version; look at the worst errors and the slices for the cause.",
                evidence={"gate": gate.name, "limit": gate.limit, "value": gate.value},
            )


def _non_response(evidence: GateEvidence, gates: Sequence[GateResult]) -> Iterable[Alert]:
    for gate in gates:
        if gate.name == "max_no_response" and gate.status is GateStatus.FAIL:
            reasons = evidence.accounting.reasons
            listed = ", ".join(f"{name} {count}" for name, count in reasons.items())
            yield Alert(
                kind="non_response",
                severity=AlertSeverity.CRITICAL,
                title="Too many samples got no answer",
                sentence=f"{gate.sentence} Reasons: {listed}.",
                remedy="Repair the files or the server and resume: rates leave these samples out.",
                evidence={"share": gate.value, "limit": gate.limit, "reasons": dict(reasons)},
            )


def _regressions(evidence: GateEvidence) -> Iterable[Alert]:
    baseline = evidence.baseline
    if baseline is None:
        return
    worse = [change for change in baseline.changes if _is_regression(change)]
    pooled = any(change.metric == "APCER" for change in worse)
    for change in worse:
        if not (pooled and is_species_apcer(change.metric)):
            yield Alert(
                kind="regression",
                severity=AlertSeverity.CRITICAL,
                title=f"{capital(change.metric)} is worse than {baseline_words(baseline)}",
                sentence=_regression_sentence(change),
                remedy=_regression_remedy(change),
                evidence={
                    "metric": change.metric,
                    "baseline": change.baseline,
                    "current": change.current,
                    "newly_wrong": change.newly_wrong,
                    "newly_right": change.newly_right,
                    "p_value": change.p_value,
                    "worst_slice": change.worst_slice,
                },
            )


def _is_regression(change: MetricChange) -> bool:
    """A change told as worse is one in a hundred by chance; one that pages somebody is rarer."""
    return change.verdict == "worse" and (change.p_value or 0.0) <= REGRESSION / _FAMILIES


def _regression_remedy(change: MetricChange) -> str:
    if change.metric in NON_RESPONSE_RATES:
        return "Keep the baseline in service; the reasons for no answer are told with the counts of samples."
    return "Keep the baseline in service; the flipped samples below show what was lost."


def _regression_sentence(change: MetricChange) -> str:
    where = f" Worst in {change.worst_slice}." if change.worst_slice else ""
    lost, won = changed_words(change.metric)
    return (
        f"{capital(change.metric)} rose from {percent(change.baseline)} to {percent(change.current)} on the "
        f"same {change.samples:,} samples ({signed_points(change.difference or 0.0)}): "
        f"{change.newly_wrong:,} {lost} against {change.newly_right:,} {won}, exact McNemar, "
        f"corrected {p_words(change.p_value)}.{where}"
    )


def _prediction_bias(rows: Sequence[PredictionBiasRow], collapse: str | None) -> Iterable[Alert]:
    biased = [row for row in rows if row.verdict == "alert" or row.class_name == collapse]
    if not biased:
        return
    most = max(biased, key=lambda row: (row.class_name == collapse, abs(row.difference or 0.0)))
    collapsed = collapse == most.class_name
    word = "almost always" if collapsed else "too often" if (most.difference or 0.0) > 0 else "too rarely"
    yield Alert(
        kind="prediction_bias",
        severity=AlertSeverity.CRITICAL if collapsed else AlertSeverity.WARNING,
        title=f"The model answers {most.class_name} {word}",
        sentence=(
            f"{most.class_name} is {percent(most.predicted_share)} of the decisions but "
            f"{percent(most.true_share)} of the labels ({signed_points(most.difference or 0.0)}, "
            f"{p_words(most.p_value)})."
        ),
        remedy=(
            "Look at the confusion matrix for the class that pays for it; move the threshold on development "
            "data, or rebalance the training set."
        ),
        evidence={
            "class": most.class_name,
            "true_share": most.true_share,
            "predicted_share": most.predicted_share,
            "p_value": most.p_value,
            "collapse": collapsed,
        },
    )


def _drift(rows: Sequence[DriftRow]) -> Iterable[Alert]:
    drifted = [row for row in rows if row.verdict == "alert"]
    if not drifted:
        return
    told = "; ".join(
        f"{row.feature.replace('_', ' ')}: {row.meaning}, D {row.statistic or 0.0:.2f}, "
        f"corrected {p_words(row.q_value)}"
        for row in drifted[:4]
    )
    more = f"; and {len(drifted) - 4} more" if len(drifted) > 4 else ""
    floor = max((row.minimum_detectable or 0.0) for row in rows)
    yield Alert(
        kind="drift",
        severity=AlertSeverity.WARNING,
        title=f"{len(drifted)} of {len(rows)} features have drifted",
        sentence=(
            f"These samples differ from the model's reference: {told}{more}. A single shift below "
            f"D {floor:.2f} could have been missed."
        ),
        remedy=(
            "Find what changed in capture (camera, light, compression) or in the mix of attacks; if it is "
            "here to stay, choose the threshold anew on development data like it."
        ),
        evidence={
            "features": {row.feature: {"d": row.statistic, "q_value": row.q_value} for row in drifted},
            "minimum_detectable": floor,
        },
    )


def _shortcuts(shortcuts: Sequence[Shortcut]) -> Iterable[Alert]:
    if not shortcuts:
        return
    told = ", ".join(f"{one.feature} (AUC {one.auc:.3f})" for one in shortcuts)
    yield Alert(
        kind="shortcut",
        severity=AlertSeverity.WARNING,
        title="The test set gives the answer away",
        sentence=(
            f"Attack and bona fide can be told apart without looking at a face: {told} on "
            f"{shortcuts[0].samples} samples. Good results on this set may prove nothing else."
        ),
        remedy="Record both classes with the same cameras, sizes and compression, and evaluate again.",
        evidence={"features": {one.feature: one.auc for one in shortcuts}},
    )
