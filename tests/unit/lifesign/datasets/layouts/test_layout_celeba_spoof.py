import json

import pytest

from lifesign.datasets.reading import read_raw
from lifesign.errors import DatasetError
from lifesign.testing.layout_stand_ins import write_celeba_spoof

BOX = ("face_x", "face_y", "face_w", "face_h")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_celeba_spoof(tmp_path_factory.mktemp("celeba"))


def _rows(raw):
    return {row["path"]: row for row in raw.table.to_pylist()}


def test_spoof_types_are_species(root):
    rows = _rows(read_raw(root))
    species = [rows[f"Data/train/10/spoof/{kind + 100:06d}.jpg"]["pai_species"] for kind in range(1, 11)]
    assert species == [
        "print_photo", "print_poster", "print_a4", "mask_face", "mask_upper_body",
        "mask_region", "replay_pc", "replay_pad", "replay_phone", "mask_3d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "box"),
    [
        # The images are 64 × 32: x and w are multiplied by 64/224, y and h by 32/224.
        ("Data/train/10/spoof/000101.jpg", ("16.0", "16.0", "32.0", "8.0")),
        ("Data/train/10/live/000000.png", ("0.0", "0.0", "25.6", "32.0")),
        ("Data/train/10/live/000001.png", (None, None, None, None)),
        ("Data/train/10/live/000002.png", (None, None, None, None)),
    ],
    ids=["scaled", "negative is cut", "empty file", "no file"],
)
def test_boxes_are_in_pixels_of_the_image(root, path, box):
    row = _rows(read_raw(root))[path]
    assert tuple(row[name] for name in BOX) == box


def test_odd_boxes_are_counted_in_the_notes(root):
    notes = " ".join(read_raw(root).notes)
    assert "1 box files are empty" in notes
    assert "2 boxes reached outside their image" in notes


def test_light_and_place_are_known_of_attacks_only(root):
    rows = _rows(read_raw(root))
    attack, live = rows["Data/test/20/spoof/000103.jpg"], rows["Data/test/20/live/000000.png"]
    assert (attack["lighting"], attack["environment"]) == ("dark", "outdoor")
    assert (live["lighting"], live["environment"]) == (None, None)


def test_traits_come_from_most_live_images_of_the_subject(root):
    rows = _rows(read_raw(root))
    for path in ("Data/train/10/spoof/000101.jpg", "Data/train/10/live/000002.png"):
        row = rows[path]
        assert (row["glasses"], row["sex"], row["age"]) == ("with", "male", "old")


def test_contradictions_and_unlabelled_images_are_rejected(root):
    reasons = {one.sample: one.reason for one in read_raw(root).rejections}
    assert reasons == {
        "Data/test/20/live/000001.png": "label 1 in the folder live",
        "Data/test/20/spoof/000101.jpg": "spoof type 0 with label 1",
        "Data/test/20/spoof/000102.jpg": "expected 44 whole numbers as label",
        "Data/train/10/live/000000.png": "listed in train and in test",
        "Data/test/20/live/unlabelled.png": "no label in metas/intra_test",
    }


def test_a_path_with_two_labels_in_one_list_is_rejected_once(tmp_path):
    write_celeba_spoof(tmp_path)
    place = tmp_path / "metas/protocol1/test_label.json"
    path, numbers = next(iter(json.loads(place.read_text()).items()))
    place.write_text(place.read_text().rstrip().removesuffix("}") + f', "{path}": {[0] * 44}}}')
    raw = read_raw(tmp_path, protocol="protocol1")
    assert [(one.sample, one.reason) for one in raw.rejections] == [(path, "listed twice")]
    assert raw.table.num_rows == 3
    assert _rows(raw)[path]["label"] == ("attack" if numbers[43] else "bona_fide")


def test_a_labelled_image_that_is_not_there_stays_a_sample(root):
    assert _rows(read_raw(root))["Data/test/20/spoof/gone.jpg"]["pai_species"] == "print_a4"


def test_protocols_have_lists_of_their_own(root):
    raw = read_raw(root, protocol="protocol1")
    assert set(raw.table["split"].to_pylist()) == {"test"}
    assert len(raw.rejections) == 0
    assert "24 images are not in this protocol" in raw.notes
    with pytest.raises(DatasetError, match=r"expected metas/protocol2/train_label\.json"):
        read_raw(root, protocol="protocol2")


def test_a_damaged_list_is_told(tmp_path):
    write_celeba_spoof(tmp_path)
    (tmp_path / "metas/intra_test/train_label.json").write_text("{")
    with pytest.raises(DatasetError, match=r"train_label\.json: expected JSON"):
        read_raw(tmp_path)
    (tmp_path / "metas/intra_test/train_label.json").write_text(json.dumps([1]))
    with pytest.raises(DatasetError, match="expected a mapping from path to labels"):
        read_raw(tmp_path)
