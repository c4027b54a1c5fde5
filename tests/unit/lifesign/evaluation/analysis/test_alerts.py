import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.audit.findings import Finding, FindingCode, Severity
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.report.document import AlertSeverity
from lifesign.testing.prediction_tables import (
    SKIN_TONES,
    classification_predictions,
    liveness_predictions,
)
from lifesign.testing.reports import liveness_spec, reference_of, report_of, write_run

_CLASSES = ("cat", "dog", "owl")


def _kinds(report):
    return {alert.kind for alert in report.alerts}


def _alert(report, kind):
    return next(alert for alert in report.alerts if alert.kind == kind)


@pytest.mark.parametrize("seed", range(4))
def test_clean_data_raise_no_alert(seed):
    reference = reference_of(liveness_predictions(100 + seed, subjects=60))
    report = report_of(liveness_predictions(seed, subjects=60), liveness_spec(reference=reference))
    assert report.alerts == ()


@pytest.mark.parametrize(
    ("code", "count", "expected"),
    [
        (FindingCode.TRAINING_IMAGES_IN_TEST, 400, [AlertSeverity.CRITICAL]),
        (FindingCode.TRAINING_IMAGES_IN_TEST, 3, [AlertSeverity.WARNING]),
        (FindingCode.EXACT_DUPLICATE, 400, []),
    ],
    ids=["all images", "a few images", "another finding"],
)
def test_images_of_the_training_are_told_beside_the_verdict(code, count, expected):
    table = classification_predictions(0, class_names=_CLASSES, samples=400)
    found = Finding(
        code=code,
        severity=Severity.ERROR,
        blocks=False,
        count=count,
        sentence="Seen.",
        examples=(),
        remedy="Do.",
    )
    report = report_of(table, AnalysisSpec(_CLASSES, "classification"), data_findings=[found])
    assert [one.severity for one in report.alerts if one.kind == "seen_images"] == expected
    assert ("1 alert to read below" in report.verdict_sentence) is bool(expected)
    assert report.data_findings == (found,)


def test_bias_alert_names_the_group_with_counts():
    table = liveness_predictions(1, subjects=150, tone_shift={"mst09": -3.0})
    report = report_of(table, liveness_spec())
    alert = next(one for one in report.alerts if one.evidence.get("attribute") == "skin_tone")
    row = next(
        row
        for gaps in report.group_gaps
        if (gaps.attribute, gaps.metric) == ("skin_tone", "BPCER")
        for row in gaps.groups
        if row.group == "mst09"
    )
    assert alert.kind == "differential_performance"
    assert (
        f"skin_tone=mst09: BPCER {100 * row.rate.value:.1f} % ({row.rate.errors}/{row.rate.total})"
        in alert.sentence
    )
    assert "of the others" in alert.sentence


def test_tone_bands_find_what_single_tones_are_too_small_for():
    shift = dict.fromkeys(SKIN_TONES[6:], -2.0)
    table = liveness_predictions(4, subjects=60, bona_fide_per_subject=5, tone_shift=shift)
    attributes = {one.evidence.get("attribute") for one in report_of(table, liveness_spec()).alerts}
    assert "skin_tone_band" in attributes


def test_a_gap_within_the_margin_is_no_alert_however_significant():
    table = liveness_predictions(
        2, subjects=1500, bona_fide_logit=4.5, tone_shift={"mst09": -1.1}, attacks_per_subject=0
    )
    report = report_of(table, liveness_spec())
    gaps = next(one for one in report.group_gaps if (one.attribute, one.metric) == ("skin_tone", "BPCER"))
    row = next(row for row in gaps.groups if row.group == "mst09")
    assert row.q_value < gaps.alpha
    assert row.difference < gaps.margin
    assert row.verdict == "ok"


def test_drift_alert_says_what_changed_in_words_and_numbers():
    reference = reference_of(liveness_predictions(1, subjects=60))
    table = liveness_predictions(2, subjects=60, statistic_shift={"brightness": -0.1})
    alert = _alert(report_of(table, liveness_spec(reference=reference)), "drift")
    assert "brightness: images are darker (median 0.4" in alert.sentence
    assert list(alert.evidence["features"]) == ["brightness"]
    assert alert.severity is AlertSeverity.WARNING


def test_images_of_two_people_are_too_little_evidence_of_drift():
    reference = reference_of(liveness_predictions(1, subjects=60))
    table = liveness_predictions(2, subjects=2, statistic_shift={"brightness": -0.3})
    report = report_of(table, liveness_spec(reference=reference))
    assert "drift" not in _kinds(report)
    row = next(row for row in report.drift if row.feature == "brightness")
    assert row.verdict == "insufficient"
    assert row.meaning.endswith(", insufficient evidence (2 people)")


def test_inverted_scores_raise_polarity():
    attacks = dict.fromkeys(set(liveness_predictions(0)["pai_species"].to_pylist()) - {None}, 3.0)
    report = report_of(liveness_predictions(0, attack_logits=attacks, bona_fide_logit=-3.0), liveness_spec())
    assert report.alerts[0].kind == "polarity"
    assert report.verdict.value == "fail"


@pytest.mark.parametrize(("labels", "is_told"), [(None, True), ("attack", False)], ids=["both", "one class"])
def test_the_same_scores_for_everything_are_told_unless_there_is_one_class(labels, is_told):
    table = liveness_predictions(6, subjects=20)
    if labels is not None:
        table = table.filter(pc.equal(table["label"], labels))
    same = pa.array([[0.25, 0.75]] * table.num_rows, table.schema.field("scores").type)
    for name in {"scores", "logits"} & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, same)
    report = report_of(table, liveness_spec())
    assert ("constant_scores" in _kinds(report)) == is_told
    if is_told:
        assert report.alerts[0].severity is AlertSeverity.CRITICAL


def test_two_answering_versions_raise_mixed_versions():
    table = pa.concat_tables([liveness_predictions(0, version=3), liveness_predictions(1, version=4)])
    alert = _alert(report_of(table, liveness_spec()), "mixed_versions")
    assert "version 3: 780 samples, version 4: 780 samples" in alert.sentence


def test_too_many_missing_answers_raise_non_response():
    alert = _alert(report_of(liveness_predictions(0, no_response_share=0.1), liveness_spec()), "non_response")
    assert "truncated" in alert.sentence


def test_failed_gate_raises_an_alert_and_an_open_one_does_not():
    table = liveness_predictions(0, subjects=100, attack_logits={"mask_rigid_3d": 2.0})
    failed = report_of(table, liveness_spec(), gates=GateConfig(max_apcer=0.1))
    open_gate = report_of(liveness_predictions(0), liveness_spec(), gates=GateConfig(max_apcer=0.05))
    assert "gate" in _kinds(failed)
    assert open_gate.verdict.value == "insufficient"
    assert "gate" not in _kinds(open_gate)


def test_a_class_that_is_answered_too_often_raises_prediction_bias():
    spec = AnalysisSpec(_CLASSES, "classification")
    biased = classification_predictions(0, class_names=_CLASSES, samples=600, margin=0.5, collapse_to="dog")
    alert = _alert(report_of(biased, spec), "prediction_bias")
    assert alert.evidence["class"] == "dog"
    assert "prediction_bias" not in _kinds(
        report_of(classification_predictions(0, class_names=_CLASSES, samples=600), spec)
    )


def test_file_size_that_tells_the_classes_apart_raises_shortcut():
    table = liveness_predictions(0)
    width = [224 if label == "bona_fide" else 112 for label in table["label"].to_pylist()]
    leaky = table.set_column(table.column_names.index("width"), "width", pa.array(width, pa.int32()))
    alert = _alert(report_of(leaky, liveness_spec()), "shortcut")
    assert "width (AUC 1.000)" in alert.sentence


def test_regression_alert_names_kind_counts_and_the_worst_slice(tmp_path):
    spec = liveness_spec()
    baseline = write_run(tmp_path, liveness_predictions(0, subjects=250, score_seed=1), spec)
    table = liveness_predictions(0, subjects=250, score_seed=2, tone_shift={"mst09": -4.0})
    report = report_of(table, spec, baseline=baseline)
    change = next(one for one in report.baseline.changes if one.metric == "BPCER")
    alert = _alert(report, "regression")
    assert alert.title == "BPCER is worse than version 1"
    assert f"{change.newly_wrong} newly wrong against {change.newly_right} newly right" in alert.sentence
    assert "Worst in skin_tone=mst09" in alert.sentence


def test_a_value_that_every_sample_has_is_not_the_worst_slice(tmp_path):
    spec, before = liveness_spec(), liveness_predictions(0, subjects=100, score_seed=1)
    now = liveness_predictions(0, subjects=100, score_seed=2, tone_shift=dict.fromkeys(SKIN_TONES, -4.0))
    position, same = now.column_names.index("slice_device"), pa.array(["phone_a"] * now.num_rows)
    before, now = (table.set_column(position, "slice_device", same) for table in (before, now))
    alert = _alert(report_of(now, spec, baseline=write_run(tmp_path, before, spec)), "regression")
    assert "Worst in " in alert.sentence
    assert "device=" not in alert.sentence


def test_a_rise_that_one_in_a_hundred_shows_by_chance_is_told_and_not_alerted(tmp_path):
    spec = liveness_spec()
    baseline = write_run(tmp_path, liveness_predictions(0, subjects=100, score_seed=1), spec)
    table = liveness_predictions(0, subjects=100, score_seed=2, tone_shift={"mst09": -4.0})
    report = report_of(table, spec, baseline=baseline)
    change = next(one for one in report.baseline.changes if one.metric == "BPCER")
    assert change.verdict == "worse"
    assert 0.001 < change.p_value <= 0.01
    assert "regression" not in _kinds(report)


def test_critical_alerts_come_first():
    reference = reference_of(liveness_predictions(1))
    table = liveness_predictions(
        0, subjects=100, statistic_shift={"noise": 0.01}, attack_logits={"print_laser": 3.0}
    )
    report = report_of(table, liveness_spec(reference=reference), gates=GateConfig(max_apcer=0.1))
    severities = [alert.severity for alert in report.alerts]
    assert severities == sorted(severities, key=list(reversed(AlertSeverity)).index)
    assert len(set(severities)) == 2
