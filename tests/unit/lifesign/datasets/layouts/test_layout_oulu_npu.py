from collections import Counter

import pytest

from lifesign.datasets.reading import read_raw
from lifesign.errors import DatasetError
from lifesign.testing.layout_stand_ins import write_oulu_npu


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_oulu_npu(tmp_path_factory.mktemp("oulu"))


def _counts(raw):
    return Counter(raw.table["split"].to_pylist())


def test_without_protocol_users_decide_the_split(root):
    raw = read_raw(root)
    assert _counts(raw) == {"train": 20, "dev": 20, "test": 20}
    assert [(one.sample, one.reason) for one in raw.rejections] == [
        ("Train_files/1_1_40_1", "user outside the train range 1 to 20")
    ]


def test_file_codes_are_species_and_names_are_columns(root):
    rows = {row["presentation_id"]: row for row in read_raw(root).table.to_pylist()}
    species = [rows[f"oulu-npu-1_1_36_{code}"]["pai_species"] for code in range(1, 6)]
    assert species == [None, "print_printer1", "print_printer2", "replay_display1", "replay_display2"]
    row = rows["oulu-npu-1_1_36_1"]
    assert (row["subject_id"], row["device"], row["session"]) == ("oulu-npu-36", "phone_1", "session_1")


def test_frames_by_name_and_by_folder_are_numbered(root):
    rows = {row["path"]: row for row in read_raw(root).table.to_pylist()}
    assert rows["Dev_files/1_1_21_1_frame6.png"]["frame_idx"] == "6"
    assert rows["Train_files/1_1_01_1/006.jpg"]["frame_idx"] == "6"
    assert rows["Train_files/1_1_01_1/006.jpg"]["presentation_id"] == "oulu-npu-1_1_01_1"


@pytest.mark.parametrize("protocol", ["1", "3.1"])
def test_lists_of_a_protocol_decide(root, protocol):
    raw = read_raw(root, protocol=protocol)
    assert raw.recognised == f"OULU-NPU (oulu-npu), protocol {protocol}"
    assert _counts(raw) == {"train": 20, "dev": 20, "test": 20}


def test_lines_that_contradict_are_rejected(root):
    reasons = {one.sample.rpartition(": ")[2]: one.reason for one in read_raw(root, protocol="1").rejections}
    assert reasons == {
        "+1,1_1_01_2": "label +1 contradicts file code 2",
        "-1,1_1_36_4": "label -1 contradicts file code 4",
        "+1, 1_1_36_1": "user outside the train range 1 to 20",
        "+1,9_9_99_9": "the name is not phone_session_user_file",
        "nonsense": "the line is not ±label,name",
        "+1,1_2_02_1": "no frames of this video",
    }


def test_a_video_that_is_listed_twice_counts_once(tmp_path):
    write_oulu_npu(tmp_path)
    place = tmp_path / "Protocols/Protocol_3/Test_1.txt"
    place.write_text(place.read_text() + "+1,1_1_36_1\n")
    raw = read_raw(tmp_path, protocol="3.1")
    assert _counts(raw) == {"train": 20, "dev": 20, "test": 20}
    assert [(one.sample, one.reason) for one in raw.rejections] == [
        ("Protocols/Protocol_3/Test_1.txt, line 11: +1,1_1_36_1", "listed twice")
    ]


def test_a_protocol_without_lists_is_told(root):
    with pytest.raises(DatasetError, match=r"expected the list Protocols/Protocol_4/Train_2\.txt, got none"):
        read_raw(root, protocol="4.2")


def test_videos_without_any_frame_say_how_to_extract_them(tmp_path):
    (tmp_path / "Train_files").mkdir()
    (tmp_path / "Train_files/1_1_01_1.avi").write_bytes(b"RIFF")
    (tmp_path / "Train_files/1_1_01_1.txt").write_text("0,1,2,3,4")
    with pytest.raises(DatasetError, match=r"1 videos and no extracted frames.*ffmpeg -i 1_1_01_1\.avi"):
        read_raw(tmp_path)


def test_one_video_without_frames_is_rejected_alone(tmp_path):
    (tmp_path / "Train_files/1_1_01_1").mkdir(parents=True)
    (tmp_path / "Train_files/1_1_01_1/0.png").write_bytes(b"x")
    for code in (1, 2):
        (tmp_path / f"Train_files/1_1_01_{code}.avi").write_bytes(b"RIFF")
    raw = read_raw(tmp_path)
    assert raw.table.num_rows == 1
    assert [(one.sample, one.reason) for one in raw.rejections] == [
        ("Train_files/1_1_01_2.avi", "no frames of this video")
    ]
