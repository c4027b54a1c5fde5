import shutil

import pytest

from lifesign.evaluation.replay.version_files import version_digest


@pytest.fixture
def version(tmp_path):
    folder = tmp_path / "model" / "1"
    for name, data in (
        ("saved_model.pb", b"graph"),
        ("variables/variables.index", b"index"),
        ("variables/variables.data-00000-of-00001", b"w" * 3_000_000),
        ("assets.extra/model_card.json", b"{}"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_copy_elsewhere_has_the_digest_of_the_original(version, tmp_path):
    copy = shutil.copytree(version, tmp_path / "elsewhere" / "7")
    assert version_digest(copy) == version_digest(version)
    assert len(version_digest(version)) == 64


@pytest.mark.parametrize("change", ["weights", "name", "absent", "boundary"])
def test_another_model_has_another_digest(version, change):
    before = version_digest(version)
    weights = version / "variables" / "variables.data-00000-of-00001"
    match change:
        case "weights":
            weights.write_bytes(b"w" * 2_999_999 + b"v")
        case "name":
            weights.rename(weights.with_name("variables.data-00001-of-00002"))
        case "absent":
            weights.unlink()
        case "boundary":
            (version / "saved_model.pb").write_bytes(b"graphi")
            (version / "variables" / "variables.index").write_bytes(b"ndex")
    assert version_digest(version) != before


def test_what_lies_beside_the_model_does_not_count(version):
    before = version_digest(version)
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"warm")
    assert version_digest(version) == before


def test_without_files_there_is_no_digest(tmp_path):
    assert version_digest(tmp_path / "absent") == ""


def test_bytes_that_look_like_the_next_file_are_not_taken_for_it(tmp_path):
    two, one = tmp_path / "two", tmp_path / "one"
    two.mkdir()
    one.mkdir()
    (two / "a").write_bytes(b"1")
    (two / "b").write_bytes(b"2")
    (one / "a").write_bytes(b"1" + b"1 b " + b"2")
    assert version_digest(one) != version_digest(two)
