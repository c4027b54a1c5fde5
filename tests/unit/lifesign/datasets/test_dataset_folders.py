import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.errors import DatasetError
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign.testing.brightness_dataset import write_brightness_folders

_NOBODY = 65534


def _load(root: Path, **options) -> Dataset:
    return load_dataset(root, class_names=LIVENESS_CLASSES, **options)


def _labels(dataset: Dataset) -> dict[str, str]:
    return dict(zip(dataset.table["sample_id"].to_pylist(), dataset.table["label"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("bona_fide", "attack"),
    [("Real", "Fake"), ("live", "spoof"), ("client", "imposter"), ("1", "0"), ("bona_fide", "attack")],
)
def test_folder_names_decide_the_label_not_their_order(tmp_path, bona_fide, attack):
    root = write_brightness_folders(tmp_path, per_class=2, bona_fide=bona_fide, attack=attack)
    dataset = _load(root)
    assert dataset.class_map == {bona_fide: "bona_fide", attack: "attack"}
    assert {name.split("/")[0]: label for name, label in _labels(dataset).items()} == dataset.class_map


def test_first_folder_below_attack_is_the_species(tmp_path):
    dataset = _load(write_brightness_folders(tmp_path, per_class=4))
    species = dict(
        zip(dataset.table["sample_id"].to_pylist(), dataset.table["pai_species"].to_pylist(), strict=True)
    )
    assert species["fake/print_laser/00000.png"] == "print_laser"
    assert species["real/00000.png"] is None


def test_only_the_asked_split_is_kept(tmp_path):
    write_brightness_folders(tmp_path / "training", per_class=2)
    write_brightness_folders(tmp_path / "Eval", per_class=3)
    dataset = _load(tmp_path, split=Split.TEST)
    assert len(dataset) == 6
    assert dataset.splits == ("test",)
    assert len(_load(tmp_path)) == 10


def test_rubbish_beside_the_images_is_no_sample(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=2)
    (root / "real" / ".DS_Store").write_bytes(b"x")
    (root / "real" / "Thumbs.db").write_bytes(b"x")
    (root / "real" / "notes.txt").write_text("x")
    (root / "__MACOSX" / "real").mkdir(parents=True)
    (root / "real" / "00000_BB.txt").write_text("1 2 3 4")
    assert len(_load(root)) == 4


def test_images_that_cannot_be_decoded_are_samples(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=2)
    (root / "real" / "empty.JPG").write_bytes(b"")
    (root / "real" / "phone.heic").write_bytes(b"ftypheic")
    assert len(_load(root)) == 6


def test_linked_folders_are_followed_once(tmp_path):
    root = write_brightness_folders(tmp_path / "a", per_class=2)
    (root / "real" / "loop").symlink_to(root / "real", target_is_directory=True)
    assert len(_load(root)) == 4


def test_unknown_class_folder_lists_what_was_found(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=1, bona_fide="people")
    with pytest.raises(DatasetError, match=r"'people'.*\['fake', 'people'\].*--class-map"):
        _load(root)


def test_class_map_names_an_unknown_folder(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=1, bona_fide="people")
    dataset = _load(root, class_map={"people": "bona_fide"})
    assert dataset.class_map == {"people": "bona_fide", "fake": "attack"}


def test_class_map_can_turn_a_synonym_round(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=1, bona_fide="client", attack="imposter")
    dataset = _load(root, class_map={"client": "attack", "imposter": "bona_fide"})
    assert set(_labels(dataset).items()) == {
        ("client/00000.png", "attack"),
        ("imposter/print_laser/00000.png", "bona_fide"),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(["real/x.png", "fake/"], r"class folder .*fake has no image", id="empty class"),
        pytest.param(["train/real/x.png", "real/x.png"], "got both", id="splits mixed with classes"),
        pytest.param(["train/"], "expected class folders", id="split without classes"),
        pytest.param(["x.png"], "expected class folders such as real/.*x.png", id="no folders"),
        pytest.param(["real/x.png"], "none of attack", id="one class missing"),
    ],
)
def test_unusable_folders_are_refused_with_what_is_there(tmp_path, make, message):
    for name in make:
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(b"x")
    with pytest.raises(DatasetError, match=message):
        _load(tmp_path)


def test_missing_split_names_those_present(tmp_path):
    write_brightness_folders(tmp_path / "train", per_class=1)
    with pytest.raises(DatasetError, match=r"'test'.*\['train'\]"):
        _load(tmp_path, split=Split.TEST)


def test_any_other_task_takes_its_classes_by_name(tmp_path):
    for name in ("cat", "dog", "owl"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"x")
    dataset = load_dataset(tmp_path, class_names=("owl", "cat", "dog"))
    assert _labels(dataset) == {"cat/1.jpg": "cat", "dog/1.jpg": "dog", "owl/1.jpg": "owl"}


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Let a test that root runs see what others see: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def everyones_folder() -> Iterator[Path]:
    """A folder that the ordinary user reaches; those above ``tmp_path`` are its owner's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("closed", ["real", "fake/print"])
def test_a_folder_that_may_not_be_read_is_told_not_passed_over(everyones_folder, request, closed):
    for name in ("real/a.png", "fake/b.png", "fake/print/c.png"):
        (everyones_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (everyones_folder / name).write_bytes(b"x")
    folder = everyones_folder / closed
    folder.chmod(0)
    request.getfixturevalue("ordinary_user")

    with pytest.raises(DatasetError, match=f"{closed}: cannot be read: Permission denied"):
        _load(everyones_folder)
