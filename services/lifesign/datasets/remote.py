"""Objects behind an address, through fsspec: listed, read whole, with errors as sentences.

Credentials, regions and endpoints come from where each store's own tools take them: for ``s3://`` the
AWS environment variables and profiles. ``FSSPEC_S3_ANON=true`` reads a public bucket without any.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from lifesign.errors import ConfigurationError, DatasetError, StorageError

__all__ = ["RemoteMissingError", "has_object", "list_objects", "read_object"]

_EXTRA_OF = {"s3": "s3fs (pip install 'lifesign[s3]')", "s3a": "s3fs (pip install 'lifesign[s3]')"}


class RemoteMissingError(DatasetError):
    """There is no such object, folder or bucket, or it may not be read."""


def list_objects(uri: str) -> Iterator[str]:
    """Return the paths of all objects below a prefix, relative to it.

    Raises:
        DatasetError: nothing there, or it may not be listed.
        StorageError: the store did not answer.
    """
    with _translated(uri):
        filesystem, root = _open(uri)
        prefix = root.rstrip("/") + "/"
        names = [str(name) for name in filesystem.find(root) if str(name) != root]
    if not names:
        raise RemoteMissingError(f"{uri}: expected objects below this prefix, got none")
    return _relative(names, len(prefix))


def _relative(names: list[str], start: int) -> Iterator[str]:
    # Each is let go of when it is taken.
    while names:
        name = names.pop()[start:]
        # Some stores keep an empty object per folder.
        if name and not name.endswith("/"):
            yield name


def has_object(uri: str) -> bool:
    """Tell whether there is an object of exactly this address.

    Raises:
        StorageError: the store did not answer.
    """
    with _translated(uri):
        filesystem, path = _open(uri)
        return bool(filesystem.isfile(path))


def read_object(uri: str, *, most_bytes: int | None = None) -> bytes:
    """Return an object's bytes in one request; at most ``most_bytes`` of them.

    Raises:
        RemoteMissingError: no such object, or it may not be read.
        StorageError: the store did not answer.
    """
    with _translated(uri):
        filesystem, path = _open(uri)
        if most_bytes is None:
            return bytes(filesystem.cat_file(path))
        try:
            return bytes(filesystem.cat_file(path, start=0, end=most_bytes))
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            # An empty object has no range that S3 could serve.
            if filesystem.size(path) == 0:
                return b""
            raise


def _open(uri: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    # A process that lives long, such as the monitor, must see what was added since its last look.
    filesystem, path = url_to_fs(uri, use_listings_cache=False)
    return filesystem, str(path)


@contextlib.contextmanager
def _translated(uri: str) -> Iterator[None]:
    scheme = uri.partition("://")[0].lower()
    try:
        yield
    except FileNotFoundError as error:
        raise RemoteMissingError(f"{uri}: {_sentence(error) or 'no such object, folder or bucket'}") from None
    except PermissionError as error:
        raise RemoteMissingError(f"{uri}: access denied: {_sentence(error)}") from error
    except ImportError as error:
        needed = _EXTRA_OF.get(scheme, str(error))
        raise ConfigurationError(f"{uri}: reading {scheme}:// needs the package {needed}") from error
    except ValueError as error:
        if "Protocol not known" not in str(error):
            raise StorageError(f"{uri}: cannot be read: {_sentence(error)}") from error
        raise DatasetError(
            f"{uri}: expected a local path or an address such as s3://bucket/prefix, got the unknown "
            f"scheme {scheme!r}"
        ) from None
    except Exception as error:
        # Each store's client has exceptions of its own; botocore's are not even OSErrors.
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            raise ConfigurationError(
                f"{uri}: no credentials for {scheme}://: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE; for a public bucket set FSSPEC_S3_ANON=true"
            ) from error
        raise StorageError(f"{uri}: the store did not answer: {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    text = str(error.args[-1]) if isinstance(error, OSError) and error.args else str(error)
    return " ".join(text.split()).rstrip(".")
