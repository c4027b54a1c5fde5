"""Where data lies: a local path, or an address such as ``s3://bucket/prefix``."""

import re
from pathlib import Path, PurePosixPath

__all__ = ["is_uri", "joined", "local_path", "normal_location", "parent_of", "suffix_of"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FILE = "file://"


def is_uri(location: str) -> bool:
    """Tell whether this is an address with a scheme; a drive letter is none."""
    return _SCHEME.match(location) is not None


def normal_location(location: str | Path) -> str:
    """Return a location in one spelling: ``file://`` addresses as paths, no slash at the end."""
    text = str(location)
    if text.lower().startswith(_FILE):
        text = text[len(_FILE) :].removeprefix("localhost") or "/"
    return text if text.endswith("://") else text.rstrip("/") or "/"


def local_path(location: str | Path) -> Path | None:
    """Return the path of a local location, ``None`` for an address of elsewhere."""
    text = normal_location(location)
    return None if is_uri(text) else Path(text)


def joined(root: str, path: str) -> str:
    """Return where ``path`` lies: below ``root``, unless it is absolute or an address itself."""
    if is_uri(path):
        return normal_location(path)
    # Said a million times for a set of a million: joining texts is a quarter of the cost of joining paths.
    return path if path.startswith("/") and not is_uri(root) else f"{root.rstrip('/')}/{path}"


def parent_of(location: str) -> str:
    """Return the folder a file is in."""
    if is_uri(location):
        return location.rsplit("/", 1)[0]
    return str(Path(location).parent)


def suffix_of(location: str) -> str:
    """Return the suffix of the last part in lower case, such as ``.csv``; empty without one."""
    return PurePosixPath(location.rsplit("/", 1)[-1]).suffix.lower()
