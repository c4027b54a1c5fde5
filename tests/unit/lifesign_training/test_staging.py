"""Folders aside: one per living export, none of a dead one, never taken for a version."""

import contextlib
import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifesign.errors import ConflictError
from lifesign_training.staging import put_in_place, staging_folder

_HOLD = """
import sys
from pathlib import Path
from lifesign_training.staging import staging_folder
with staging_folder(Path(sys.argv[1])) as folder:
    (folder / "saved_model.pb").write_text("part")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _another_export(target: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [sys.executable, "-c", _HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_nothing_is_left_of_a_failed_export(tmp_path: Path) -> None:
    with contextlib.suppress(OSError), staging_folder(tmp_path / "base" / "m" / "1") as folder:
        (folder / "saved_model.pb").write_text("part")
        raise OSError("the disk is full")

    assert not (tmp_path / "base").exists()


def test_a_living_export_keeps_its_folder(tmp_path: Path) -> None:
    with _another_export(tmp_path / "1") as (process, theirs):
        with staging_folder(tmp_path / "2"):
            assert (theirs / "saved_model.pb").read_text() == "part"
        process.communicate(timeout=60)

    assert [*tmp_path.iterdir()] == []


def test_what_a_killed_export_left_goes_with_the_next(tmp_path: Path) -> None:
    with _another_export(tmp_path / "1") as (process, theirs):
        process.kill()
        process.wait(60)
        assert theirs.is_dir()

        with staging_folder(tmp_path / "2") as mine:
            assert [*tmp_path.iterdir()] == [mine]


def test_folders_of_others_stay(tmp_path: Path) -> None:
    for name in ("1", "notes", ".lifesign-notes", ".lifesign-3-x.unlocked"):
        (tmp_path / name).mkdir()

    with staging_folder(tmp_path / "2"):
        pass

    assert len([*tmp_path.iterdir()]) == 4


def test_where_nothing_can_be_locked_nothing_is_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("NFS")

    (tmp_path / ".lifesign-1-x.tmp").mkdir()
    monkeypatch.setattr(fcntl, "flock", refuse)
    with staging_folder(tmp_path / "2") as mine:
        monkeypatch.undo()
        with staging_folder(tmp_path / "3"):  # from where it can be locked
            assert mine.is_dir()


def test_the_folder_of_another_export_is_not_replaced(tmp_path: Path) -> None:
    mine, target = tmp_path / ".lifesign-1-a.tmp", tmp_path / "1"
    for folder, text in ((mine, "mine"), (target, "theirs")):
        folder.mkdir()
        (folder / "saved_model.pb").write_text(text)

    with pytest.raises(ConflictError, match="another export"):
        put_in_place(mine, target)
    assert (target / "saved_model.pb").read_text() == "theirs"
