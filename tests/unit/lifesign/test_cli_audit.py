import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.evaluation.audit.findings import AuditReport, audit_schema
from lifesign.testing.audited_dataset import AuditedDataset, write_audited_dataset


@pytest.fixture
def data(tmp_path: Path) -> AuditedDataset:
    return write_audited_dataset(tmp_path / "faces")


def _run(*words: object):
    return CliRunner().invoke(app, ["audit", *map(str, words)])


def test_a_clean_set_leaves_with_0_and_says_what_was_not_checked(data: AuditedDataset) -> None:
    answer = _run(data.save())

    assert answer.exit_code == 0, answer.output
    assert "Nothing wrong was found in 264 samples." in answer.stdout
    assert "not checked: label errors" in answer.stdout


def test_a_leak_leaves_with_1_and_is_in_table_json_and_page(data: AuditedDataset, tmp_path: Path) -> None:
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"]
    out = tmp_path / "out"

    answer = _run(data.save(), "--out", out)

    assert answer.exit_code == 1
    assert "BLOCKS" in answer.stdout
    assert "subject_across_splits" in answer.stdout
    document = json.loads((out / "audit.json").read_text())
    jsonschema.validate(document, audit_schema())
    assert document["findings"][0]["code"] == "subject_across_splits"
    assert document["dataset"] == "faces"
    assert str(tmp_path) not in (out / "audit.json").read_text()
    page = (out / "audit.html").read_text()
    assert "Subject across splits" in page
    assert "data:image/jpeg;base64," in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_no_pictures_are_in_the_page_where_none_are_wanted(data: AuditedDataset, tmp_path: Path) -> None:
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"]

    _run(data.save(), "--out", tmp_path, "--no-pictures", "-q")

    assert "data:image" not in (tmp_path / "audit.html").read_text()


def test_json_is_the_whole_of_stdout(data: AuditedDataset) -> None:
    answer = _run(data.save(), "--json")

    report = AuditReport.model_validate_json(answer.stdout)
    assert report.samples == 264
    assert {check.name: check.ran for check in report.checks}["near duplicates"]


def test_names_from_the_data_cannot_run_in_the_page(data: AuditedDataset, tmp_path: Path) -> None:
    for row in data.rows:
        row["skin_tone"] = f"<script>alert('{row['skin_tone']}')</script>"
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"] = "<img src=x onerror=alert(1)>"

    _run(data.save(), "--out", tmp_path, "-q")

    page = (tmp_path / "audit.html").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--class-map", "nonsense"], "expected LABEL=CLASS"),
        (["--target-rate", "3"], "expected a share between 0 and 1, got 3"),
        (["--near-bits", "99"], "near-bits"),
        (["--nonsense"], "nonsense"),
        (["--subject-pattern", "("], "subject pattern '('"),
    ],
)
def test_wrong_options_leave_with_3(data: AuditedDataset, options: list[str], sentence: str) -> None:
    for row in data.rows:
        row["subject_id"] = ""

    answer = _run(data.save(), *options)

    assert answer.exit_code == 3
    assert sentence in answer.stderr


def test_unusable_data_leaves_with_3_and_a_sentence(tmp_path: Path, data: AuditedDataset) -> None:
    nothing = _run(tmp_path / "nothing")
    assert (nothing.exit_code, "no such file or folder" in nothing.stderr) == (3, True)

    for row in data.rows:
        (data.root / row["path"]).write_bytes(b"rubbish")
    broken = _run(data.save())
    assert broken.exit_code == 3
    assert "none of 264 images can be decoded, the first: not_an_image" in broken.stderr


def test_an_unknown_label_beside_known_ones_is_refused(data: AuditedDataset) -> None:
    data.rows[0]["label"] = "maybe"

    answer = _run(data.save())

    assert answer.exit_code == 3
    assert "unknown class 'maybe'" in answer.stderr


def test_a_subject_can_be_found_in_the_path(data: AuditedDataset) -> None:
    for row in data.rows:
        row["subject_id"] = ""
    names = {"train": "p07", "test": "p07", "dev": "p09"}
    for row in data.rows:
        path = row["path"].replace(".png", f"-{names[row['split']]}.png")
        (data.root / row["path"]).rename(data.root / path)
        row["path"] = path

    answer = _run(data.save(), "--subject-pattern", r"-(p\d+)\.", "--json", "-q")

    codes = [one["code"] for one in json.loads(answer.stdout)["findings"]]
    assert "subject_across_splits" in codes
    assert "subjects_unknown" not in codes
