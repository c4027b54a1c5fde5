"""Counts and times every request at the edge of the application."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lifesign.gateway.instruments import GatewayInstruments

__all__ = ["TrafficMiddleware"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TrafficMiddleware:
    """Feeds the request counter and the duration histogram; must be around all that choose the status."""

    def __init__(self, app: ASGIApp, instruments: GatewayInstruments) -> None:
        self._app = app
        self._instruments = instruments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        code = "500"

        async def send_and_note(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            # The template, never the path: a path is chosen by the caller and would be a label without end.
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._instruments.requests.labels(route=route, method=method, code=code).inc()
            self._instruments.duration.labels(route=route).observe(time.perf_counter() - started)
