"""Replay-Attack, CASIA-FASD, MSU-MFSD, SiW, ROSE-Youtu: what their names mean, and the known traps."""

import pytest

from lifesign.datasets.reading import read_raw
from lifesign.testing.layout_stand_ins import (
    write_casia_fasd,
    write_lcc_fasd,
    write_msu_mfsd,
    write_replay_attack,
    write_rose_youtu,
    write_siw,
)


def _by_presentation(raw):
    return {row["presentation_id"]: row for row in raw.table.to_pylist()}


def _reasons(raw):
    return {one.sample.rpartition("/")[2]: one.reason for one in raw.rejections}


@pytest.mark.parametrize(
    ("presentation", "species", "columns"),
    [
        (
            "client001_session01_webcam_authenticate_adverse_1",
            None,
            {"split": "train", "lighting": "adverse", "support": None, "subject_id": "replay-attack-001"},
        ),
        (
            "hand-attack_print_client003_session01_highdef_photo_controlled",
            "print_photo",
            {"split": "dev", "lighting": "controlled", "support": "hand"},
        ),
        (
            "fixed-attack_mobile_client009_session01_mobile_video_controlled",
            "replay_mobile_video",
            {"split": "test", "support": "fixed"},
        ),
    ],
    ids=["real", "print", "replay"],
)
def test_replay_attack_names(tmp_path, presentation, species, columns):
    row = _by_presentation(read_raw(write_replay_attack(tmp_path)))[f"replay-attack-{presentation}"]
    assert row["pai_species"] == species
    assert {name: row[name] for name in columns} == columns


def test_replay_attack_enrolment_and_nonsense_are_rejected(tmp_path):
    reasons = _reasons(read_raw(write_replay_attack(tmp_path)))
    assert reasons["client009_session01_webcam_authenticate_controlled_1"].startswith("enrolment video")
    assert reasons["attack_print_client009_session01_highdef_video_adverse"] == "a print cannot show a video"


@pytest.mark.parametrize(
    ("names", "species"),
    [
        (("1", "2", "HR_1"), None),
        (("3", "4", "HR_2"), "print_warped"),
        (("5", "6", "HR_3"), "print_cut"),
        (("7", "8", "HR_4"), "replay_video"),
    ],
    ids=["live", "warped", "cut", "replay"],
)
def test_casia_fasd_numbers(tmp_path, names, species):
    rows = _by_presentation(read_raw(write_casia_fasd(tmp_path)))
    assert {rows[f"casia-fasd-01-{name}"]["pai_species"] for name in names} == {species}
    assert [rows[f"casia-fasd-01-{name}"]["quality"] for name in names] == ["low", "normal", "high"]


def test_casia_fasd_test_people_are_not_those_of_the_training(tmp_path):
    raw = read_raw(write_casia_fasd(tmp_path))
    people: dict[str, set[str]] = {}
    for row in raw.table.to_pylist():
        people.setdefault(row["split"], set()).add(row["subject_id"])
    assert people == {
        "train": {"casia-fasd-01", "casia-fasd-02"},
        "test": {"casia-fasd-21", "casia-fasd-22"},
    }
    assert {one.sample for one in raw.rejections} == {"train_release/21/1", "train_release/1/HR_5"}


@pytest.mark.parametrize(
    "name", ["{video}_frame1.png", "{video}/{video}_frame1.png"], ids=["beside", "within"]
)
def test_casia_fasd_frames_named_after_their_video_are_all_found(tmp_path, name):
    in_folders = read_raw(write_casia_fasd(tmp_path / "a"))
    for frame in sorted(write_casia_fasd(tmp_path / "b").rglob("0001.png")):
        video = frame.parent
        frame.rename(video.parent / name.format(video=video.name))
    raw = read_raw(tmp_path / "b")
    assert _by_presentation(raw).keys() == _by_presentation(in_folders).keys()
    assert raw.rejections == in_folders.rejections


def test_msu_mfsd_lists_decide_the_split(tmp_path):
    raw = read_raw(write_msu_mfsd(tmp_path))
    rows = _by_presentation(raw)
    assert rows["msu-mfsd-real_client002_laptop_SD_scene01"]["split"] == "train"
    row = rows["msu-mfsd-attack_client001_android_SD_iphone_video_scene01"]
    assert (row["split"], row["pai_species"], row["device"]) == ("test", "replay_iphone", "android")
    reasons = _reasons(raw)
    assert reasons["real_client007_android_SD_scene01"] == "its client is in neither list"
    assert reasons["attack_client001_android_SD_ipad_video_scene01"] == "named attack in the folder real"


def test_msu_mfsd_without_lists_has_no_split(tmp_path):
    write_msu_mfsd(tmp_path)
    (tmp_path / "test_sub_list.txt").unlink()
    raw = read_raw(tmp_path)
    assert set(raw.table["split"].to_pylist()) == {None}
    assert "no test_sub_list.txt: the samples have no split" in raw.notes


def test_msu_mfsd_client_in_both_lists_is_rejected(tmp_path):
    write_msu_mfsd(tmp_path)
    (tmp_path / "test_sub_list.txt").write_text("01\n02\n")
    assert "its client is in both lists" in {one.reason for one in read_raw(tmp_path).rejections}


def test_siw_numbers(tmp_path):
    raw = read_raw(write_siw(tmp_path))
    rows = _by_presentation(raw)
    live, replay = rows["siw-003-1-1-1-1"], rows["siw-001-2-3-4-2"]
    assert (live["pai_species"], live["lighting"], live["split"]) == (None, "lighting_1", "train")
    assert (replay["pai_species"], replay["lighting"]) == ("replay_medium4", None)
    assert (replay["device"], replay["session"]) == ("sensor_2", "session_2")
    assert _reasons(raw) == {"001-1-3-1-1": "type 3 in the folder live"}


def test_rose_youtu_names(tmp_path):
    raw = read_raw(write_rose_youtu(tmp_path))
    rows = _by_presentation(raw)
    assert rows["rose-youtu-G_NT_5s_wg_E_12_1"]["pai_species"] is None
    row = rows["rose-youtu-Mu_NT_5s_wg_E_2_1"]
    assert (row["pai_species"], row["split"], row["subject_id"]) == ("mask_u", "train", "rose-youtu-2")
    assert (row["device"], row["glasses"], row["speech"]) == ("5s", "without", "silent")
    assert _reasons(raw) == {"X_T_HS_g_E_12_1": "the name is not L_S_D_x_E_p_N of this set"}


def test_lcc_fasd_class_folders_and_flat_names(tmp_path):
    raw = read_raw(write_lcc_fasd(tmp_path))
    rows = {row["path"]: row for row in raw.table.to_pylist()}
    assert rows["LCC_FASD/LCC_FASD_evaluation/real_1.png"]["label"] == "bona_fide"
    assert rows["LCC_FASD/LCC_FASD_evaluation/spoof_1.png"]["label"] == "attack"
    assert rows["LCC_FASD/LCC_FASD_development/spoof/a.png"]["split"] == "dev"
    assert _reasons(raw) == {"unclear_1.png": "neither in real/ or spoof/ nor named so"}
    assert any("no subjects" in note for note in raw.notes)
