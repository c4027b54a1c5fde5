"""Earlier runs: the chain of baselines, and since when an alert is there."""

import json

import pytest

from lifesign.evaluation.analysis.history import earlier_reports, history_rows
from lifesign.evaluation.analysis.onset import with_onset
from lifesign.evaluation.report.document import Alert, AlertSeverity
from lifesign.evaluation.report.html import render_html
from lifesign.testing.report_documents import liveness_report


def _alert(title="Gate max_apcer failed"):
    return Alert(
        kind="gate",
        severity=AlertSeverity.CRITICAL,
        title=title,
        sentence="s",
        remedy="r",
        evidence={},
    )


@pytest.fixture
def runs(tmp_path):
    """Write the runs of versions 1, 2, 3, each the baseline of the next; the alert is in 2 and 3."""
    folders = [tmp_path / f"run{version}" for version in (1, 2, 3)]
    for version, folder in enumerate(folders, 1):
        folder.mkdir()
        report = liveness_report(version=version, alerts=[_alert()] if version > 1 else [])
        report = report.model_copy(update={"run_id": f"run-{version}"})
        (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
        before = str(folders[version - 2]) if version > 1 else None
        (folder / "run.json").write_text(json.dumps({"config": {"baseline": before}}))
    return folders


def _ids(reports):
    return [report.run_id for report in reports]


def test_the_chain_of_baselines_is_followed_to_its_end(runs):
    earlier = earlier_reports(runs[2])
    assert _ids(earlier) == ["run-3", "run-2", "run-1"]
    rows = history_rows(earlier)
    assert [(row.run_id, row.model_version, row.alerts) for row in rows] == [
        ("run-1", "1", 0),
        ("run-2", "2", 1),
        ("run-3", "3", 1),
    ]
    assert rows[0].bpcer == earlier[2].pad.bpcer


def test_the_chain_ends_where_a_folder_is_gone_or_damaged_or_comes_round(runs):
    assert earlier_reports(None) == ()
    assert earlier_reports(runs[0].parent / "absent") == ()
    (runs[0] / "run.json").write_text(json.dumps({"config": {"baseline": str(runs[2])}}))
    assert _ids(earlier_reports(runs[2])) == ["run-3", "run-2", "run-1"]
    (runs[1] / "report.json").write_text("{")
    assert _ids(earlier_reports(runs[2])) == ["run-3"]
    (runs[2] / "run.json").write_text("[]")
    assert _ids(earlier_reports(runs[2])) == ["run-3"]


@pytest.mark.parametrize(
    ("title", "since"),
    [
        (
            "Gate max_apcer failed",
            "Not new: the reports of the last 2 runs have it, the first of them version 2 (run run-2); "
            "that of version 1 (run run-1), the run before, does not.",
        ),
        ("another", "New since version 3 (run run-3), whose report does not have it."),
    ],
)
def test_since_when_goes_back_to_where_an_alert_began(runs, title, since):
    assert with_onset([_alert(title)], earlier_reports(runs[2]))[0].since == since


def test_a_run_of_scores_from_a_file_has_no_version_to_name(runs):
    report = earlier_reports(runs[0])[0]
    model = report.model.model_copy(update={"served_versions": {}})
    since = with_onset([_alert()], [report.model_copy(update={"model": model})])[0].since
    assert since == "New since run run-1, whose report does not have it."


def test_the_page_draws_and_lists_the_earlier_runs(runs):
    report = liveness_report(version=4)
    page = render_html(report.model_copy(update={"history": history_rows(earlier_reports(runs[2]))}))
    assert "APCER, worst species and BPCER over 4 runs, the oldest first" in page
    assert [page.index(f">run-{version}</code>") for version in (1, 2, 3)] == sorted(
        page.index(f">run-{version}</code>") for version in (1, 2, 3)
    )
    assert '<th scope="row">this run</th>' in page
    assert "Earlier runs" not in render_html(report)
