"""The HTTP server under the REST interface: uvicorn in a thread, on a socket that is bound early."""

import socket
import threading
import time
from typing import Any, Final

import uvicorn

from lifesign.errors import ConfigurationError

__all__ = ["RestServer"]

_START_SECONDS: Final = 15.0


class RestServer:
    """Holds the port from construction on, listens from ``start`` on."""

    def __init__(self, host: str, port: int) -> None:
        if not 0 <= port <= 65535:
            raise ConfigurationError(f"--rest_api_port must be 0–65535, got {port}")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise ConfigurationError(
                f"cannot open REST port {host}:{port} ({error.strerror}); choose another with --rest_api_port"
            ) from error
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self._socket.getsockname()[1])

    def start(self, app: Any) -> None:
        """Serve an ASGI application; returns when connections are taken."""
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="asyncio",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="rest", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ConfigurationError(f"the REST server did not start on port {self.port}")
            time.sleep(0.005)

    def stop(self, grace_seconds: float) -> None:
        """Let running requests end within the grace (seconds), then close."""
        if self._server is not None and self._thread is not None:
            self._server.config.timeout_graceful_shutdown = max(1, int(grace_seconds))
            self._server.should_exit = True
            self._thread.join(grace_seconds + 5.0)
            self._server = None
        self._socket.close()
