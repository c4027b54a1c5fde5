"""The socket that an HTTP service listens on."""

import os
import socket

from lifesign.errors import ConfigurationError

__all__ = ["listen"]


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # strerror would name the address a second time; getaddrinfo has no errno that strerror knows.
        reason = str(error) if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ConfigurationError(f"cannot listen on {host}:{port}: {reason}; choose --port") from None
