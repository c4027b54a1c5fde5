"""The demo's folder: nothing of the user's is ever replaced."""

import pytest
from rich.console import Console

from lifesign.demo.story import tell
from lifesign.errors import ConflictError, StorageError


def test_a_file_in_the_place_of_the_folder_is_told_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ConflictError, match="expected a folder, got a file"):
        tell(path, keep=False, console=Console(stderr=True))
    assert path.read_text() == "mine"


def test_a_folder_that_no_demo_made_is_told_and_kept(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConflictError, match="no demo has made"):
        tell(tmp_path, keep=False, console=Console(stderr=True))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"cannot use .*: File name too long"):
        tell(tmp_path / ("x" * 300), keep=False, console=Console(stderr=True))
