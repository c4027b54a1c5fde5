"""A synthetic set as a user makes it: through `generate` and through the command line."""

import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from lifesign.errors import ConfigurationError, ConflictError, StorageError
from lifesign.labels import Split
from lifesign_training.cli.synth import command
from lifesign_training.synth import SPECIES, SynthOptions, generate, render_image
from lifesign_training.synth.plan import plan
from lifesign_training.synth.writer import COLUMNS

SMALL = {"subjects": 4, "bona_fide_per_subject": 1, "attacks_per_subject": 2, "size": 48, "seed": 5}


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


SMALL_ARGUMENTS = ["--subjects", 4, "--bona-fide-per-subject", 1, "--attacks-per-subject", 2, "--size", 48,
                   "--workers", 1, "--seed", 5]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "set"
    options = SynthOptions(
        subjects=4, bona_fide_per_subject=2, attacks_per_subject=7, size=48, seed=5, lightings=("outdoor",)
    )
    return folder, options, generate(folder, options)


def test_the_same_recipe_gives_the_same_bytes_for_any_number_of_workers(tmp_path):
    for name, workers in (("one", 1), ("again", 1), ("two", 2)):
        generate(tmp_path / name, SynthOptions(**SMALL, workers=workers))

    first = digests(tmp_path / "one")
    assert len(first) == 13
    assert digests(tmp_path / "again") == first
    assert digests(tmp_path / "two") == first


def test_another_seed_gives_other_pictures(tmp_path, made):
    rows = [plan(SynthOptions(**{**SMALL, "seed": seed}))[0] for seed in (5, 6)]

    assert not np.array_equal(*[render_image(row) for row in rows])


def test_every_species_is_there_as_a_png_of_the_right_size(made):
    folder, _, summary = made

    assert set(summary.counts("pai_species")) == {"", *SPECIES}
    for record in summary.records:
        with Image.open(folder / record["path"]) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (48, 48))
            assert np.asarray(picture).std() > 5


def test_the_manifest_has_every_column_filled(made):
    folder, _, summary = made
    records = manifest(folder)

    assert tuple(records[0]) == COLUMNS
    assert records == list(summary.records)
    for record in records:
        empty = {name for name, value in record.items() if value == ""}
        assert empty == ({"pai_species", "pai_family"} if record["label"] == "bona_fide" else set())
        assert float(record["face_w"]) > 8
        assert float(record["face_x"]) + float(record["face_w"]) <= 48.1
        assert (record["medium"] == "none") == (record["label"] == "bona_fide")
        assert record["path"].split("/")[1:3] == [record["split"], record["label"]]


def test_nobody_is_in_two_splits(made):
    _, _, summary = made
    splits = defaultdict(set)
    for record in summary.records:
        splits[record["subject_id"]].add(record["split"])

    assert all(len(found) == 1 for found in splits.values())
    assert summary.subjects() == {"dev": 1, "test": 1, "train": 2}


def test_low_light_and_jpeg_drift_change_the_pictures():
    def picture(**drift):
        options = SynthOptions(**{**SMALL, "splits": {Split.TEST: 1.0}, "lightings": ("outdoor",)}, **drift)
        return render_image(plan(options)[0]).astype(float)

    calm, dim, blocky = picture(), picture(low_light=True), picture(jpeg_quality=8)

    assert dim.mean() < 0.9 * calm.mean()
    assert 4 < np.abs(blocky - calm).mean() < 20  # the same scene, coarser


def test_progress_counts_every_image(tmp_path):
    seen = []

    generate(tmp_path / "set", SynthOptions(**SMALL), progress=lambda done, total: seen.append((done, total)))

    assert seen == [(i, 12) for i in range(1, 13)]


def test_a_folder_with_something_in_it_is_never_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(ConflictError, match="is not empty: expected a new or empty folder"):
        generate(tmp_path, SynthOptions(**SMALL))

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="cannot write"):
        generate(tmp_path / "file" / "set", SynthOptions(**SMALL))


def test_the_full_disk_is_told_in_one_sentence():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    from lifesign_training.synth.writer import store

    with pytest.raises(StorageError, match="no space left"):
        store(full.parent, full.name, b"x" * 10_000)


def test_the_command_makes_a_set_and_a_sheet(tmp_path):
    sheet = tmp_path / "sheet.png"

    result = run(tmp_path / "set", *SMALL_ARGUMENTS, "--sheet", sheet, "--json")

    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["images"] == len(manifest(tmp_path / "set")) == 12
    assert told["labels"] == {"attack": 8, "bona_fide": 4}
    with Image.open(sheet) as picture:
        assert picture.width > 10 * 48
        assert picture.height > 5 * 48
        assert len(picture.getcolors(1 << 24)) > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--splits", "train=.5"], "add up to 1"),
        (["--device-mix", "test=phone_z"], "unknown device 'phone_z'"),
        (["--skip-tones", "mst99"], "unknown skin tone 'mst99'"),
        (["--sheet", "sheet.jpg"], "ends in .png"),
        (["--drift-in", "later"], "unknown split 'later'"),
        (["--species", "mask_gold"], "unknown species 'mask_gold'"),
    ],
)
def test_a_bad_option_stops_before_anything_is_written(tmp_path, arguments, words):
    result = run(tmp_path / "set", *SMALL_ARGUMENTS, *arguments)

    assert isinstance(result.exception, ConfigurationError)
    assert words in str(result.exception)
    assert not (tmp_path / "set").exists()
