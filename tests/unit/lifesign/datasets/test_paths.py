import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.datasets import paths
from lifesign.datasets.paths import Paths
from lifesign.datasets.tree import IMAGE_SUFFIXES, list_tree
from lifesign.errors import DatasetError

# A name on a disk may be any bytes but these two.
NAMES = st.sets(
    st.binary(min_size=1, max_size=8).map(lambda name: name.decode("utf-8", "surrogateescape")), max_size=30
)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_paths_are_sorted_by_their_bytes_and_found_again(names, others):
    found = Paths.of(names)
    expected = sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))
    assert list(found) == expected
    assert [found[place] for place in range(len(found))] == expected
    assert {other for other in others | names if other in found} == names


def test_blocks_change_nothing(monkeypatch):
    names = [f"{number:04d}.png" for number in range(1_000)]
    monkeypatch.setattr(paths, "_BLOCK", 7)
    monkeypatch.setattr(paths, "_PATHS_AT_ONCE", 13)
    found = Paths.of(reversed(names))
    assert list(found) == names
    assert all(name in found for name in names)
    assert not any(name in found for name in ("", "0000.pn", "0500.pngx", "zzz"))


def test_images_are_told_by_their_suffix(tmp_path):
    for name in ("a.PNG", "b.txt", "png", "c.jpeg.bak", *(f"x{suffix}" for suffix in IMAGE_SUFFIXES)):
        (tmp_path / name).write_bytes(b"")
    assert set(list_tree(str(tmp_path)).images) == {"a.PNG", *(f"x{suffix}" for suffix in IMAGE_SUFFIXES)}


def test_an_image_whose_name_is_not_utf_8_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "caf\udce9.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="expected names in UTF-8, got"):
        len(list_tree(str(tmp_path)).images)


def test_paths_are_let_go_of_at_once():
    gc.disable()
    try:
        found = Paths.of(["a"])
        assert "a" in found
        gone = weakref.ref(found)
        del found
        assert gone() is None
    finally:
        gc.enable()
