"""Each fault, built into a set without any, is found under its own code, and under no other."""

from pathlib import Path

import pytest

from lifesign.evaluation.audit.auditing import audit_images
from lifesign.evaluation.audit.findings import AuditReport, Severity
from lifesign.evaluation.audit.measurements import measure_images
from lifesign.evaluation.audit.reading import read_audited
from lifesign.testing.audit_traps import TRAPS, Trap, as_jpeg, striped_attacks
from lifesign.testing.audited_dataset import write_audited_dataset


def _audit(root: Path, **options) -> AuditReport:
    audited = read_audited(root)
    measured = measure_images(audited.table.paths, audited.source.read, boxes=audited.table.boxes)
    return audit_images(audited.table, measured, dataset="set", **options)


def _codes(report: AuditReport, *, least: Severity = Severity.INFO) -> list[str]:
    return [
        str(one.code)
        for one in report.findings
        if least is Severity.INFO or one.severity is not Severity.INFO
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_set_without_a_fault_has_no_finding(tmp_path: Path, seed: int) -> None:
    report = _audit(write_audited_dataset(tmp_path, seed=seed).save())

    assert _codes(report) == []
    assert not report.blocked


@pytest.mark.parametrize("trap", [pytest.param(trap, id=trap.name) for trap in TRAPS])
def test_a_fault_is_found_under_its_code_alone(tmp_path: Path, trap: Trap) -> None:
    data = write_audited_dataset(tmp_path)
    trap.build(data)

    report = _audit(data.save())

    assert _codes(report) == [trap.code]
    finding = report.findings[0]
    assert ("block" if finding.blocks else str(finding.severity)) == trap.kind
    assert report.blocked == finding.blocks
    assert any(mark.isdigit() for mark in finding.sentence)
    assert finding.remedy.endswith(".")


def test_wrong_labels_are_suspected_where_the_classes_look_different(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path, paint=striped_attacks)
    wrong = data.of("train", "bona_fide")[::12]
    for row in wrong:
        row |= {"label": "attack", "pai_species": "print_laser"}

    report = _audit(data.save())

    assert _codes(report, least=Severity.WARNING) == ["suspected_label_errors"]
    assert {one.sample_id for one in report.suspects} == {row["path"] for row in wrong}
    assert {(one.label, one.suggested) for one in report.suspects} == {("attack", "bona_fide")}


def test_right_labels_are_not_suspected_where_the_classes_look_different(tmp_path: Path) -> None:
    report = _audit(write_audited_dataset(tmp_path, paint=striped_attacks).save())

    assert _codes(report, least=Severity.WARNING) == []
    assert _codes(report) == ["label_shift"]


def test_attacks_saved_as_jpeg_are_named_as_a_shortcut(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    for row in [row for row in data.rows if row["label"] == "attack"]:
        path = row["path"].replace(".png", ".jpg")
        data.image(row).save(data.root / path, quality=90)
        row["path"] = path

    report = _audit(data.save())

    finding = next(one for one in report.findings if one.code == "shortcut_feature")
    assert finding.severity is Severity.WARNING
    assert "JPEG quantisation tables (AUC 1.00)" in finding.sentence
    assert {row.feature for row in report.shortcuts if row.auc and row.auc > 0.9} >= {
        "container",
        "quantisation",
        "bytes",
    }


def test_a_property_of_two_values_has_the_interval_of_its_samples(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    attacks = [row for row in data.rows if row["label"] == "attack"]
    for row in attacks[::2]:
        path = row["path"].replace(".png", ".jpg")
        data.image(row).save(data.root / path, quality=90)
        row["path"] = path

    found = next(row for row in _audit(data.save()).shortcuts if row.feature == "container")

    # The variance of an AUC A is at most A (1 - A) over the smaller class; ties are no further doubt.
    assert found.lower < found.auc < found.upper
    assert found.upper - found.lower < 2 * 1.96 * (0.25 / len(attacks)) ** 0.5


def test_subjects_of_two_data_sets_may_have_the_same_number(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    for row in data.rows:
        row["dataset"] = {"train": "casia", "dev": "nuaa", "test": "msu"}[row["split"]]
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"]

    assert "subject_across_splits" not in _codes(_audit(data.save()))


def test_frames_of_one_presentation_are_no_near_duplicates(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    row = data.of("train", "bona_fide")[0]
    same = {name: row[name] for name in ("subject_id", "presentation_id")}
    data.add(row, "images/frame.jpg", as_jpeg(data.image(row)), **same)

    assert _codes(_audit(data.save())) == []


def test_the_same_set_gives_the_same_bytes(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    for trap in TRAPS:
        if trap.name in ("recoded in test", "attacks by one device"):
            trap.build(data)
    root = data.save()

    assert _audit(root).to_json() == _audit(root).to_json()
