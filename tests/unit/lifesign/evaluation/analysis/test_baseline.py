import pyarrow as pa
import pytest

from lifesign.errors import ConfigurationError, StorageError
from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.metrics.comparison import mcnemar_exact
from lifesign.evaluation.report.document import GateStatus
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, report_of, write_run


@pytest.fixture(scope="module")
def pair():
    before = liveness_predictions(0, subjects=80, score_seed=1)
    now = liveness_predictions(0, subjects=80, score_seed=2, attack_logits={"replay_tablet": 1.0})
    return before, now


def _wrong(table, threshold=0.5):
    return {
        row["sample_id"]: (row["scores"][1] >= threshold) != (row["label"] == "bona_fide")
        for row in table.to_pylist()
    }


def test_counts_and_p_values_are_those_of_the_paired_samples(pair, tmp_path):
    before, now = pair
    comparison = report_of(
        now, liveness_spec(), baseline=write_run(tmp_path, before, liveness_spec())
    ).baseline
    wrong_before, wrong_now = _wrong(before), _wrong(now)
    attacks = [row["sample_id"] for row in now.to_pylist() if row["label"] == "attack"]
    b = sum(wrong_before[one] and not wrong_now[one] for one in attacks)
    c = sum(wrong_now[one] and not wrong_before[one] for one in attacks)
    change = next(one for one in comparison.changes if one.metric == "APCER")
    assert (change.newly_right, change.newly_wrong, change.samples) == (b, c, len(attacks))
    assert change.verdict == "worse"
    # Attacks on one person are a little alike: the counts are worth less, but not half.
    assert mcnemar_exact(b, c) <= change.p_value <= 2 * mcnemar_exact(b // 2, c // 2)


def test_apcer_and_bpcer_are_compared_apart(pair, tmp_path):
    before, now = pair
    comparison = report_of(
        now, liveness_spec(), baseline=write_run(tmp_path, before, liveness_spec())
    ).baseline
    verdicts = {one.metric: one.verdict for one in comparison.changes}
    assert verdicts["APCER"] == verdicts["APCER of replay_tablet"] == "worse"
    assert verdicts["BPCER"] in {"same", "insufficient"}
    assert verdicts["APCER of print_laser"] in {"same", "insufficient"}


def test_flipped_samples_tell_regressions_first(pair, tmp_path):
    before, now = pair
    comparison = report_of(
        now, liveness_spec(), baseline=write_run(tmp_path, before, liveness_spec())
    ).baseline
    flags = [one.regression for one in comparison.flipped]
    assert flags == sorted(flags, reverse=True)
    assert sum(flags) == comparison.regressions
    assert len(flags) == comparison.regressions + comparison.improvements


def test_the_same_predictions_have_not_changed(pair, tmp_path):
    before, _ = pair
    comparison = report_of(
        before, liveness_spec(), baseline=write_run(tmp_path, before, liveness_spec())
    ).baseline
    assert comparison.flipped == ()
    verdicts = {one.metric: one.verdict for one in comparison.changes}
    assert verdicts["BPCER"] == verdicts["APCER"] == "same"
    assert verdicts["APCER of print_laser"] == "insufficient"


def test_each_version_is_judged_at_its_own_threshold(pair, tmp_path):
    before, _ = pair
    baseline = write_run(tmp_path, before, liveness_spec(threshold=0.9))
    comparison = report_of(before, liveness_spec(threshold=0.1), baseline=baseline).baseline
    change = next(one for one in comparison.changes if one.metric == "BPCER")
    wrong = _wrong(before, 0.9)
    bona_fide = [row["sample_id"] for row in before.to_pylist() if row["label"] == "bona_fide"]
    assert change.baseline == pytest.approx(sum(wrong[one] for one in bona_fide) / len(bona_fide))
    assert change.verdict == "better"


def test_only_common_samples_count(pair, tmp_path):
    before, now = pair
    baseline = write_run(tmp_path, before.slice(100), liveness_spec())
    half = pa.concat_tables([now.slice(0, 300)])
    assert report_of(half, liveness_spec(), baseline=baseline).baseline.common_samples == 200


def test_other_classes_are_refused(pair, tmp_path):
    names = ("cat", "dog")
    animals = classification_predictions(0, class_names=names, samples=50)
    baseline = write_run(tmp_path, animals, AnalysisSpec(names, "classification"))
    with pytest.raises(ConfigurationError, match="expected a baseline with classes"):
        report_of(pair[1], liveness_spec(), baseline=baseline)


def test_a_folder_without_a_report_is_refused(pair, tmp_path):
    with pytest.raises(StorageError, match=r"report\.json"):
        report_of(pair[1], liveness_spec(), baseline=tmp_path)


def test_samples_that_are_unanswered_now_are_a_regression(pair, tmp_path):
    before, _ = pair
    baseline = write_run(tmp_path, before, liveness_spec())
    now = liveness_predictions(0, subjects=80, score_seed=1, no_response_share=0.2)

    report = report_of(now, liveness_spec(), baseline=baseline, gates=GateConfig(max_no_response=None))

    changes = {one.metric: one for one in report.baseline.changes}
    answered = report.accounting.scored
    missing = changes["BPNRR"].newly_wrong + changes["APNRR"].newly_wrong
    gate = next(one for one in report.gates if one.name == "regression")
    assert (report.baseline.common_samples, missing) == (answered, report.accounting.no_response)
    assert changes["BPNRR"].verdict == changes["APNRR"].verdict == "worse"
    alerts = [one for one in report.alerts if one.kind == "regression" and "PNRR" in one.title]
    assert len(alerts) == 2
    assert all("newly unanswered against 0 newly answered" in one.sentence for one in alerts)
    assert not any("newly wrong" in one.sentence + one.remedy for one in alerts)
    assert gate.status is GateStatus.FAIL
    assert "PNRR went from 0.0 %" in gate.sentence


def test_a_baseline_without_an_answer_in_common_proves_nothing(pair, tmp_path):
    _, now = pair
    silent = liveness_predictions(0, subjects=80, score_seed=1, no_response_share=1.0)

    report = report_of(now, liveness_spec(), baseline=write_run(tmp_path, silent, liveness_spec()))

    gate = next(one for one in report.gates if one.name == "regression")
    assert gate.status is GateStatus.INSUFFICIENT
