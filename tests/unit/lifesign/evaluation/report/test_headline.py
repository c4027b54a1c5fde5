import pytest

from lifesign.evaluation.report.document import ThresholdRow
from lifesign.evaluation.report.headline import headline_rows
from lifesign.testing.report_documents import liveness_report, rate_row


def _by_name(document):
    rows = headline_rows(document)
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row for row in rows}


def test_every_species_has_a_line_with_counts_and_limits():
    rows = _by_name(liveness_report(species={"print": (0, 150), "replay": (10, 150)}))
    assert (rows["APCER, print"].counts, rows["APCER, print"].interval) == ("0/150", "≤ 2.4 %")
    worst = rows["APCER, worst species (replay)"]
    assert (worst.value, worst.counts, worst.interval) == ("6.7 %", "10/150", "3.2–11.9 %")


def test_oracle_thresholds_are_told_as_such():
    document = liveness_report()
    point = ThresholdRow(
        name="BPCER20", threshold=0.7, threshold_source="ORACLE:test", apcer=None, bpcer=rate_row(3, 200)
    )
    pad = document.pad.model_copy(update={"thresholds": (point,)})
    rows = _by_name(document.model_copy(update={"pad": pad}))
    assert rows["BPCER20"].is_oracle
    assert rows["BPCER20"].value == "1.5 %"
    assert rows["EER"].is_oracle
    assert not rows["BPCER"].is_oracle


def test_averages_without_a_name_of_their_own_are_spoken():
    averages = {"top5_accuracy": 0.93, "auc_macro": 0.75, "auc_macro_certificate": 3e-6, "new_number": None}
    rows = _by_name(liveness_report().model_copy(update={"averages": averages}))
    assert rows["Top-5 accuracy"].value == "93.0 %"
    assert rows["New number"].value == "–"
    assert "binning error ≤ 3e-06" in rows["AUC, macro"].note


@pytest.mark.parametrize(("clipped", "words"), [(0, ""), (1, "1 sample with"), (1200, "1,200 samples with")])
def test_samples_at_the_clip_of_the_log_loss_are_told(clipped, words):
    averages = {"log_loss": 0.6, "log_loss_clipped": float(clipped)}
    rows = _by_name(liveness_report().model_copy(update={"averages": averages}))
    assert not [name for name in rows if "clipped" in name]
    assert ("87.3 nats" in rows["Log loss"].note) is (clipped > 0)
    assert words in rows["Log loss"].note


def test_rates_that_are_only_bounds_say_so():
    document = liveness_report()
    unsure = document.pad.bpcer.model_copy(update={"resolved": False})
    rows = _by_name(document.model_copy(update={"pad": document.pad.model_copy(update={"bpcer": unsure})}))
    assert rows["BPCER"].note == "few errors"


def test_three_ways_of_counting_are_told_where_samples_got_no_answer():
    document = liveness_report()
    assert "BPCER, no answer as rejection" in _by_name(document)
    silent = document.accounting.model_copy(update={"no_response": 0})
    assert "BPCER, no answer as rejection" not in _by_name(document.model_copy(update={"accounting": silent}))
