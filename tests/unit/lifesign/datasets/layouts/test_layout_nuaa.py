import pytest

from lifesign.datasets.reading import read_raw
from lifesign.errors import DatasetError
from lifesign.testing.layout_stand_ins import write_nuaa


def _rows(raw):
    return {row["path"]: row for row in raw.table.to_pylist()}


def test_clients_are_bona_fide_and_imposters_prints(tmp_path):
    rows = _rows(read_raw(write_nuaa(tmp_path)))
    client = rows["raw/ClientRaw/0001/0001_01_05_01_1.jpg"]
    imposter = rows["raw/ImposterRaw/0001/0001_00_00_01_0.jpg"]
    assert (client["label"], client["pai_species"], client["split"]) == ("bona_fide", None, "train")
    assert (imposter["label"], imposter["pai_species"], imposter["split"]) == (
        "attack",
        "print_photo",
        "train",
    )
    assert client["subject_id"] == imposter["subject_id"] == "nuaa-0001"
    assert client["presentation_id"] != imposter["presentation_id"]


def test_names_are_columns(tmp_path):
    row = _rows(read_raw(write_nuaa(tmp_path)))["raw/ClientRaw/0002/0002_01_07_01_2.jpg"]
    assert (row["glasses"], row["lighting"], row["session"]) == ("without", "window_open_lights_on", "01")
    assert (row["presentation_id"], row["frame_idx"]) == ("nuaa-client-0002_01_07_01", "2")


def test_back_slashes_and_numbers_behind_a_path_do_no_harm(tmp_path):
    rows = _rows(read_raw(write_nuaa(tmp_path)))
    assert sum(path.startswith("raw/ImposterRaw/") for path in rows) == 8
    assert all("\\" not in path and " " not in path for path in rows)


def test_a_listed_picture_that_is_not_there_stays_a_sample(tmp_path):
    raw = read_raw(write_nuaa(tmp_path))
    missing = "raw/ClientRaw/0002/0002_01_05_02_7.jpg"
    assert not (tmp_path / missing).exists()
    assert _rows(raw)[missing]["split"] == "test"


def test_what_is_no_sample_is_rejected_with_its_reason(tmp_path):
    reasons = {one.sample.rpartition("/")[2]: one.reason for one in read_raw(write_nuaa(tmp_path)).rejections}
    assert reasons["0002_01_05_01_1.jpg"].startswith("listed twice")
    assert reasons["0001_01_05_02_7.jpg"].startswith("the name is of subject 0001, the folder of another")
    assert reasons["holiday.jpg"].startswith("the name is not ID_glasses_position_session_picture")
    assert reasons["0002_01_05_03_99.jpg"] == "in no list"


def test_variants_are_chosen_by_protocol(tmp_path):
    write_nuaa(tmp_path)
    face = tmp_path / "Detectedface"
    (face / "ClientFace/0001").mkdir(parents=True)
    (face / "ClientFace/0001/0001_01_05_01_1.jpg").write_bytes(b"x")
    (face / "client_train_face.txt").write_text("0001\\0001_01_05_01_1.jpg 4 4 10 10\n")
    assert read_raw(tmp_path).table.num_rows == 17
    raw = read_raw(tmp_path, protocol="face")
    assert raw.table["path"].to_pylist() == ["Detectedface/ClientFace/0001/0001_01_05_01_1.jpg"]
    with pytest.raises(DatasetError, match=r"lists such as client_train_normalized\.txt, got face, raw"):
        read_raw(tmp_path, protocol="normalized")
