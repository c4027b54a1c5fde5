"""Reports of earlier releases, as they wrote them, read and rendered by this one."""

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

import lifesign.evaluation.report
from lifesign.cli import app
from lifesign.evaluation.rendering import read_report

_STORED = sorted((Path(__file__).parent / "stored_reports").glob("*.json"))
_SCHEMA = Path(lifesign.evaluation.report.__file__).with_name("report.schema.json")


def _ids(path):
    return path.stem


@pytest.mark.parametrize("path", _STORED, ids=_ids)
def test_every_field_of_an_old_report_is_still_read(path):
    old, new = json.loads(path.read_text("utf-8")), json.loads(read_report(path).to_json())
    assert _lost(old, new) == []


@pytest.mark.parametrize("path", _STORED, ids=_ids)
def test_an_old_report_follows_the_published_schema_of_today(path):
    validator = jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8")))
    faults = validator.iter_errors(json.loads(path.read_text("utf-8")))
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


@pytest.mark.parametrize("path", _STORED, ids=_ids)
def test_the_page_of_an_old_report_is_rendered(path, tmp_path):
    report = json.loads(path.read_text("utf-8"))
    result = CliRunner().invoke(app, ["report", str(path), "--out", str(tmp_path)])
    assert result.exit_code == {"pass": 0, "fail": 1, "insufficient": 2}[report["verdict"]], result.output
    page = (tmp_path / "report.html").read_text("utf-8")
    assert report["run_id"] in page
    assert (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a file that is not JSON"),
        ("[]", "expected a report of schema 1.x, got schema_version None"),
        ('{"schema_version": "2.0"}', "expected a report of schema 1.x, got schema_version '2.0'"),
        ('{"schema_version": "1.0"}', "expected a report of schema 1."),
        (None, "expected a report, got no such file"),
    ],
)
def test_what_is_no_report_is_one_sentence(tmp_path, text, message):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(app, ["report", str(path)])
    assert result.exit_code == 3
    assert message in result.stderr
    assert "Traceback" not in result.output


def _lost(old, new, place=""):
    """Return the places whose value today's code reads otherwise than it was written."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [lost for key in old for lost in _lost(old[key], new.get(key, "absent"), f"{place}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return [lost for index, (a, b) in enumerate(pairs) for lost in _lost(a, b, f"{place}[{index}]")]
    return [] if old == new or place == ".schema_version" else [f"{place}: {old!r} is now {new!r}"]
