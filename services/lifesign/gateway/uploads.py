"""Images out of request bodies: raw, multipart or base64; never more than the limit, never on disk."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lifesign.errors import InputError
from lifesign.gateway.rejections import (
    BodyTooLargeError,
    InvalidFieldError,
    MalformedBodyError,
    UnsupportedBodyError,
    UploadTimeoutError,
)

__all__ = ["Upload", "UploadLimits", "read_batch", "read_single"]

_OPTIONS = frozenset({"threshold_id", "detail"})
_FRAMING_BYTES = 64 * 1024
_ACCEPTED = "image/*, application/octet-stream, multipart/form-data or application/json"


@dataclass(frozen=True)
class UploadLimits:
    """``image_bytes`` bounds one image, ``batch_bytes`` a batch, before base64 or multipart framing."""

    image_bytes: int
    batch_bytes: int
    batch_images: int
    timeout_seconds: float


@dataclass(frozen=True)
class Upload:
    """The images of a request in order, or why one is unusable, and the options given in the body."""

    images: tuple[bytes | InputError, ...]
    options: dict[str, str] = field(default_factory=dict)


class _MemoryParser(MultiPartParser):
    # Starlette spools parts above this to temporary files; a face image must never touch the disk.
    spool_max_size = 1 << 62


async def read_single(request: Request, limits: UploadLimits) -> Upload:
    """Return the one image of the request.

    Raises:
        InputError: as ``rejections`` names them.
    """
    kind = _media_type(request)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return Upload((await _read(request, limits.image_bytes, limits),))
    if kind == "multipart/form-data":
        upload = await _multipart(request, limits, "image", max_bytes=limits.image_bytes, max_files=1)
    elif kind == "application/json":
        document = await _json(request, limits, max_bytes=limits.image_bytes)
        upload = _from_json(document, "image", lambda value: [value])
    else:
        raise UnsupportedBodyError(f"expected {_ACCEPTED}, got {kind or 'no Content-Type'}")
    if len(upload.images) != 1:
        raise InvalidFieldError(f"expected one 'image', got {len(upload.images)}")
    if isinstance(upload.images[0], InputError):
        raise upload.images[0]
    return upload


async def read_batch(request: Request, limits: UploadLimits) -> Upload:
    """Return the images of a batch; one that is not base64 becomes its own error, the rest stay usable.

    Raises:
        InputError: as ``rejections`` names them, for the request as a whole.
    """
    kind = _media_type(request)
    if kind == "multipart/form-data":
        upload = await _multipart(
            request, limits, "images", max_bytes=limits.batch_bytes, max_files=limits.batch_images
        )
    elif kind == "application/json":
        document = await _json(request, limits, max_bytes=limits.batch_bytes)
        upload = _from_json(document, "images", _as_list)
    else:
        raise UnsupportedBodyError(
            f"expected multipart/form-data or application/json, got {kind or 'no Content-Type'}"
        )
    if not 1 <= len(upload.images) <= limits.batch_images:
        raise InvalidFieldError(f"expected 1–{limits.batch_images} 'images', got {len(upload.images)}")
    return upload


def _media_type(request: Request) -> str:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise UnsupportedBodyError(f"expected a body without content encoding, got {encoding!r}")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _stream(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise BodyTooLargeError(f"the body has {int(announced):,} bytes, at most {max_bytes:,} are accepted")
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > max_bytes:
            raise BodyTooLargeError(f"the body has more than the {max_bytes:,} bytes that are accepted")
        yield chunk


async def _read(request: Request, max_bytes: int, limits: UploadLimits) -> bytes:
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            return b"".join([chunk async for chunk in _stream(request, max_bytes)])
    except TimeoutError:
        raise _too_slow(limits) from None


async def _json(request: Request, limits: UploadLimits, *, max_bytes: int) -> dict[str, Any]:
    body = await _read(request, max_bytes * 4 // 3 + _FRAMING_BYTES, limits)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedBodyError("the body is not valid JSON, or nested too deeply") from None
    if not isinstance(document, dict):
        raise MalformedBodyError("expected a JSON object")
    return document


async def _multipart(
    request: Request, limits: UploadLimits, name: str, *, max_bytes: int, max_files: int
) -> Upload:
    parser = _MemoryParser(
        request.headers,
        _stream(request, max_bytes + _FRAMING_BYTES),
        max_files=max_files,
        max_fields=len(_OPTIONS),
        max_part_size=1024,
    )
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            form = await parser.parse()
    except TimeoutError:
        raise _too_slow(limits) from None
    except MultiPartException as error:
        kind = InvalidFieldError if error.message.startswith("Too many") else MalformedBodyError
        raise kind(error.message) from None
    try:
        files = [(key, value) for key, value in form.multi_items() if isinstance(value, UploadFile)]
        texts = {key: value for key, value in form.multi_items() if isinstance(value, str)}
        if name in texts:
            raise InvalidFieldError(f"the field {name!r} must be a file: give its part a filename")
        _check_names({key for key, _ in files}, {name})
        _check_names(set(texts), _OPTIONS)
        return Upload(tuple([await value.read() for _, value in files]), texts)
    finally:
        await form.close()


def _from_json(document: dict[str, Any], name: str, images_of: Any) -> Upload:
    _check_names(set(document), {name} | _OPTIONS)
    if name not in document:
        raise InvalidFieldError(f"the field {name!r} is missing")
    options = {key: value for key, value in document.items() if key != name and value is not None}
    for key, value in options.items():
        if not isinstance(value, str):
            raise InvalidFieldError(f"the field {key!r} must be a string")
    return Upload(tuple(_from_base64(value) for value in images_of(document[name])), options)


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidFieldError("the field 'images' must be a list of base64 strings")
    return value


def _from_base64(value: Any) -> bytes | InputError:
    if not isinstance(value, str):
        return InvalidFieldError("an image must be a base64 string")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return InvalidFieldError("an image is not valid base64 (standard alphabet, padded, no data: prefix)")


def _check_names(names: set[str], known: frozenset[str] | set[str]) -> None:
    if unknown := sorted(names - known):
        raise InvalidFieldError(f"unknown field {unknown[0][:40]!r}; expected {', '.join(sorted(known))}")


def _too_slow(limits: UploadLimits) -> UploadTimeoutError:
    return UploadTimeoutError(f"the body did not arrive within {limits.timeout_seconds:g} s")
