"""REST: the ASGI application with the paths, bodies and error texts of TensorFlow Serving."""

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import structlog

from lifesign.pb import serving_pb2
from lifesign.serving.calls import Calls
from lifesign.serving.instruments import render
from lifesign.serving.json_answer import metadata_json, outputs_json, predictions_json, status_json
from lifesign.serving.json_request import Layout, parse_body, read_inputs, signature_name
from lifesign.serving.predict import DEFAULT_SIGNATURE
from lifesign.serving.rest_routes import Route, parse_path
from lifesign.serving.status import Code, ServingError

__all__ = ["HTTP_STATUS", "RestApi"]

_log = structlog.get_logger(__name__)

HTTP_STATUS: Final = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
_JSON: Final = "application/json"
_MAX_INFLATED_BYTES: Final = 2**30

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    content_type: str = _JSON


class RestApi:
    """Turns HTTP requests into calls; the work is done in threads, the loop only moves bytes."""

    def __init__(
        self, calls: Calls, *, timeout_seconds: float, threads: int, monitoring_path: str | None
    ) -> None:
        self._calls = calls
        self._timeout_seconds = timeout_seconds
        self._monitoring_path = monitoring_path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rest")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request."""
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        if body is None:
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._answer, scope, body)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer(self, scope: Scope, body: bytes) -> _Answer:
        method, target = scope["method"], _target(scope)
        headers = dict(scope["headers"])
        if method == "GET" and self._monitoring_path is not None and target == self._monitoring_path:
            return _Answer(200, render(self._calls.core.instruments).encode(), "text/plain")
        if not target.lower().startswith("/v1/"):
            return _Answer(404, b"<html><body><h1>404 Not Found</h1></body></html>", "text/html")
        if method == "OPTIONS":
            origin = headers.get(b"origin", b"")
            return _Answer(200 if origin.startswith((b"http://", b"https://")) else 400, b"")
        if headers.get(b"content-encoding", b"").lower() == b"gzip":
            body = _inflate(body)
        return self._counted(method, target, body)

    def _counted(self, method: str, target: str, body: bytes) -> _Answer:
        instruments = self._calls.core.instruments
        started = time.perf_counter()
        model, verb, code = "", "", Code.OK
        try:
            route = parse_path(method, target)
            model, verb = route.spec.name, route.verb
            answer = _Answer(200, self._dispatch(route, body).encode("utf-8", "surrogateescape"))
        except ServingError as error:
            code = error.code
            answer = _error(error)
        except Exception:
            _log.exception("rest_request_failed", method=method, target=target[:200])
            code = Code.INTERNAL
            answer = _error(ServingError(code, "internal error; the server's log has the cause"))
        instruments.request_count.add(model, code.name)
        if code is Code.OK:
            api = verb if verb in ("predict", "classify", "regress") else ""
            instruments.request_latency.observe((time.perf_counter() - started) * 1e6, model, api, "REST")
        return answer

    def _dispatch(self, route: Route, body: bytes) -> str:
        match route.verb:
            case "predict":
                return self._predict(route, body)
            case "status":
                request = serving_pb2.GetModelStatusRequest(model_spec=route.spec)
                return status_json(self._calls.status(request))
            case "metadata":
                metadata = serving_pb2.GetModelMetadataRequest(
                    model_spec=route.spec, metadata_field=["signature_def"]
                )
                return metadata_json(self._calls.metadata(metadata))
        raise ServingError(Code.UNIMPLEMENTED, f"{route.verb} is not supported by this server; use predict")

    def _predict(self, route: Route, body: bytes) -> str:
        document = parse_body(body)
        name = signature_name(document) or DEFAULT_SIGNATURE
        with self._calls.core.lease(route.spec) as lease:
            signature = lease.servable.signatures.get(name)
            if signature is None:
                raise ServingError(
                    Code.INVALID_ARGUMENT, f'Serving signature name: "{name}" not found in signature def'
                )
            layout, inputs = read_inputs(document, signature)
            outputs = self._calls.run(
                route.spec.name,
                lease.servable,
                signature,
                inputs,
                timeout_seconds=self._timeout_seconds,
            )
        return predictions_json(outputs) if layout is Layout.ROW else outputs_json(outputs)


async def _read_body(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _target(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query and "?" not in path else path


def _inflate(body: bytes) -> bytes:
    """Inflate a gzip body; one that does not inflate, or to more than 1 GiB, reads as empty."""
    try:
        inflater = zlib.decompressobj(wbits=31)
        inflated = inflater.decompress(body, _MAX_INFLATED_BYTES)
    except (zlib.error, gzip.BadGzipFile):
        return b""
    return b"" if inflater.unconsumed_tail or not inflater.eof else inflated


def _error(error: ServingError) -> _Answer:
    if not error.message:
        return _Answer(HTTP_STATUS[error.code], b"")
    text = json.dumps({"error": error.message}, indent=4, ensure_ascii=False)
    return _Answer(HTTP_STATUS[error.code], text.encode("utf-8", "replace"))
