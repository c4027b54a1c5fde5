import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.export import manifest_bytes
from lifesign.datasets.inventory import inventory_of
from lifesign.datasets.reading import read_raw
from lifesign.errors import DatasetError
from lifesign.labels import LIVENESS_CLASSES
from lifesign.testing.brightness_dataset import write_brightness_folders
from lifesign.testing.layout_stand_ins import write_celeba_spoof, write_cifar_100, write_nuaa, write_oulu_npu


def _cells(inventory):
    return {(cell.split, cell.label, cell.pai_species): cell for cell in inventory.cells}


def test_cells_count_samples_people_and_presentations(tmp_path):
    inventory = inventory_of(read_raw(write_oulu_npu(tmp_path)))
    cell = _cells(inventory)["dev", "attack", "print_printer1"]
    assert (cell.samples, cell.subjects, cell.presentations) == (4, 2, 2)
    assert (inventory.samples, inventory.subjects, inventory.presentations) == (60, 6, 30)
    assert sum(one.samples for one in inventory.cells) == inventory.samples
    assert inventory.columns["session"] == 1


def test_missing_images_and_people_in_two_splits_are_named(tmp_path):
    write_nuaa(tmp_path)
    listed = tmp_path / "raw/client_test_raw.txt"
    listed.write_text(listed.read_text() + "0001/0001_01_05_01_7.jpg\n")
    inventory = inventory_of(read_raw(tmp_path))
    assert inventory.shared_subjects == ("nuaa-0001",)
    assert inventory.missing == (
        "raw/ClientRaw/0002/0002_01_05_02_7.jpg",
        "raw/ClientRaw/0001/0001_01_05_01_7.jpg",
    )


def test_reasons_are_counted_with_the_first_example(tmp_path):
    inventory = inventory_of(read_raw(write_nuaa(tmp_path)))
    assert sum(count for _, count, _ in inventory.reasons()) == len(inventory.rejections) == 4
    assert ("in no list", 1, "raw/ClientRaw/0002/0002_01_05_03_99.jpg") in inventory.reasons()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("place", ["set", "elsewhere"])
def test_a_manifest_of_a_layout_is_the_same_data_set(tmp_path, suffix, place):
    raw = read_raw(write_celeba_spoof(tmp_path / "set"))
    out = tmp_path / place / f"m{suffix}"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(manifest_bytes(raw, out))
    by_layout = load_dataset(tmp_path / "set", class_names=LIVENESS_CLASSES)
    by_manifest = load_dataset(out, class_names=LIVENESS_CLASSES)
    assert by_manifest.digest == by_layout.digest
    assert by_manifest.table.drop(["path"]).equals(by_layout.table.drop(["path"]))
    is_below = place == "set"
    assert all(Path(path).is_absolute() is not is_below for path in by_manifest.table["path"].to_pylist())


def test_words_of_liveness_and_splits_are_normalised(tmp_path):
    write_brightness_folders(tmp_path / "val", per_class=1, bona_fide="genuine", attack="spoof")
    out = tmp_path / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest_bytes(read_raw(tmp_path), out).splitlines()]
    assert {(row["label"], row["split"]) for row in rows} == {("bona_fide", "dev"), ("attack", "dev")}


def test_other_labels_stay_as_they_are(tmp_path):
    for name in ("real", "sofa"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"x")
    content = manifest_bytes(read_raw(tmp_path), tmp_path / "m.jsonl")
    assert {json.loads(line)["label"] for line in content.splitlines()} == {"real", "sofa"}


@pytest.mark.parametrize(
    ("out", "message"),
    [("m.xlsx", r"expected a manifest of \.csv"), ("m.csv", "rows of an archive have no path")],
)
def test_what_cannot_be_a_manifest_is_refused(tmp_path, out, message):
    with pytest.raises(DatasetError, match=message):
        manifest_bytes(read_raw(write_cifar_100(tmp_path)), tmp_path / out)


def test_the_command_tells_what_it_recognised_and_writes_the_manifest(tmp_path):
    write_nuaa(tmp_path / "set")
    out = tmp_path / "set/manifest.csv"
    told = CliRunner().invoke(app, ["dataset", str(tmp_path / "set"), "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert "recognised as NUAA (nuaa)" in told.output
    assert "17 samples, 2 subjects" in told.output
    assert "1 × in no list, such as raw/ClientRaw/0002/0002_01_05_03_99.jpg" in told.output
    assert len(out.read_text().splitlines()) == 18


def test_the_command_prints_everything_as_json(tmp_path):
    told = CliRunner().invoke(app, ["dataset", str(write_oulu_npu(tmp_path)), "--protocol", "1", "--json"])
    document = json.loads(told.output)
    assert document["recognised"] == "OULU-NPU (oulu-npu), protocol 1"
    assert {one["reason"] for one in document["rejections"]} >= {"label +1 contradicts file code 2"}
    assert document["cells"][0]["samples"] == 4
