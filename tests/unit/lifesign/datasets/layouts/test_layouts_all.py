"""Every layout on its stand-in: recognised, and nothing in it lost without a word."""

import pytest

from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.layouts.catalogue import layout_names
from lifesign.datasets.reading import read_raw
from lifesign.datasets.tree import list_tree
from lifesign.errors import DatasetError
from lifesign.labels import LIVENESS_CLASSES, Split, pai_family
from lifesign.testing.layout_stand_ins import STAND_INS, write_nuaa, write_siw

LIVENESS = sorted(set(STAND_INS) - {"cifar-100"})


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_a_layout_is_recognised_without_being_named(tmp_path, name):
    raw = read_raw(STAND_INS[name](tmp_path / "set"))
    assert raw.layout == name
    assert f"({name})" in raw.recognised


def test_every_layout_has_a_stand_in():
    assert set(layout_names()) == {"folders", *STAND_INS}


@pytest.mark.parametrize("name", LIVENESS)
def test_every_image_is_a_sample_or_a_rejection(tmp_path, name):
    root = STAND_INS[name](tmp_path)
    raw = read_raw(root)
    samples = set(raw.table["path"].to_pylist())
    rejected = {one.sample.rpartition(".")[0] or one.sample for one in raw.rejections}
    lost = [
        path
        for path in list_tree(str(root)).images
        if path not in samples and not any(path.startswith(place) for place in rejected)
    ]
    assert lost == []
    assert raw.rejections
    assert all(one.reason for one in raw.rejections)


@pytest.mark.parametrize("name", LIVENESS)
def test_labels_species_families_and_ids_agree(tmp_path, name):
    rows = read_raw(STAND_INS[name](tmp_path)).table.to_pylist()
    for row in rows:
        assert (row["label"] == "attack") >= (row["pai_species"] is not None)
        assert row["dataset"] == name
        if row["pai_species"] is not None:
            assert row["pai_family"] == pai_family(row["pai_species"]) != "unknown"
        for column in ("subject_id", "presentation_id"):
            assert row[column] is None or row[column].startswith(f"{name}-")
    assert len({row["sample_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", LIVENESS)
def test_a_presentation_has_one_label_species_subject_and_split(tmp_path, name):
    facts: dict[str, set[tuple[str | None, ...]]] = {}
    for row in read_raw(STAND_INS[name](tmp_path)).table.to_pylist():
        if row["presentation_id"] is not None:
            values = tuple(row[key] for key in ("label", "pai_species", "subject_id", "split"))
            facts.setdefault(row["presentation_id"], set()).add(values)
    assert all(len(values) == 1 for values in facts.values())


@pytest.mark.parametrize("name", LIVENESS)
def test_the_bona_fide_images_are_those_made_so(tmp_path, name):
    """The stand-ins paint bona fide images brighter: the polarity of a layout shows in the pixels."""
    import io

    import numpy as np
    from PIL import Image

    dataset = load_dataset(STAND_INS[name](tmp_path), class_names=LIVENESS_CLASSES, split=Split.TEST)
    levels: dict[str, list[float]] = {"bona_fide": [], "attack": []}
    for path, label in zip(
        dataset.table["path"].to_pylist(), dataset.table["label"].to_pylist(), strict=True
    ):
        if (tmp_path / path).exists():
            pixels = np.asarray(Image.open(io.BytesIO(dataset.source.read(path))))
            levels[label].append(float(pixels.mean()))
    assert np.mean(levels["bona_fide"]) > np.mean(levels["attack"]) + 10


def test_a_folder_below_the_set_is_recognised_too(tmp_path):
    write_siw(tmp_path / "downloads" / "SiW")
    assert read_raw(tmp_path).layout == "siw"


def test_two_layouts_in_one_folder_must_be_told_apart(tmp_path):
    write_nuaa(tmp_path)
    write_siw(tmp_path)
    with pytest.raises(DatasetError, match="looks like nuaa, siw; choose one with --layout"):
        read_raw(tmp_path)
    assert read_raw(tmp_path, layout="SiW").layout == "siw"


def test_class_folders_can_be_insisted_on(tmp_path):
    write_siw(tmp_path)
    with pytest.raises(DatasetError, match="unknown class '003'"):
        load_dataset(tmp_path / "Train" / "live", class_names=LIVENESS_CLASSES, layout="folders")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "nuaaa"}, "expected a layout among folders, nuaa, oulu-npu, .*, got 'nuaaa'"),
        ({"layout": "siw", "protocol": "1"}, "SiW has no protocols, got --protocol 1"),
        ({"layout": "oulu-npu", "protocol": "3"}, r"expected a protocol among 1, 2, 3\.1, .*, got '3'"),
        ({"layout": "folders", "protocol": "1"}, "--protocol 1 needs a published layout"),
        ({"layout": "siw", "verify": True}, "SiW: no digests are published"),
    ],
    ids=["unknown layout", "no protocols", "fold missing", "folders", "nothing to verify"],
)
def test_wrong_choices_are_refused_with_what_there_is(tmp_path, options, message):
    write_siw(tmp_path)
    with pytest.raises(DatasetError, match=message):
        read_raw(tmp_path, **options)


def test_a_manifest_in_the_folder_goes_before_its_layout(tmp_path):
    write_siw(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,label\na.png,real\nb.png,fake\n")
    assert read_raw(tmp_path).layout == "manifest"
    assert read_raw(tmp_path, layout="siw").layout == "siw"


def test_a_manifest_file_has_no_layout(tmp_path):
    (tmp_path / "m.csv").write_text("path,label\na.png,real\n")
    with pytest.raises(DatasetError, match="a manifest has no layout"):
        read_raw(tmp_path / "m.csv", layout="siw")
