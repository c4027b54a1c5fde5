"""The gateway as a process: its socket, its signals, its end."""

import asyncio
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from lifesign.gateway.app import create_app
from lifesign.gateway.settings import GatewaySettings
from lifesign.listening import listen
from lifesign.telemetry import get_logger

__all__ = ["GatewayServer", "serve"]

_log = get_logger("gateway")


class GatewayServer(uvicorn.Server):
    """uvicorn, but not ready at once on SIGTERM or SIGINT, still answering for ``drain_seconds``, exit 0."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, drain_seconds: float) -> None:
        super().__init__(config)
        self._application = app
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Start to drain; a second signal ends at once. Nothing is re-raised, so the exit code is 0."""
        if self._loop is None:
            self.should_exit = True
            return
        self._loop.call_soon_threadsafe(self._drain, sig)

    def _drain(self, sig: int) -> None:
        state = self._application.state.gateway
        if state.draining:
            self.should_exit = self.force_exit = True
            return
        state.draining = True
        assert self._loop is not None
        self._loop.call_later(self._drain_seconds, self._stop)
        # After the end is certain: whoever reads the log may be gone already.
        _log.info("draining", signal=sig, seconds=self._drain_seconds, in_flight=state.admission.current)

    def _stop(self) -> None:
        self.should_exit = True


def serve(settings: GatewaySettings) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the port is taken, or the API keys file is not usable.
    """
    app = create_app(settings)
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.stop_timeout_seconds)),
    )
    host, port = listener.getsockname()[:2]
    _log.info("listening", host=host, port=port, target=settings.target, model=settings.model)
    GatewayServer(config, app, drain_seconds=settings.drain_seconds).run([listener])
    _log.info("stopped")
