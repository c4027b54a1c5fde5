"""Writing so that a reader, or a restart after a power cut, sees a whole file or the one before."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lifesign.errors import StorageError

__all__ = ["storage_errors", "sync_tree", "write_text"]

_REFUSED = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would be larger than is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Translate ``OSError`` to ``StorageError``: ``cannot write the model to …: the disk is full``."""
    try:
        yield
    except OSError as error:
        reason = _REFUSED.get(error.errno or 0, error.strerror or str(error))
        raise StorageError(f"cannot write {what}: {reason}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file aside, sync it, and put it in place at once.

    Raises:
        StorageError: the disk refused.
    """
    with storage_errors(str(path)):
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(aside).chmod(0o644)
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below ``folder``, and itself, to the disk."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
