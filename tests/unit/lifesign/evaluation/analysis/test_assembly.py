import numpy as np
import pytest

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.report.document import ReportDocument
from lifesign.model_card import OperatingPoint
from lifesign.testing.model_cards import liveness_card
from lifesign.testing.prediction_tables import SPECIES, classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, report_of

_CLASSES = ("cat", "dog", "owl")


@pytest.fixture(scope="module")
def table():
    return liveness_predictions(0, no_response_share=0.05)


@pytest.fixture(scope="module")
def report(table) -> ReportDocument:
    return report_of(table, liveness_spec(threshold=0.5))


def test_sharding_does_not_change_a_byte(table):
    spec = liveness_spec(threshold=0.5)
    assert report_of(table, spec, parts=1).to_json() == report_of(table, spec, parts=7).to_json()


def test_scored_and_unanswered_samples_add_up(report, table):
    accounting = report.accounting
    assert accounting.total == accounting.scored + accounting.no_response == table.num_rows
    assert accounting.no_response == sum(accounting.reasons.values()) == sum(report.confusion.no_response)


def test_missing_answers_are_told_three_ways(report, table):
    rows = [row for row in table.to_pylist() if row["pai_species"] == SPECIES[0]]
    silent = sum(row["outcome"] == "no_response" for row in rows)
    row = next(one for one in report.pad.species if one.species == SPECIES[0])
    assert (row.presentations, row.no_response) == (len(rows), silent)
    assert row.apcer.total == len(rows) - silent
    assert row.apcer_no_response_as_accept.errors == row.apcer.errors + silent
    pad = report.pad
    assert pad.bpcer_no_response_as_reject.errors == pad.bpcer.errors + pad.bpnrr.errors


def test_operating_point_of_the_card_decides_and_says_so(table):
    point = OperatingPoint(id="apcer5", criterion="apcer_max<=0.05", threshold=0.25)
    spec = AnalysisSpec(("attack", "bona_fide"), "liveness", operating_point=point)
    report = report_of(table, spec, card=liveness_card(point))
    assert report.model.operating_point == "apcer5"
    assert report.model.threshold_source == "dev"
    assert report.confusion.decision == "score >= 0.25"
    assert report.pad.thresholds[0].threshold_source == "dev"
    assert "0.5" in report.pad.thresholds[1].name


def test_rows_with_a_threshold_from_the_test_set_are_oracles(report):
    sources = {row.name: row.threshold_source for row in report.pad.thresholds}
    for name in ("EER (test)", "BPCER10", "BPCER20", "BPCER100"):
        assert sources[name] == "ORACLE:test"
    assert sources["operating point"] == "fixed"


def test_bpcer_points_hold_every_species_to_the_limit(report):
    for name, limit in (("BPCER10", 0.1), ("BPCER20", 0.05), ("BPCER100", 0.01)):
        row = next(one for one in report.pad.thresholds if one.name == name)
        assert row.apcer.value <= limit


def test_histograms_hold_every_scored_sample(report):
    assert sum(sum(row.counts) for row in report.histograms) == report.accounting.scored
    assert {row.group for row in report.histograms} == {"bona_fide", *SPECIES}


def test_curves_climb_and_stay_thin(report):
    for curve in report.roc:
        xs, ys = [point.x for point in curve.points], [point.y for point in curve.points]
        assert xs == sorted(xs)
        assert ys == sorted(ys)
        assert len(xs) <= 200
        assert (xs[-1], ys[-1]) == (1, 1)


def test_worst_errors_are_the_most_confident_and_cover_the_species(table):
    spec = liveness_spec(threshold=0.01)
    errors = report_of(table, spec).worst_errors
    accepts = [one for one in errors if one.label == "attack"]
    wrong = [
        row
        for row in table.to_pylist()
        if row["label"] == "attack" and row["scores"] and row["scores"][1] >= 0.01
    ]
    assert {one.species for one in accepts} == {row["pai_species"] for row in wrong}
    for species in {one.species for one in accepts}:
        best = max(row["scores"][1] for row in wrong if row["pai_species"] == species)
        assert max(one.score for one in accepts if one.species == species) == pytest.approx(best)
    assert len(errors) <= 24


def test_limitations_tell_that_injection_was_not_tested(report):
    assert any("Injection attacks" in one for one in report.limitations)


def test_a_classifier_has_no_attack_part():
    predictions = classification_predictions(0, class_names=_CLASSES, samples=200)
    report = report_of(predictions, AnalysisSpec(_CLASSES, "classification"))
    assert report.pad is None
    assert report.histograms == ()
    assert report.confusion.decision == "argmax"
    assert report.model.threshold is None


def test_report_holds_no_clock_host_or_folder(report):
    assert "latency" not in report.to_json()
    assert "seconds" not in report.to_json()


def test_no_drift_without_a_reference(report):
    assert report.drift == ()
    assert any("drift could not be tested" in one for one in report.limitations)


def test_drift_row_tells_medians_and_direction(table):
    shift = liveness_predictions(0, statistic_shift={"sharpness": 0.08})
    values = {"sharpness": [one for one in table["stat_sharpness"].to_pylist() if one is not None]}
    reference = ReferenceProfile.from_samples({name: np.array(one) for name, one in values.items()})
    (row,) = report_of(shift, liveness_spec(reference=reference)).drift
    assert row.verdict == "alert"
    assert row.meaning.startswith("images are sharper (median 0.0")
    assert sum(row.reference_histogram) == pytest.approx(1, abs=1e-5)
    assert row.effect > 0
