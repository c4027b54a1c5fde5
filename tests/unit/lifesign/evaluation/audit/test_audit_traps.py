"""Each fault, built into a set without any, is found under its own code, and under no other."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lifesign.evaluation.audit.auditing import audit_images
from lifesign.evaluation.audit.findings import AuditReport, Severity
from lifesign.evaluation.audit.measurements import measure_images
from lifesign.evaluation.audit.reading import read_audited
from lifesign.testing.audited_dataset import AuditedDataset, write_audited_dataset


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


def _jpeg(image: Image.Image, quality: int = 70) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _copy_with_metadata(image: Image.Image) -> bytes:
    text, file = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("note", "saved again")
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def _known_subject(data: AuditedDataset) -> None:
    data.of("test")[0]["subject_id"] = data.of("train")[0]["subject_id"]


def _known_attacker(data: AuditedDataset) -> None:
    for row in data.rows:
        row["attacker_id"] = f"attacker-{row['split']}" if row["label"] == "attack" else ""
    data.of("test", "attack")[0]["attacker_id"] = data.of("train")[0]["subject_id"]


def _torn_presentation(data: AuditedDataset) -> None:
    data.of("test")[0]["presentation_id"] = data.of("dev")[0]["presentation_id"]


def _nobody_named(data: AuditedDataset) -> None:
    for row in data.rows:
        row["subject_id"] = ""


def _same_file_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", (data.root / row["path"]).read_bytes(), split="test")


def _same_pixels_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", _copy_with_metadata(data.image(row)), split="test")


def _same_image_as_attack(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row), label="attack", pai_species="print_laser")


def _same_image_other_species(data: AuditedDataset) -> None:
    row = data.of("train", species="print_laser")[0]
    data.add(row, "images/again.png", data.image(row), pai_species="replay_tablet")


def _same_image_twice(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row))


def _recoded_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", _jpeg(data.image(row)), split="test")


def _enlarged_in_test(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.png", data.image(row).resize((160, 160)), split="test")


def _recoded_as_attack(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", _jpeg(data.image(row)), label="attack", pai_species="print_laser")


def _print_of_a_photo(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(
        row,
        "images/again.jpg",
        _jpeg(data.image(row)),
        label="attack",
        pai_species="print_laser",
        subject_id=row["subject_id"],
    )


def _recoded_twice(data: AuditedDataset) -> None:
    row = data.of("train", "bona_fide")[0]
    data.add(row, "images/again.jpg", _jpeg(data.image(row)))


def _no_bona_fide_in_dev(data: AuditedDataset) -> None:
    gone = [id(row) for row in data.of("dev", "bona_fide")]
    data.rows[:] = [row for row in data.rows if id(row) not in gone]


def _species_only_in_test_and_dev(data: AuditedDataset) -> None:
    for row in data.of("train", species="print_laser"):
        row["pai_species"] = "replay_tablet"


def _species_not_in_dev(data: AuditedDataset) -> None:
    for row in data.of("dev", species="print_laser"):
        row["pai_species"] = "replay_tablet"


def _few_of_a_species(data: AuditedDataset) -> None:
    gone = [id(row) for row in data.of("test", species="print_laser")[10:]]
    data.rows[:] = [row for row in data.rows if id(row) not in gone]


def _longer_names_of_attacks(data: AuditedDataset) -> None:
    for row in [row for row in data.rows if row["label"] == "attack"]:
        path = row["path"].replace(".png", "-from-the-lab.png")
        (data.root / row["path"]).rename(data.root / path)
        row["path"] = path


def _dark_test(data: AuditedDataset) -> None:
    for row in data.of("test"):
        data.image(row).point(lambda value: value // 4).save(data.root / row["path"])


def _paler_attacks(data: AuditedDataset) -> None:
    for row in [row for row in data.rows if row["label"] == "attack"]:
        image = data.image(row)
        Image.blend(image, image.convert("L").convert("RGB"), 0.5).save(data.root / row["path"])


def _turned_by_exif(data: AuditedDataset) -> None:
    row, exif = data.of("train")[0], Image.Exif()
    exif[0x0112] = 6
    data.image(row).save(data.root / row["path"], exif=exif)


def _with_alpha(data: AuditedDataset) -> None:
    row = data.of("train")[0]
    data.image(row).convert("RGBA").save(data.root / row["path"])


def _cut_short(data: AuditedDataset) -> None:
    path = data.root / data.of("train")[0]["path"]
    path.write_bytes(path.read_bytes()[:2000])


def _lost_file(data: AuditedDataset) -> None:
    (data.root / data.of("train")[0]["path"]).unlink()


def _attacks_by_one_device(data: AuditedDataset) -> None:
    for place, row in enumerate(data.rows):
        likely = row["label"] == "attack" if place % 6 else row["label"] != "attack"
        row["device"] = "phone_a" if likely else "phone_b"


def _no_bona_fide_of_a_tone(data: AuditedDataset) -> None:
    for row in data.rows:
        if row["label"] == "bona_fide" and row["skin_tone"] == "mst08":
            row["skin_tone"] = "mst05"


_TRAPS = [
    (_known_subject, "subject_across_splits", "block"),
    (_known_attacker, "subject_across_splits", "block"),
    (_torn_presentation, "presentation_across_splits", "block"),
    (_nobody_named, "subjects_unknown", "info"),
    (_same_file_in_test, "exact_duplicate_across_splits", "block"),
    (_same_pixels_in_test, "exact_duplicate_across_splits", "block"),
    (_same_image_as_attack, "same_image_two_labels", "block"),
    (_same_image_other_species, "same_image_two_labels", "block"),
    (_same_image_twice, "exact_duplicate", "warning"),
    (_recoded_in_test, "near_duplicate_across_splits", "block"),
    (_enlarged_in_test, "near_duplicate_across_splits", "block"),
    (_recoded_as_attack, "near_duplicate_across_labels", "warning"),
    (_print_of_a_photo, "source_photo_of_attack", "info"),
    (_recoded_twice, "near_duplicate", "warning"),
    (_no_bona_fide_in_dev, "class_missing_from_split", "block"),
    (_species_only_in_test_and_dev, "species_unseen_in_training", "info"),
    (_species_not_in_dev, "species_missing_from_dev", "warning"),
    (_few_of_a_species, "few_samples", "warning"),
    (_longer_names_of_attacks, "shortcut_feature", "warning"),
    (_dark_test, "split_shift", "warning"),
    (_paler_attacks, "label_shift", "info"),
    (_turned_by_exif, "conversions", "info"),
    (_with_alpha, "conversions", "info"),
    (_cut_short, "unreadable_images", "warning"),
    (_lost_file, "unreadable_images", "warning"),
    (_attacks_by_one_device, "label_slice_correlation", "warning"),
    (_no_bona_fide_of_a_tone, "coverage_gaps", "info"),
]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_set_without_a_fault_has_no_finding(tmp_path: Path, seed: int) -> None:
    report = _audit(write_audited_dataset(tmp_path, seed=seed).save())

    assert _codes(report) == []
    assert not report.blocked


@pytest.mark.parametrize(("build", "code", "kind"), _TRAPS, ids=[trap[0].__name__[1:] for trap in _TRAPS])
def test_a_fault_is_found_under_its_code_alone(
    tmp_path: Path, build: Callable[[AuditedDataset], None], code: str, kind: str
) -> None:
    data = write_audited_dataset(tmp_path)
    build(data)

    report = _audit(data.save())

    assert _codes(report) == [code]
    finding = report.findings[0]
    assert ("block" if finding.blocks else str(finding.severity)) == kind
    assert report.blocked == finding.blocks
    assert any(mark.isdigit() for mark in finding.sentence)
    assert finding.remedy.endswith(".")


def _striped(pixels: np.ndarray, label: str) -> np.ndarray:
    """Mark attacks by fine stripes, which neither colours nor borders show."""
    marked = pixels.copy()
    if label == "attack":
        marked[8:-8, 8:-8:2] += 24
        marked[8:-8, 9:-8:2] -= 24
    return marked


def test_wrong_labels_are_suspected_where_the_classes_look_different(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path, paint=_striped)
    wrong = data.of("train", "bona_fide")[::12]
    for row in wrong:
        row |= {"label": "attack", "pai_species": "print_laser"}

    report = _audit(data.save())

    assert _codes(report, least=Severity.WARNING) == ["suspected_label_errors"]
    assert {one.sample_id for one in report.suspects} == {row["path"] for row in wrong}
    assert {(one.label, one.suggested) for one in report.suspects} == {("attack", "bona_fide")}


def test_right_labels_are_not_suspected_where_the_classes_look_different(tmp_path: Path) -> None:
    report = _audit(write_audited_dataset(tmp_path, paint=_striped).save())

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
    data.add(row, "images/frame.jpg", _jpeg(data.image(row)), **same)

    assert _codes(_audit(data.save())) == []


def test_the_same_set_gives_the_same_bytes(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path)
    _recoded_in_test(data)
    _attacks_by_one_device(data)
    root = data.save()

    assert _audit(root).to_json() == _audit(root).to_json()
