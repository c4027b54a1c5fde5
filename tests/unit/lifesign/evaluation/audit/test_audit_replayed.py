"""What an evaluation knows of its own samples, and of those that the model was trained on."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.errors import ContractError, StorageError
from lifesign.evaluation.audit.findings import FindingCode, Severity
from lifesign.evaluation.audit.replayed import (
    AUDIT_FILE,
    audit_replayed,
    findings_json,
    read_findings,
)
from lifesign.evaluation.audit.trained_on import TrainedOn, read_trained_on
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign.testing.audited_dataset import AuditedDataset, write_audited_dataset


@pytest.fixture
def data(tmp_path: Path) -> AuditedDataset:
    return write_audited_dataset(tmp_path / "faces")


def _load(data: AuditedDataset, split: Split | None = Split.TEST) -> Dataset:
    return load_dataset(data.save(), class_names=LIVENESS_CLASSES, split=split)


def _found(dataset: Dataset, trained_on: TrainedOn | None = None) -> dict[str, int]:
    findings = audit_replayed(dataset, LIVENESS_CLASSES, trained_on)
    assert not any(one.blocks for one in findings)
    return {str(one.code): one.count for one in findings}


def _trained_on(data: AuditedDataset, rows: list[dict[str, str]], **options: bool) -> TrainedOn:
    digests = [hashlib.sha256((data.root / row["path"]).read_bytes()).hexdigest() for row in rows]
    subjects = ["/".join(filter(None, (row.get("dataset"), row["subject_id"]))) for row in rows]
    return TrainedOn.of(digests, subjects, **{"qualified": False, **options})


def test_a_clean_test_split_of_a_model_trained_elsewhere_has_no_finding(data: AuditedDataset) -> None:
    assert _found(_load(data), _trained_on(data, data.of("train") + data.of("dev"))) == {}


def test_fingerprints_are_those_of_the_files_in_the_order_of_the_rows(data: AuditedDataset) -> None:
    (data.root / data.of("test")[3]["path"]).unlink()

    dataset = _load(data)

    paths = dataset.table["path"].to_pylist()
    expected = [
        int(hashlib.sha256((data.root / path).read_bytes()).hexdigest()[:16], 16)
        if (data.root / path).exists()
        else 0
        for path in paths
    ]
    assert dataset.fingerprints.tolist() == expected
    assert expected.count(0) == 1


def test_images_that_were_trained_on_are_counted(data: AuditedDataset) -> None:
    rows = data.of("train") + data.of("test")[:7]
    trained_on = TrainedOn.of(
        [hashlib.sha256((data.root / row["path"]).read_bytes()).hexdigest() for row in rows],
        [],
        qualified=True,
    )

    findings = audit_replayed(_load(data), LIVENESS_CLASSES, trained_on)

    assert [one.code for one in findings] == [FindingCode.TRAINING_IMAGES_IN_TEST]
    assert findings[0].count == 7
    assert findings[0].severity is Severity.ERROR
    assert "7 of 120 images (5.8%)" in findings[0].sentence


@pytest.mark.parametrize(("dataset", "severity"), [("oulu", Severity.WARNING), ("", Severity.INFO)])
def test_people_that_were_trained_on_are_sure_only_by_the_name_of_their_set(
    data: AuditedDataset, dataset: str, severity: Severity
) -> None:
    known = data.of("train")[0]
    for row in data.rows:
        row["dataset"] = dataset
    data.of("test")[0]["subject_id"] = known["subject_id"]
    trained_on = _trained_on(data, [known], qualified=bool(dataset))

    findings = audit_replayed(_load(data), LIVENESS_CLASSES, trained_on)

    assert [(one.code, one.severity) for one in findings] == [
        (FindingCode.TRAINING_SUBJECTS_IN_TEST, severity)
    ]


def test_leaks_and_doubles_among_the_samples_themselves_are_found(data: AuditedDataset) -> None:
    row = data.of("test")[0]
    data.add(row, "images/again.png", (data.root / row["path"]).read_bytes())
    assert _found(_load(data)) == {"exact_duplicate": 1}

    data.of("test")[1]["subject_id"] = data.of("train")[0]["subject_id"]
    assert _found(_load(data, split=None)) == {"subject_across_splits": 1, "exact_duplicate": 1}


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 cut off"], ids=["empty", "damaged"])
def test_files_that_cannot_be_read_are_no_copies_of_an_image(data: AuditedDataset, content: bytes) -> None:
    rows = data.of("test")
    for label in ("attack", "bona_fide"):
        row = next(row for row in rows if row["label"] == label)
        (data.root / row["path"]).write_bytes(content)
    copied = rows[-1]
    data.add(copied, "images/again.png", (data.root / copied["path"]).read_bytes())

    assert _found(_load(data)) == {"exact_duplicate": 1}


def test_of_a_large_set_a_fair_sample_is_audited_and_copies_are_sought_in_all(data: AuditedDataset) -> None:
    row = data.of("test")[0]
    data.add(row, "images/again.png", (data.root / row["path"]).read_bytes())
    for one in data.of("test"):
        one["subject_id"] = one["subject_id"].replace("test-0", "train-0")
    dataset = _load(data, split=None)

    findings = audit_replayed(dataset, LIVENESS_CLASSES, None, limit=100)

    found = {one.code: one for one in findings}
    assert found[FindingCode.EXACT_DUPLICATE].count == 1
    assert found[FindingCode.SAMPLED].count == 100
    assert f"100 of {len(dataset)} samples" in found[FindingCode.SAMPLED].sentence
    assert found[FindingCode.SUBJECT_ACROSS_SPLITS].count == 10
    assert findings == audit_replayed(dataset, LIVENESS_CLASSES, None, limit=100)


def test_the_record_of_a_training_reads_back_and_holds_no_name(data: AuditedDataset, tmp_path: Path) -> None:
    record = _trained_on(data, data.of("train"))
    path = tmp_path / "trained_on.json"
    path.write_text(record.to_json())

    again = read_trained_on(path)

    assert again is not None
    assert np.array_equal(again.images, record.images)
    assert np.array_equal(again.subjects, record.subjects)
    assert "train-00" not in path.read_text()


def test_no_record_is_none_and_another_file_is_told(tmp_path: Path) -> None:
    assert read_trained_on(tmp_path / "trained_on.json") is None
    for text in ("[]", "{}", '{"schema_version": 9}', '{"schema_version": 1, "images": "%", "subjects": ""}'):
        (tmp_path / "trained_on.json").write_text(text)
        with pytest.raises(ContractError, match="expected"):
            read_trained_on(tmp_path / "trained_on.json")


def test_findings_are_kept_in_the_run_folder(data: AuditedDataset, tmp_path: Path) -> None:
    row = data.of("test")[0]
    data.add(row, "images/again.png", (data.root / row["path"]).read_bytes())
    findings = audit_replayed(_load(data), LIVENESS_CLASSES, None)
    assert read_findings(tmp_path) == ()

    (tmp_path / AUDIT_FILE).write_text(findings_json(findings))

    assert read_findings(tmp_path) == findings
    assert findings
    (tmp_path / AUDIT_FILE).write_text(json.dumps({"findings": [{}]}))
    with pytest.raises(StorageError, match=r"audit\.json: expected the findings of an audit"):
        read_findings(tmp_path)
