"""Parts of a report that single metrics fill: thresholds, subjects, superclasses, calibration."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lifesign.errors import ConfigurationError
from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.analysis.calibration import temperature_document
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.analysis.superclasses import coarse_document
from lifesign.evaluation.metrics.score_bins import bin_thresholds, decidable_cuts
from lifesign.model_card import OperatingPoint, RateEvidence
from lifesign.testing.model_cards import liveness_card
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, report_of

_CLASSES = ("cat", "dog", "owl")
_EDGES = bin_thresholds()[decidable_cuts()]


def _edge(near):
    return float(_EDGES[np.abs(_EDGES - near).argmin()])


@pytest.fixture(scope="module")
def table():
    return liveness_predictions(0, no_response_share=0.05)


@pytest.fixture(scope="module")
def report(table):
    return report_of(table, liveness_spec(threshold=0.5))


def test_missing_answers_count_each_way_for_both_errors(report):
    pad = report.pad
    assert pad.bpcer.total < pad.bpcer_no_response_as_accept.total
    assert pad.bpcer_no_response_as_accept.errors == pad.bpcer.errors
    assert pad.bpcer_no_response_as_reject.errors == pad.bpcer.errors + pad.bpnrr.errors
    assert pad.apcer_max_no_response_as_reject.value <= pad.apcer_max.value
    assert pad.apcer_max_no_response_as_accept.value >= pad.apcer_max.value
    for row in pad.species:
        assert row.apnrr.errors == row.no_response
        assert row.apcer_no_response_as_reject.errors == row.apcer.errors
        assert row.apcer_no_response_as_reject.total == row.presentations


def test_true_positive_rates_without_enough_attacks_are_refused(report):
    rows = {row.name: row for row in report.pad.thresholds if row.name.startswith("TPR")}
    attacks = report.pad.apcer_pooled.total
    assert set(rows) == {f"TPR at FPR {rate}" for rate in ("1e-2", "5e-3", "1e-3", "1e-4")}
    refused = rows["TPR at FPR 1e-4"]
    assert refused.value is refused.threshold is refused.apcer is None
    assert refused.note == f"n/a (needs at least 100,000 attacks, has {attacks:,})"


def test_a_true_positive_rate_with_enough_attacks_keeps_its_limit():
    report = report_of(liveness_predictions(1, subjects=300), liveness_spec(threshold=0.5))
    row = next(row for row in report.pad.thresholds if row.name == "TPR at FPR 1e-2")
    assert row.apcer.total >= 1000
    assert row.apcer.value <= 0.01
    assert row.value == pytest.approx(1 - row.bpcer.value)


def test_every_threshold_says_how_it_was_chosen(report):
    for row in report.pad.thresholds:
        assert row.threshold_source in ("dev", "fixed", "ORACLE:test")
        if row.threshold_source == "ORACLE:test":
            assert row.criterion


def test_hull_eer_is_no_larger_than_that_of_steps(report):
    rows = {row.name: row for row in report.pad.thresholds}
    assert rows["EER, convex hull (test)"].value <= rows["EER (test)"].value + 1e-12


def test_bpcer1000_says_where_species_are_too_small(report):
    row = next(row for row in report.pad.thresholds if row.name == "BPCER1000")
    assert "is none, with fewer than 1,000 attacks" in row.note


@pytest.mark.parametrize(("label", "missing"), [("bona_fide", "attack"), ("attack", "bona fide")])
def test_what_holds_one_error_against_the_other_is_undefined_without_a_class(table, label, missing):
    alone = table.filter(pc.equal(table["label"], label))
    pad = report_of(alone, liveness_spec(threshold=0.5)).pad
    oracles = [row for row in pad.thresholds if row.threshold_source.startswith("ORACLE")]
    assert {row.note for row in (pad.eer, *oracles)} == {f"undefined: no scored {missing} sample"}
    for row in (pad.eer, *oracles):
        assert (row.threshold, row.apcer, row.bpcer, row.value) == (None, None, None, None)


def test_threshold_of_the_card_comes_with_its_promise(table):
    evidence = RateEvidence(errors=1, total=100, value=0.01, lower=0.0, upper=0.05)
    point = OperatingPoint(
        id="eer", criterion="eer", threshold=0.5, dataset_digest="sha256:d", bpcer=evidence
    )
    spec = dataclasses.replace(liveness_spec(), operating_point=point)
    origin = report_of(table, spec, card=liveness_card(point)).pad.provenance
    assert (origin.id, origin.source, origin.criterion) == ("eer", "dev", "eer")
    assert origin.dataset_digest == "sha256:d"
    assert origin.promised_bpcer.text == "1/100 = 1.0 % (0.025–5.4 %)"
    assert origin.promised_apcer_max is None


def test_a_given_threshold_promises_nothing(report):
    origin = report.pad.provenance
    assert (origin.id, origin.source, origin.criterion, origin.threshold) == (None, "fixed", "given", 0.5)
    assert origin.promised_bpcer is None


def test_two_operating_points_leave_a_middle_for_somebody_else(table):
    points = [
        OperatingPoint(id=name, criterion=name, threshold=_edge(threshold))
        for name, threshold in (("strict", 0.8), ("lenient", 0.2))
    ]
    spec = dataclasses.replace(liveness_spec(), operating_point=points[0])
    two = report_of(table, spec, card=liveness_card(*points)).pad.two_thresholds
    assert (two.reject_point, two.accept_point) == ("lenient", "strict")
    scores = [(row["scores"][1], row["label"]) for row in table.to_pylist() if row["outcome"] == "scored"]
    genuine = [score for score, label in scores if label == "bona_fide"]
    row = two.rows[0]
    assert row.group == "bona_fide"
    assert row.rejected.errors == sum(score < two.reject_below for score in genuine)
    assert row.accepted.errors == sum(score >= two.accept_from for score in genuine)
    assert row.rejected.errors + row.uncertain.errors + row.accepted.errors == len(genuine)


def test_one_operating_point_has_no_middle(report):
    assert report.pad.two_thresholds is None


def test_limits_by_subject_say_their_threshold_source(report):
    rows = {row.name: row for row in report.subject_intervals}
    assert rows["BPCER"].value == report.pad.bpcer.value
    assert rows["APCER max"].value == report.pad.apcer_max.value
    assert rows["BPCER"].threshold_source == "fixed"
    assert rows["EER"].threshold_source == "ORACLE:test"
    assert rows["AUC"].value == pytest.approx(report.roc[0].auc.value, abs=1e-6)
    assert all(row.lower <= row.value <= row.upper for row in rows.values())
    assert {row.subjects for row in rows.values()} == {report.subject.subjects}


def test_without_subjects_none_are_drawn(table):
    place = table.column_names.index("subject_id")
    nobody = table.set_column(place, "subject_id", pa.nulls(table.num_rows, pa.string()))
    assert report_of(nobody, liveness_spec(threshold=0.5)).subject_intervals == ()


def _with_matcher(table, words):
    """Let a matcher decide on every third presentation, and on none of one species."""
    kept = [
        words[row % 2] if row % 3 == 0 and species != "print_laser" else None
        for row, species in enumerate(table["pai_species"].to_pylist())
    ]
    return table.append_column("slice_match_decision", pa.array(kept, pa.string()))


def test_a_matcher_makes_full_system_rates_of_the_same_decisions(table):
    matched = _with_matcher(table, ("match", "no_match"))
    spec = liveness_spec(threshold=0.5, slice_columns=("device", "match_decision"))
    full = report_of(matched, spec).pad.full_system

    rows = [row for row in matched.to_pylist() if row["slice_match_decision"]]
    entered = [
        row["outcome"] == "scored" and row["scores"][1] >= 0.5 and row["slice_match_decision"] == "match"
        for row in rows
    ]
    genuine = [got for row, got in zip(rows, entered, strict=True) if row["label"] == "bona_fide"]
    assert (full.frr.errors, full.frr.total) == (len(genuine) - sum(genuine), len(genuine))
    tablet = [got for row, got in zip(rows, entered, strict=True) if row["pai_species"] == "replay_tablet"]
    by_species = {row.species: row.iapar for row in full.species}
    assert (by_species["replay_tablet"].errors, by_species["replay_tablet"].total) == (
        sum(tablet),
        len(tablet),
    )
    assert by_species["print_laser"].total == 0
    assert full.left_out == table.num_rows - len(rows)
    assert full.riapar == pytest.approx(full.iapar_max.value + full.frr.value)


@pytest.mark.parametrize("slices", [("device",), ()], ids=["others", "none"])
def test_full_system_rates_do_not_depend_on_the_slices(table, slices):
    matched = _with_matcher(table, ("match", "no_match"))
    asked = report_of(matched, liveness_spec(threshold=0.5, slice_columns=("match_decision",)))
    report = report_of(matched, liveness_spec(threshold=0.5, slice_columns=slices))
    assert report.pad.full_system is not None
    assert report.pad.full_system == asked.pad.full_system
    assert "match_decision" not in {row.column for row in report.slices}


def test_a_matchers_decision_is_no_group_of_people(table):
    spec = liveness_spec(threshold=0.5, slice_columns=("device", "match_decision"))
    report = report_of(_with_matcher(table, ("match", "no_match")), spec)
    assert {one.attribute for one in report.group_gaps} == {"device"}
    assert all("match_decision" not in one.slices for one in report.worst_slices.findings)


def test_without_a_matcher_the_pad_subsystem_was_tested(report, table):
    assert report.pad.full_system is None
    assert "The PAD subsystem was tested alone" in " ".join(report.limitations)
    spec = liveness_spec(threshold=0.5, slice_columns=("match_decision",))
    assert report_of(_with_matcher(table, ("sunny", "cloudy")), spec).pad.full_system is None


def test_weights_of_development_data_give_the_expected_performance_curve(table):
    thresholds = [_edge(near) for near in (0.2, 0.5, 0.9)]
    point = OperatingPoint(
        id="eer",
        criterion="eer",
        threshold=0.5,
        weighted_thresholds=[
            {"weight": weight, "threshold": one}
            for weight, one in zip((0.1, 0.5, 0.9), thresholds, strict=True)
        ],
    )
    spec = dataclasses.replace(liveness_spec(), operating_point=point)
    rows = report_of(table, spec, card=liveness_card(point)).pad.expected_performance
    assert [(row.weight, row.threshold) for row in rows] == list(
        zip((0.1, 0.5, 0.9), thresholds, strict=True)
    )
    scored = [row for row in table.to_pylist() if row["outcome"] == "scored"]
    for row in rows:
        wrong = [one for one in scored if one["label"] == "bona_fide" and one["scores"][1] < row.threshold]
        assert row.bpcer.errors == len(wrong)
        assert row.half_total_error == pytest.approx((row.apcer.value + row.bpcer.value) / 2)


def test_the_left_of_a_curve_has_its_own_area(report, table):
    curve = report.roc[0]
    scored = [row for row in table.to_pylist() if row["outcome"] == "scored"]
    truth = [row["label"] == "bona_fide" for row in scored]
    area = roc_auc_score(truth, [row["scores"][1] for row in scored], max_fpr=0.1)
    assert curve.partial_auc == pytest.approx(area, abs=2e-3)
    assert curve.partial_auc < curve.auc.value


def test_rates_have_wilsons_limits_beside_the_exact_ones(report):
    rate = report.pad.bpcer
    expected = stats.binomtest(rate.errors, rate.total).proportion_ci(method="wilson")
    assert (rate.wilson_lower, rate.wilson_upper) == pytest.approx((expected.low, expected.high))
    assert rate.lower < rate.wilson_lower


def test_a_classifier_has_limits_by_subject():
    table = classification_predictions(1, class_names=_CLASSES, samples=900)
    spec = AnalysisSpec(_CLASSES, "classification")
    assert report_of(table, spec).subject_intervals == ()
    place = table.column_names.index("subject_id")
    people = pa.array([f"s{row // 30}" for row in range(900)])
    report = report_of(table.set_column(place, "subject_id", people), spec)
    rows = {row.name: row for row in report.subject_intervals}
    assert set(rows) == {"accuracy", "recall, macro"}
    assert rows["accuracy"].value == pytest.approx(report.accuracy.value)
    assert rows["recall, macro"].value == pytest.approx(report.balanced_accuracy)
    assert {row.subjects for row in rows.values()} == {30}
    for row in rows.values():
        assert row.lower < row.value < row.upper


def test_rates_with_few_errors_are_not_resolved(report):
    assert report.pad.species[0].apcer.resolved is False
    assert report.pad.apcer_pooled.resolved is (report.pad.apcer_pooled.errors >= 30)


@pytest.fixture(scope="module")
def classes():
    return classification_predictions(1, class_names=_CLASSES, samples=300)


def test_superclasses_merge_classes_and_their_missing_answers(classes):
    spec = AnalysisSpec(_CLASSES, "classification")
    tally = RunState.from_predictions(classes, spec).overall
    coarse = coarse_document(tally, {"cat": "pet", "dog": "pet", "owl": "bird"})
    assert coarse.class_names == ("bird", "pet")
    assert sum(map(sum, coarse.counts)) == tally.confusion.total
    assert sum(coarse.no_response) == int(tally.no_response.sum())
    assert coarse.accuracy.value >= tally.confusion.accuracy
    assert coarse.averages["macro_f1"] is not None


def test_a_class_without_a_superclass_is_told(classes):
    tally = RunState.from_predictions(classes, AnalysisSpec(_CLASSES, "classification")).overall
    with pytest.raises(ConfigurationError, match="got none for owl"):
        coarse_document(tally, {"cat": "pet", "dog": "pet"})


def test_calibration_has_bins_of_equal_mass(report):
    calibration = report.calibration
    assert sum(one.count for one in calibration.equal_mass_bins) == report.accounting.scored
    assert 0 <= calibration.adaptive_ece <= 1


def _with_logits(temperature, *, parts=3, samples=2000):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2 * temperature, (samples, 3))
    shares = np.exp(logits / temperature)
    shares = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)
    true = (rng.random((samples, 1)) > shares[:, :-1]).sum(axis=1)
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    table = pa.table(
        {
            "sample_id": [f"s{row}" for row in range(samples)],
            "label": [_CLASSES[index] for index in true],
            "outcome": ["scored"] * samples,
            "scores": pa.array(scores.astype(np.float32).tolist(), pa.list_(pa.float32())),
            "logits": pa.array(logits.astype(np.float32).tolist(), pa.list_(pa.float32())),
        }
    )
    step = -(-samples // parts)
    return [table.slice(start, step) for start in range(0, samples, step)]


def test_an_over_confident_model_has_a_temperature_above_one():
    spec = AnalysisSpec(_CLASSES, "classification")
    found = temperature_document(_with_logits(3.0), spec, scored=2000)
    assert found.value == pytest.approx(3, rel=0.15)
    assert found.ece_after < found.ece_before / 2
    assert found.log_loss_after < found.log_loss_before
    assert found.source == "ORACLE:test"


def test_a_calibrated_model_gains_nothing_by_having_been_looked_at():
    spec = AnalysisSpec(_CLASSES, "classification")
    found = temperature_document(_with_logits(1.0), spec, scored=2000)
    assert found.value == pytest.approx(1, rel=0.1)
    assert found.log_loss_after >= found.log_loss_before - 1e-4


def test_parts_do_not_change_the_temperature():
    spec = AnalysisSpec(_CLASSES, "classification")
    whole, split = (
        temperature_document(_with_logits(2.0, parts=parts), spec, scored=200_000) for parts in (1, 7)
    )
    assert whole == split
    assert whole.samples == 500


def test_without_logits_there_is_no_temperature(table, report):
    without = table.drop_columns([name for name in ("logits",) if name in table.column_names])
    assert temperature_document(iter([without]), liveness_spec(threshold=0.5), scored=100) is None
