"""Errors over HTTP: RFC 9457 problem documents with the id of the request they belong to.

A service states one table of error class → kind of problem and installs it:

    app = FastAPI()
    install_problems(app, {NotReadyError: ProblemKind("not-ready", 503, "The model is not ready")})
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lifesign.telemetry import get_logger

__all__ = [
    "PROBLEM_MEDIA_TYPE",
    "REQUEST_ID_HEADER",
    "Problem",
    "ProblemKind",
    "ProblemTable",
    "RequestIdMiddleware",
    "find_kind",
    "install_problems",
    "problem_document",
    "problem_response",
    "request_id_of",
]

PROBLEM_MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"

_TYPE_PREFIX = "urn:lifesign:problem:"
_SAFE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_UNKNOWN = "Something went wrong on our side; the log has the details under the request id."


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="what kind of problem; stable, compare it by text")
    title: str = Field(description="the kind in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what went wrong with this request")
    request_id: str = Field(description="the same as in the header X-Request-ID")


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem: ``slug`` for machines, ``title`` for people, its HTTP status.

    ``retry_after_seconds`` is sent as ``Retry-After`` where waiting may help.
    """

    slug: str
    status: int
    title: str
    retry_after_seconds: int | None = None

    @property
    def type(self) -> str:
        return _TYPE_PREFIX + self.slug


ProblemTable = Mapping[type[Exception], "ProblemKind | Callable[[Any], ProblemKind]"]
"""Error class → kind, or a function of the error that returns one; a subclass without an entry of its
own has the kind of its nearest parent."""

_INTERNAL = ProblemKind("internal", 500, "Internal error")
_INVALID = ProblemKind("invalid-request", 422, "The request is not valid")


def find_kind(error: Exception, table: ProblemTable) -> ProblemKind | None:
    """Return the kind of the nearest class of ``error`` in the table, ``None`` if it has none."""
    for parent in type(error).__mro__:
        if parent in table:
            entry = table[parent]
            return entry if isinstance(entry, ProblemKind) else entry(error)
    return None


def problem_document(kind: ProblemKind, detail: str, *, request_id: str, **extra: Any) -> dict[str, Any]:
    """Return the problem document; ``extra`` members are added as they are."""
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }


def problem_response(
    kind: ProblemKind,
    detail: str,
    *,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """Return the problem document as a response with the right media type and ``Retry-After``."""
    merged = dict(headers or {})
    if kind.retry_after_seconds is not None:
        merged["Retry-After"] = str(kind.retry_after_seconds)
    document = problem_document(kind, detail, request_id=request_id, **extra)
    return JSONResponse(document, kind.status, merged, media_type=PROBLEM_MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    """Return the id that ``RequestIdMiddleware`` gave to the request."""
    return str(request.scope["state"]["request_id"])


class RequestIdMiddleware:
    """Gives every request an id, logs with it, returns it, and turns a crash into a problem document.

    A well-formed id of the caller (``[A-Za-z0-9._:-]``, at most 128 characters) is kept, any other replaced.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _accept(Headers(scope=scope).get(REQUEST_ID_HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                get_logger("http").exception("request_crashed", method=scope["method"], path=scope["path"])
                if started:
                    raise
                response = problem_response(_INTERNAL, _UNKNOWN, request_id=request_id)
                await response(scope, receive, send_with_id)


def install_problems(
    app: FastAPI, table: ProblemTable, *, on_problem: Callable[[Exception], None] | None = None
) -> None:
    """Answer every error of the application with a problem document, and give each request an id.

    ``on_problem`` is told of each expected error. Add middleware that must see the final status after
    this call, so that it wraps this one.
    """
    notify = on_problem or _ignore

    async def domain_error(request: Request, error: Exception) -> JSONResponse:
        kind = find_kind(error, table)
        if kind is None:
            raise error
        notify(error)
        reason = getattr(error, "reason", None)
        extra: dict[str, Any] = {} if reason is None else {"reason": str(reason)}
        return problem_response(kind, str(error), request_id=request_id_of(request), **extra)

    async def invalid_request(request: Request, error: Exception) -> JSONResponse:
        notify(error)
        return _invalid_request(request, error)

    for error_class in table:
        app.add_exception_handler(error_class, domain_error)
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(RequestIdMiddleware)


def _ignore(_: Exception) -> None:
    return


def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Only place and message: the rejected value may be an image.
    errors = [{"loc": list(item["loc"]), "msg": item["msg"]} for item in error.errors()]
    detail = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors)
    return problem_response(_INVALID, detail, request_id=request_id_of(request), errors=errors)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    kind = ProblemKind(title.lower().replace(" ", "-"), error.status_code, title)
    return problem_response(kind, str(error.detail), request_id=request_id_of(request), headers=error.headers)


def _accept(given: str | None) -> str:
    return given if given is not None and _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
