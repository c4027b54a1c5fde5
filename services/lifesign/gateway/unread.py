"""Closes a connection whose body was not read to its end, so that the client can read the answer."""

import asyncio
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["UnreadBodyMiddleware"]

# As long as Apache waits for the next bytes before it closes.
_PAUSE_SECONDS = 2.0


class UnreadBodyMiddleware:
    """Adds ``Connection: close`` to an answer that is sent before the body has arrived, and closes gently.

    A server that keeps the connection has to read the rest of the body first, however large it is. One that
    closes at once resets the connection under a client that is still sending, which then never reads the
    answer (RFC 9112, section 9.6). So the answer is sent at once, and then up to ``max_bytes`` are
    discarded: until the body ends, pauses for two seconds, or ``seconds`` after the request began.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        end = asyncio.get_running_loop().time() + self._seconds
        names = {name for name, _ in scope["headers"]}
        complete = not names & {b"content-length", b"transfer-encoding"}
        open_ended = False

        async def receive_and_note() -> Message:
            nonlocal complete
            message = await receive()
            complete = complete or not message.get("more_body", False)
            return message

        async def send_and_hold(message: Message) -> None:
            nonlocal open_ended
            if not complete and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            elif not complete and not message.get("more_body", False):
                # The server closes at the end of the answer, so that end has to wait.
                open_ended = True
                message = {**message, "more_body": True}
            await send(message)

        await self._app(scope, receive_and_note, send_and_hold)
        if open_ended:
            await self._discard(receive, end)
            await send({"type": "http.response.body", "body": b""})

    async def _discard(self, receive: Receive, end: float) -> None:
        left, loop = self._max_bytes, asyncio.get_running_loop()
        with suppress(TimeoutError):
            while left > 0:
                async with asyncio.timeout_at(min(end, loop.time() + _PAUSE_SECONDS)):
                    message = await receive()
                if not message.get("more_body", False):
                    return
                left -= len(message["body"])
