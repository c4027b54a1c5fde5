"""A connection to a Ray cluster: the address, the token, and what listens there."""

import contextlib
import importlib
import os
import re
import secrets
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from lifesign.errors import ConfigurationError, NotReadyError

__all__ = ["connected", "load_ray", "one_line", "require_listener"]

_SCHEME = "ray://"
_AUTH_MODE, _AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
_ADDRESS = re.compile(r"(ray://)?(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
_CONNECT_SECONDS = 5.0
_GREET_SECONDS = 10.0
_SHOWN_CHARACTERS = 200
# The least that Ray accepts, and far more than two small results per worker need.
_OBJECT_STORE_BYTES = 80 * 2**20


def load_ray() -> Any:
    """Return the module ``ray``, imported in a way that it neither reports its use nor starts by itself.

    Raises:
        ConfigurationError: Ray is not installed.
    """
    # Ray reports its use to its makers otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Once a cluster is lost, the next call would otherwise start one on this machine, and leave it.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError(
            "--executor ray needs the package ray (pip install 'lifesign[ray]')"
        ) from error
    return ray


@contextlib.contextmanager
def connected(ray: Any, address: str | None, *, local_cpus: int | None) -> Iterator[None]:
    """Connect for as long as the block lasts; a process that is connected already stays so.

    Without an ``address`` a cluster of ``local_cpus`` is started on this machine, and ended with the block.

    Raises:
        ConfigurationError: no such form of address.
        NotReadyError: no cluster could be reached or started.
    """
    if ray.is_initialized():
        yield
        return
    reached = _started_here(local_cpus) if address is None else _reached_at(address)
    try:
        with warnings.catch_warnings():
            # What Ray warns of here it also raises.
            warnings.simplefilter("ignore")
            ray.init(**reached, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, OSError) as error:
        where = address or "this machine"
        # A head that wants a token lets clients without one run into their deadline.
        hint = "; does the head want a token (RAY_AUTH_TOKEN)?" if "timeout" in str(error) else ""
        raise NotReadyError(
            f"cannot use Ray at {where}: {one_line(error)}{hint}", code="UNAVAILABLE"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _started_here(cpus: int | None) -> dict[str, Any]:
    """Return what Ray starts a cluster of this machine with."""
    _use_own_token()
    return {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }


def _reached_at(address: str) -> dict[str, Any]:
    """Return what Ray connects to a running cluster with."""
    host = require_listener(address)
    if address.startswith(_SCHEME):
        _use_token_if_there_is_one()
    elif host.startswith("127."):
        # A cluster that listens on loopback only knows its nodes, this one too, by that address.
        return {"address": address, "_node_ip_address": host}
    return {"address": address}


def _use_own_token() -> None:
    """Protect the cluster of this run by a token of its own.

    Ray would otherwise write one to ``~/.ray``, and from then on ``ray start`` wants it from everybody.
    """
    if _AUTH_MODE not in os.environ and not _has_token():
        os.environ[_AUTH_TOKEN] = secrets.token_hex(32)


def _use_token_if_there_is_one() -> None:
    """Send the token that ``ray start`` uses as soon as there is one; Ray's clients do not by themselves."""
    if _AUTH_MODE in os.environ or not _has_token():
        return
    os.environ[_AUTH_MODE] = "token"
    # Ray read the environment when it was imported; releases before 2.60 know no tokens.
    settings: Any = getattr(importlib.import_module("ray._raylet"), "Config", None)
    if hasattr(settings, "initialize"):
        settings.initialize("")


def _has_token() -> bool:
    if any(name in os.environ for name in (_AUTH_TOKEN, f"{_AUTH_TOKEN}_PATH")):
        return True
    return (Path.home() / ".ray" / "auth_token").exists()


def require_listener(address: str) -> str:
    """Return the host of an address at which something answers as Ray does.

    Raises:
        ConfigurationError: no such form of address.
        NotReadyError: nothing listens there, or something else does.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ConfigurationError(f"expected the Ray address as {_SCHEME}HOST:PORT, got {address!r}")
    host = match["host"].strip("[]")
    try:
        socket.create_connection((host, int(match["port"])), _CONNECT_SECONDS).close()
    except OSError as error:
        raise NotReadyError(f"no Ray at {address}: {error.strerror or error}", code="UNAVAILABLE") from error
    _require_greeting(address)
    return host


def _require_greeting(address: str) -> None:
    """Refuse what listens and does not speak gRPC: Ray would try for minutes, or for ever."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return
    with grpc.insecure_channel(address.removeprefix(_SCHEME)) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_GREET_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise NotReadyError(
                f"no Ray at {address}: something listens there and does not answer as Ray does "
                f"within {_GREET_SECONDS:g} s",
                code="UNAVAILABLE",
            ) from error


def one_line(error: Exception) -> str:
    """Return what an error says without line breaks, at most 200 characters: Ray's have pages."""
    return " ".join(str(error).split())[:_SHOWN_CHARACTERS]
