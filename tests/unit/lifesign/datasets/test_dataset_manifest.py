import json
import os
import shutil

import pyarrow as pa
import pytest
from pyarrow import parquet

from lifesign.datasets.dataset import Dataset, default_slices, load_dataset
from lifesign.errors import DatasetError
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign.testing.brightness_dataset import write_brightness_manifest

ROWS = [
    {"path": "a.png", "label": "real", "subject": "007", "device": "x"},
    {"path": "b.png", "label": "spoof", "subject": "008", "device": "y"},
]


def _write(path, rows):
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        names = list(rows[0])
        lines = [",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return path


def _load(path, **options) -> Dataset:
    return load_dataset(path, class_names=LIVENESS_CLASSES, **options)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_data_set(tmp_path, suffix):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    reference = _load(_write(tmp_path / "reference.csv", ROWS))
    dataset = _load(_write(tmp_path / f"m{suffix}", ROWS))
    assert dataset.table.equals(reference.table)
    assert dataset.digest == reference.digest
    assert sorted(dataset.table["subject_id"].to_pylist()) == ["007", "008"]


@pytest.mark.parametrize(
    ("columns", "values", "canonical"),
    [
        (("image", "is_bonafide"), (("a", "true"), ("b", "False")), {"a": "bona_fide", "b": "attack"}),
        (("file", "target"), (("a", "1"), ("b", "0")), {"a": "bona_fide", "b": "attack"}),
        (("Path", "liveness"), (("a", "live"), ("b", "spoof")), {"a": "bona_fide", "b": "attack"}),
    ],
    ids=["is_bonafide", "target", "liveness"],
)
def test_columns_go_by_several_names(tmp_path, columns, values, canonical):
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    table = _load(_write(tmp_path / "m.csv", rows)).table
    assert dict(zip(table["path"].to_pylist(), table["label"].to_pylist(), strict=True)) == canonical


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_truth_values_and_numbers_are_labels_too(tmp_path, suffix):
    rows = [{"path": "a", "is_bonafide": True}, {"path": "b", "is_bonafide": False}]
    table = _load(_write(tmp_path / f"m{suffix}", rows)).table
    assert set(zip(table["path"].to_pylist(), table["label"].to_pylist(), strict=True)) == {
        ("a", "bona_fide"),
        ("b", "attack"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,device\nreal,x\n", r"expected a column path or image.*\['label', 'device'\]"),
        ("path,device\na,x\n", "expected a column label or is_bonafide"),
        ("path,label\n", "only a header"),
        ("path,label\na,real\nb,\n", "1 rows have no label, such as data row 2"),
        ("path,label\na,real\n,fake\n", "1 rows have no path, such as data row 2"),
        ("path,label\na,real\na,fake\n", r"1 sample ids more than once, such as 'a'"),
        ("path,label\na,real\nb,fake\nc,robot\n", "unknown class 'robot'"),
        ("path,label\na,real\nb,live\n", "none of attack among 2 samples"),
        ("path,label,split\na,real,dev\nb,fake,dev\n", r"'test', got only \['dev'\]"),
        ("path,label,split\na,real,sofa\nb,fake,dev\n", r"train, dev and test, got \['sofa'\]"),
        ("image,file,label\na,b,real\n", r"\['image', 'file'\] all mean 'path'"),
        ("path,label\na,real\nb,fake,extra\n", "not a readable csv manifest"),
        ("", "not a readable csv manifest"),
    ],
)
def test_unusable_manifests_are_refused_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        _load(path, split=Split.TEST)


def test_missing_manifest_and_unknown_suffix_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        _load(tmp_path / "absent.csv")
    (tmp_path / "m.xlsx").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"expected a folder or one of \.csv"):
        _load(tmp_path / "m.xlsx")


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m.csv")
    with pytest.raises(DatasetError, match=r"m\.csv: expected a file or folder, got a pipe"):
        _load(tmp_path / "m.csv")


def test_back_slashes_are_folders(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("path,label\n0010\\a.jpg,real\nb,fake\n")
    assert set(_load(path).table["path"].to_pylist()) == {"0010/a.jpg", "b"}


def test_explicit_sample_ids_may_share_a_path(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("sample_id,path,label\n1,a,real\n2,a,fake\n")
    assert sorted(_load(path).table["sample_id"].to_pylist()) == ["1", "2"]


def test_rows_without_split_column_are_used_whole(tmp_path):
    dataset = _load(_write(tmp_path / "m.csv", ROWS), split=Split.TEST)
    assert len(dataset) == 2
    assert dataset.splits == ()


def test_order_and_digest_do_not_depend_on_row_order_or_place(tmp_path):
    manifest = write_brightness_manifest(tmp_path / "one", samples=20)
    first = _load(manifest)
    lines = manifest.read_text().splitlines()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "manifest.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    second = _load(tmp_path / "two")
    assert second.digest == first.digest
    assert second.table.equals(first.table)


@pytest.mark.parametrize("change", ["content", "label", "subject", "metadata", "missing"])
def test_digest_follows_whatever_could_change_a_result(tmp_path, change):
    manifest = write_brightness_manifest(tmp_path, samples=8)
    before = _load(manifest).digest
    image = tmp_path / "images" / "attack" / "00000.png"
    text = manifest.read_text()
    replaced = {
        "label": ("attack/00000.png,test,attack", "attack/00000.png,test,bona_fide"),
        "subject": ("subject-000", "subject-999"),
        "metadata": ("phone_b", "phone_c"),
    }
    if change == "content":
        image.write_bytes(image.read_bytes()[:-1] + b"?")
    elif change == "missing":
        image.unlink()
    else:
        manifest.write_text(text.replace(*replaced[change]))
        assert manifest.read_text() != text
    assert _load(manifest).digest != before


def test_limit_draws_the_same_samples_from_both_classes(tmp_path):
    manifest = write_brightness_manifest(tmp_path, samples=60)
    whole, some = _load(manifest), _load(manifest, limit=20)
    assert some.table["sample_id"].to_pylist() == whole.table["sample_id"].to_pylist()[:20]
    assert set(some.table["label"].to_pylist()) == {"attack", "bona_fide"}


def test_subjects_and_presentations_are_counted(tmp_path):
    dataset = _load(write_brightness_manifest(tmp_path, samples=16))
    assert (dataset.subjects, dataset.presentations) == (2, 16)
    assert (
        _load(_write(tmp_path / "m.csv", [{"path": "a", "label": "1"}, {"path": "b", "label": "0"}])).subjects
        is None
    )


def test_default_slices_are_names_not_measurements():
    table = pa.table(
        {
            "device": ["a", "b", "a"],
            "session": ["1", "2", "1"],
            "glasses": ["True", "False", None],
            "lamp": ["x", "x", "x"],
            "yaw_deg": ["1", "2", "3"],
            "face_x": ["1", "2", "3"],
            "seed": ["1", "2", "3"],
            "strength": ["0.5", "1", "0.25"],
            "source_path": ["p", "q", "p"],
            "pai_family": ["print", "replay", None],
        }
    )
    assert default_slices(table, table.column_names) == ("device", "session", "glasses")


def test_a_column_with_many_values_is_no_slice():
    values = [str(index) for index in range(21)]
    assert default_slices(pa.table({"room": values[:20]}), ["room"]) == ("room",)
    assert default_slices(pa.table({"room": values}), ["room"]) == ()


def test_chosen_slices_must_exist(tmp_path):
    manifest = write_brightness_manifest(tmp_path, samples=8)
    assert _load(manifest, slices=("device",)).slice_columns == ("device",)
    with pytest.raises(DatasetError, match=r"\['device', 'face_x'\], got \['colour'\]"):
        _load(manifest, slices=("colour",))
