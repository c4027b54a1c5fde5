"""The files of the version under test, told by one digest: its number says nothing of its weights."""

import hashlib
from pathlib import Path

from lifesign.errors import StorageError

__all__ = ["version_digest"]

_BLOCK_BYTES = 1 << 20
_BESIDE = "assets.extra/"


def version_digest(folder: Path) -> str:
    """Return the hex SHA-256 over names, sizes and bytes of the files of a SavedModel in ``folder``.

    ``assets.extra`` is left out: cards and warm-up requests are no part of the model. Empty where there are
    no files: a server may keep its models elsewhere.

    Raises:
        StorageError: a file cannot be read.
    """
    whole = hashlib.sha256()
    try:
        files = (path for path in folder.rglob("*") if path.is_file())
        found = {path.relative_to(folder).as_posix(): path for path in files}
        names = sorted(name for name in found if not name.startswith(_BESIDE))
        for name in names:
            path = found[name]
            whole.update(f"{len(name.encode())} {name} {path.stat().st_size} ".encode())
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    whole.update(block)
    except OSError as error:
        raise StorageError(f"cannot read {folder}: {error.strerror or error}") from error
    return whole.hexdigest() if names else ""
