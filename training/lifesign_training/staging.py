"""A version written aside, in the file system of its place, and renamed into it when it is whole.

The folder aside is locked for as long as its process lives, so the next export of the same model can tell
what a killed one left from what another is still writing.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lifesign.errors import ConflictError

__all__ = ["put_in_place", "staging_folder"]

_PREFIX: Final = ".lifesign-"
_LOCKED: Final = ".tmp"
# Where nothing can be locked (folders on NFS), nobody may take the folder for a dead one.
_UNLOCKED: Final = ".unlocked"


@contextlib.contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """Give a folder beside the target that no server takes for a version; remove what is left of it.

    What killed exports have left beside the target is removed first.
    """
    made = [folder for folder in (target.parent, target.parent.parent) if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        folder = _locked_folder(target, held)
        try:
            folder.chmod(0o755)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for parent in made:
                with contextlib.suppress(OSError):  # not empty: the version, or another one, is in it
                    parent.rmdir()


def put_in_place(folder: Path, target: Path) -> None:
    """Rename a staging folder to its target, and flush that to the disk.

    Raises:
        ConflictError: another export put a version there meanwhile.
    """
    try:
        folder.rename(target)
    except OSError as error:
        if target.exists():  # another export was faster; rename never replaces a folder with content
            raise ConflictError(f"{target} was written by another export meanwhile") from error
        raise
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked_folder(target: Path, held: contextlib.ExitStack) -> Path:
    # Under the lock of the parent, or another export could meet the folder before its lock.
    with contextlib.ExitStack() as parent:
        can_lock = _lock(target.parent, parent, wait=True)
        if can_lock:
            for left in target.parent.glob(f"{_PREFIX}*{_LOCKED}"):
                _remove_dead(left)
        suffix = _LOCKED if can_lock else _UNLOCKED
        name = tempfile.mkdtemp(dir=target.parent, prefix=f"{_PREFIX}{target.name}-", suffix=suffix)
        if can_lock:
            _lock(Path(name), held)
    return Path(name)


def _remove_dead(folder: Path) -> None:
    with contextlib.ExitStack() as held:
        if _lock(folder, held):
            shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path, held: contextlib.ExitStack, *, wait: bool = False) -> bool:
    """Lock a folder until ``held`` closes or the process dies; ``False`` where that is not possible."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
