"""Why the gateway turns a request away, and the one table of error class → HTTP problem.

LifesignError
├── UnauthorizedError        no key, or none that we know
├── OverloadedError          too many requests at once
├── UploadTimeoutError       the body did not arrive in time
└── InputError
    ├── BodyTooLargeError    more bytes than accepted
    ├── UnsupportedBodyError a media type or encoding that is not accepted
    ├── MalformedBodyError   the body is not what its media type says
    └── InvalidFieldError    a field is missing, unknown or wrong
"""

from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect

from lifesign.errors import (
    ContractError,
    DeadlineError,
    ImageError,
    ImageProblem,
    InputError,
    LifesignError,
    NotReadyError,
    UpstreamError,
)
from lifesign.problems import ProblemKind, ProblemTable

__all__ = [
    "PROBLEMS",
    "REJECTION_REASONS",
    "BodyTooLargeError",
    "InvalidFieldError",
    "MalformedBodyError",
    "OverloadedError",
    "UnauthorizedError",
    "UnsupportedBodyError",
    "UploadTimeoutError",
    "rejection_reason",
]


class UnauthorizedError(LifesignError):
    """The request has no API key, or one that is not known."""


class OverloadedError(LifesignError):
    """More requests at once than the gateway accepts."""


class UploadTimeoutError(LifesignError):
    """The body did not arrive in time."""


class BodyTooLargeError(InputError):
    """The body has more bytes than are accepted."""


class UnsupportedBodyError(InputError):
    """The media type or content encoding of the body is not accepted."""


class MalformedBodyError(InputError):
    """The body is not what its media type says."""


class InvalidFieldError(InputError):
    """A field or parameter is missing, unknown or has a wrong value."""


_BAD_IMAGE = ProblemKind("image-undecodable", 400, "The image cannot be decoded")
_TOO_LARGE = ProblemKind("too-large", 413, "The request is too large")
_UNSUPPORTED = ProblemKind("unsupported-media-type", 415, "The media type is not accepted")
_TOO_MANY_PIXELS = ProblemKind("too-many-pixels", 422, "The image has too many pixels")
_NOT_READY = ProblemKind("not-ready", 503, "The model is not ready", retry_after_seconds=2)
_BACKEND = ProblemKind("backend-failed", 502, "The model server failed")

_IMAGE_KINDS = {
    ImageProblem.TOO_LARGE: _TOO_LARGE,
    ImageProblem.TOO_MANY_PIXELS: _TOO_MANY_PIXELS,
    ImageProblem.UNSUPPORTED: _UNSUPPORTED,
}


def _image_kind(error: ImageError) -> ProblemKind:
    return _IMAGE_KINDS.get(error.reason, _BAD_IMAGE)


def _upstream_kind(error: UpstreamError) -> ProblemKind:
    return _NOT_READY if error.code == "RESOURCE_EXHAUSTED" else _BACKEND


PROBLEMS: ProblemTable = {
    MalformedBodyError: ProblemKind("malformed-body", 400, "The body cannot be read"),
    ClientDisconnect: ProblemKind("client-disconnected", 400, "The client went away"),
    ImageError: _image_kind,
    UnauthorizedError: ProblemKind("unauthorized", 401, "An API key is needed"),
    UploadTimeoutError: ProblemKind("upload-timeout", 408, "The upload took too long"),
    BodyTooLargeError: _TOO_LARGE,
    UnsupportedBodyError: _UNSUPPORTED,
    InvalidFieldError: ProblemKind("invalid-request", 422, "The request is not valid"),
    OverloadedError: ProblemKind("overloaded", 429, "Too many requests at once", retry_after_seconds=1),
    ContractError: ProblemKind("contract-broken", 502, "The served model breaks its contract"),
    UpstreamError: _upstream_kind,
    NotReadyError: _NOT_READY,
    DeadlineError: ProblemKind("deadline-exceeded", 504, "No answer in time"),
}

_REASONS: dict[type[Exception], str] = {
    UnauthorizedError: "unauthorized",
    OverloadedError: "overload",
    UploadTimeoutError: "upload_timeout",
    BodyTooLargeError: "too_large",
    UnsupportedBodyError: "unsupported_type",
    MalformedBodyError: "malformed",
    InvalidFieldError: "invalid",
    RequestValidationError: "invalid",
}
REJECTION_REASONS = tuple(sorted({"bad_image", *_REASONS.values()}))
"""Every value of the label ``reason``."""


def rejection_reason(error: Exception) -> str | None:
    """Return the label of ``lifesign_gateway_rejected_total``; ``None`` where nothing was turned away."""
    if isinstance(error, ImageError):
        return "too_large" if error.reason is ImageProblem.TOO_LARGE else "bad_image"
    return _REASONS.get(type(error))
