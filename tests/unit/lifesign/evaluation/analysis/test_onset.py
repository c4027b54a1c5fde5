import pytest

from lifesign.evaluation.analysis.history import earlier_reports
from lifesign.evaluation.analysis.onset import with_onset
from lifesign.evaluation.report.document import Alert, AlertSeverity
from lifesign.testing.report_documents import liveness_report


def _alert(kind="gate", title="Gate max_apcer failed"):
    return Alert(
        kind=kind, severity=AlertSeverity.CRITICAL, title=title, sentence="s", remedy="r", evidence={}
    )


def _since(alert, run_dir):
    return with_onset([alert], earlier_reports(run_dir))[0].since


@pytest.fixture
def baseline(tmp_path):
    report = liveness_report(version=2, alerts=[_alert(), _alert("drift", "3 of 10 features have drifted")])
    (tmp_path / "report.json").write_text(report.to_json(), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (_alert(), "Not new: the report of version 2 (run 0123456789abcdef) has it too."),
        (_alert(title="Gate max_bpcer failed"), "New since version 2"),
        (_alert("drift", "7 of 10 features have drifted"), "Not new"),
        (_alert("regression", "BPCER is worse than version 2"), "Between version 2"),
    ],
    ids=["old", "new", "drift_counts_differ", "regression"],
)
def test_the_baseline_tells_since_when(baseline, alert, words):
    assert words in _since(alert, baseline)


def test_without_a_baseline_it_is_unknown(tmp_path):
    assert _since(_alert(), None).startswith("Not known")
    assert _since(_alert(), tmp_path / "absent").startswith("Not known")
    assert "development data" in _since(_alert("drift"), None)
