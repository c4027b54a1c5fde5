from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifesign.datasets.reading import read_raw
from lifesign.errors import DatasetError
from lifesign.labels import Split
from lifesign.testing.layout_stand_ins import STAND_INS, write_cifar_100, write_oulu_npu
from lifesign_training.pixels import decode_samples
from lifesign_training.recipe import Recipe, load_recipe
from lifesign_training.samples import read_samples

LIVENESS = load_recipe("liveness-small")
DIGITS = load_recipe("digits-small")


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


def manifest(root: Path, text: str) -> Path:
    path = root / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_folder_names_decide_the_label_and_deeper_folders_the_species(tmp_path: Path) -> None:
    put(
        tmp_path,
        "train/Real/a.jpg",
        "train/Fake/print/b.png",
        "train/Fake/c.png",
        "val/live/d.png",
        "val/spoof/e.png",
    )

    data = read_samples(tmp_path, LIVENESS)

    found = {item.sample_id: (item.label, item.split, item.species) for item in data.samples}
    assert data.class_names == ("attack", "bona_fide")
    assert found == {
        "train/Real/a.jpg": ("bona_fide", Split.TRAIN, ""),
        "train/Fake/print/b.png": ("attack", Split.TRAIN, "print"),
        "train/Fake/c.png": ("attack", Split.TRAIN, "unnamed"),
        "val/live/d.png": ("bona_fide", Split.DEV, ""),
        "val/spoof/e.png": ("attack", Split.DEV, "unnamed"),
    }


def test_folders_without_splits_have_none_and_litter_is_ignored(tmp_path: Path) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png", "__MACOSX/c.png")
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "cat" / "notes.txt").write_text("x")

    data = read_samples(tmp_path, DIGITS)

    assert data.class_names == ("cat", "dog")
    assert [(item.sample_id, item.split) for item in data.samples] == [
        ("cat/a.png", None),
        ("dog/b.png", None),
    ]


def test_the_subject_comes_from_the_pattern(tmp_path: Path) -> None:
    put(tmp_path, "train/real/0010_x.png", "train/fake/0011_x.png", "train/fake/odd.png")
    recipe = load_recipe("liveness-small", [r"data.subject_pattern=/(\d{4})_"])

    data = read_samples(tmp_path, recipe)

    assert [item.subject for item in data.samples] == ["0011", "", "0010"]


def test_a_manifest_gives_split_subject_and_species(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    manifest(
        tmp_path,
        "path,split,label,pai_species,subject_id\na.png,train,bona_fide,,s1\nb.png,dev,attack,print_laser,s2\n"
        "c.png,dev,bona_fide,,s3\nd.png,train,attack,,s4\n",
    )

    data = read_samples(tmp_path, LIVENESS)

    assert [(s.sample_id, s.label, s.split, s.species, s.subject) for s in data.samples] == [
        ("a.png", "bona_fide", Split.TRAIN, "", "s1"),
        ("b.png", "attack", Split.DEV, "print_laser", "s2"),
        ("c.png", "bona_fide", Split.DEV, "", "s3"),
        ("d.png", "attack", Split.TRAIN, "unnamed", "s4"),
    ]


@pytest.mark.parametrize(
    ("files", "recipe", "says"),
    [
        (
            ["train/real/a.png", "train/banana/b.png"],
            LIVENESS,
            r"unknown class 'banana': found \['banana', 'real'\]",
        ),
        (["train/real/a.png"], LIVENESS, "no image of class attack"),
        (
            ["train/real/a.png", "train/fake/b.png", "extra/real/c.png"],
            LIVENESS,
            "either split folders or class folders, got both",
        ),
        (["one/a.png"], DIGITS, "at least 2 classes"),
        (["a.png"], DIGITS, "expected class folders"),
    ],
    ids=["unknown class", "class missing", "unknown split", "one class", "no folders"],
)
def test_folders_that_mean_nothing_are_refused(
    tmp_path: Path, files: list[str], recipe: Recipe, says: str
) -> None:
    put(tmp_path, *files)

    with pytest.raises(DatasetError, match=says):
        read_samples(tmp_path, recipe)


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "train/real/a.png")
    (tmp_path / "train" / "fake").mkdir()

    with pytest.raises(DatasetError, match="fake has no image: got an empty folder"):
        read_samples(tmp_path, LIVENESS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("picture,label\na.png,real\n", "expected a column path"),
        ("path,label\na.png,real\na.png,real\n", "1 samples are listed twice, such as a.png"),
        ("path,label\n,real\n", "1 rows have no path, such as data row 1"),
        ("path,split,label\na.png,holiday,real\n", "unknown split 'holiday'"),
        ("path,label\n", "manifest.csv: expected one row per image, got only a header"),
    ],
    ids=["columns", "twice", "empty path", "split", "no rows"],
)
def test_a_broken_manifest_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read_samples(manifest(tmp_path, text), LIVENESS)


def test_missing_data_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: no such file or folder"):
        read_samples(tmp_path / "nowhere", LIVENESS)


def test_a_manifest_of_other_bytes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"path,label\n\xa2\xff\x00")
    with pytest.raises(DatasetError, match="not a readable csv manifest"):
        read_samples(path, LIVENESS)


@pytest.mark.parametrize("name", sorted(set(STAND_INS) - {"cifar-100", "rose-youtu"}))
def test_published_layouts_are_trained_on_as_they_are(tmp_path: Path, name: str) -> None:
    data = read_samples(STAND_INS[name](tmp_path), LIVENESS)

    raw = read_raw(tmp_path)
    assert [item.sample_id for item in data.samples] == sorted(raw.table["sample_id"].to_pylist())
    assert {str(item.split) for item in data.samples} == set(raw.table["split"].to_pylist())
    assert len(data.notes) == len({one.reason for one in raw.rejections})
    present = next(item for item in data.samples if (tmp_path / item.path).exists())
    assert data.source.read(present.path) == (tmp_path / present.path).read_bytes()


def test_a_protocol_is_chosen_in_the_recipe(tmp_path: Path) -> None:
    write_oulu_npu(tmp_path)
    recipe = load_recipe("liveness-small", ["data.layout=oulu-npu", "data.protocol=3.1"])

    data = read_samples(tmp_path, recipe)

    assert len(data.samples) == 60
    assert {item.split for item in data.samples} == set(Split)


def test_rows_of_an_archive_are_samples(tmp_path: Path) -> None:
    data = read_samples(write_cifar_100(tmp_path), DIGITS)

    assert data.class_names == ("apple", "bear", "pear", "wolf")
    assert len(data.of(Split.TEST)) == 8
    decoded = decode_samples(data, data.of(Split.TEST), DIGITS.preprocessing, threads=2)
    assert decoded.images.shape[0] == 8
    assert not decoded.unreadable
