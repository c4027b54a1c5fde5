"""Work on many machines: one Ray worker per node, each claims its next item when it has finished one.

Through Ray go the description of the work, items and results, each small, and at most two items per worker
at a time; that bounds what its object store holds.
"""

import contextlib
import importlib
import os
import re
import secrets
import socket
import time
import warnings
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import grpc

from lifesign.errors import ConfigurationError, LifesignError, NotReadyError
from lifesign.executor import Work

__all__ = ["RayExecutor"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_SCHEME = "ray://"
_AUTH_MODE, _AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
_ADDRESS = re.compile(r"(ray://)?(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
_CONNECT_SECONDS = 5.0
_GREET_SECONDS = 10.0
_SHOWN_CHARACTERS = 200
_TICK_SECONDS = 1.0
_CLOSE_SECONDS = 15.0
# The tail of one item and the start of the next overlap, as with the two threads of a local replay.
_CLAIMS_PER_WORKER = 2
# An item that takes every worker with it, or a node that loses every worker, is not tried for ever. A node
# that goes and takes its worker along says little against the item.
_LOSSES = 3
_LOSSES_WITH_NODES = 10
# To be listened to and closed while items run.
_OTHER_CALLS = 2
# The least that Ray accepts, and far more than two small results per worker need.
_OBJECT_STORE_BYTES = 80 * 2**20
_OPEN: Final = object()
_LISTEN: Final = object()


@dataclass(frozen=True)
class RayExecutor:
    """Runs work on the nodes of a Ray cluster, or on this machine alone without ``address``.

    ``address`` is ``ray://HOST:PORT`` of a cluster's client server, or ``HOST:PORT`` from one of its nodes.
    ``local_cpus`` bounds the one that is started without an address; every node with a CPU gets a worker.
    """

    address: str | None = None
    local_cpus: int | None = None

    @classmethod
    def at(cls, address: str | None) -> "RayExecutor":
        """Return an executor that has been looked for: Ray is installed, and something listens there.

        Raises:
            ConfigurationError: Ray is not installed, or no such form of address.
            NotReadyError: nothing listens at the address.
        """
        _ray()
        if address is not None:
            _require_listener(address)
        return cls(address)

    def run(
        self, work: Work[Item, Result], items: Iterable[Item], tell: Callable[[str], None]
    ) -> Iterator[Result]:
        """Yield one result per item as they complete; an item whose worker is lost is claimed by another.

        Raises:
            LifesignError: what the work raised, first of all; no node is left to work on, or the cluster is
                lost, which Ray says after half a minute.
        """
        ray = _ray()
        with _connected(ray, self), contextlib.closing(_Crew[Item, Result](ray, work, tell)) as crew:
            try:
                yield from crew.results(items)
            except ray.exceptions.RayTaskError:
                raise
            except (ray.exceptions.RayError, ConnectionError, grpc.RpcError) as error:
                where = self.address or "this machine"
                raise NotReadyError(
                    f"lost the Ray cluster at {where}: {_one_line(error)}", code="UNAVAILABLE"
                ) from error


@dataclass(frozen=True)
class _Failure:
    """A failure that is told in a sentence: a value, so that Ray adds no traceback."""

    error: LifesignError


class _Worker(Generic[Item, Result]):
    """Runs in a process of its own on a node, as a Ray actor."""

    def __init__(self, work: Work[Item, Result]) -> None:
        self._work = work
        self._opened = contextlib.ExitStack()
        self._function: Callable[[Item], Result] | None = None
        self._waiting_for = ""

    def open(self) -> _Failure | None:
        try:
            self._function = self._opened.enter_context(self._work.open(self._tell))
        except LifesignError as error:
            return _Failure(error)
        return None

    def do(self, item: Item) -> Result | _Failure:
        if self._function is None:
            raise AssertionError("an item before the work is open")
        try:
            return self._function(item)
        except LifesignError as error:
            return _Failure(error)

    def waiting_for(self) -> str:
        """Return what was told since the last call."""
        message, self._waiting_for = self._waiting_for, ""
        return message

    def close(self) -> None:
        self._opened.close()

    def _tell(self, message: str) -> None:
        self._waiting_for = message


@dataclass(eq=False)
class _Member:
    node: str
    actor: Any
    is_open: bool = False
    claims: int = 0
    is_listened_to: bool = False


@dataclass(frozen=True)
class _Call:
    member: _Member
    item: Any


@dataclass
class _Crew(Generic[Item, Result]):
    """The workers of one run and what each of them has claimed."""

    ray: Any
    work: Work[Item, Result]
    tell: Callable[[str], None]
    members: list[_Member] = field(default_factory=list)
    calls: dict[Any, _Call] = field(default_factory=dict)
    unclaimed: deque[Item] = field(default_factory=deque)
    losses: Counter[str] = field(default_factory=Counter)
    lost_on: defaultdict[Item, list[str]] = field(default_factory=lambda: defaultdict(list))
    reason: str = ""
    hired_at: float | None = None

    def results(self, items: Iterable[Item]) -> Iterator[Result]:
        """Yield one result per item."""
        self.unclaimed.extend(items)
        while self.unclaimed or any(member.claims for member in self.members):
            self._hire()
            self._let_claim()
            done, _ = self.ray.wait(list(self.calls), num_returns=1, timeout=_TICK_SECONDS)
            for reference in done:
                yield from self._settled(reference)
            if not done:
                self._listen()

    def close(self) -> None:
        """Let workers end what they do, so that nobody writes any more, and end them."""
        self.calls.clear()
        if not self.ray.is_initialized():
            # Of a cluster that is gone nothing can be ended, and a call would connect to another.
            return
        with contextlib.suppress(Exception):
            ends = [member.actor.close.remote() for member in self.members if member.is_open]
            self.ray.wait(ends, num_returns=len(ends), timeout=_CLOSE_SECONDS)
        while self.members:
            self._end(self.members.pop())

    def _hire(self) -> None:
        """Put a worker on every node that has none, also on those that came just now."""
        now = time.monotonic()
        if self.hired_at is not None and now < self.hired_at + _TICK_SECONDS and self.members:
            return
        self.hired_at = now
        manned = {member.node for member in self.members}
        for node in self.ray.nodes():
            name = node["NodeID"]
            able = node["Alive"] and node["Resources"].get("CPU", 0) >= 1
            if able and name not in manned and self.losses[name] < _LOSSES:
                self._put_on(name)
        if not self.members:
            why = f": {self.reason}" if self.reason else ""
            raise NotReadyError(f"no Ray node with a CPU is left to work on{why}", code="UNAVAILABLE")

    def _put_on(self, node: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        kind = self.ray.remote(
            num_cpus=1,
            max_restarts=0,
            max_concurrency=_CLAIMS_PER_WORKER + _OTHER_CALLS,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        member = _Member(node, kind(_Worker).remote(self.work))
        self.members.append(member)
        self.calls[member.actor.open.remote()] = _Call(member, _OPEN)

    def _let_claim(self) -> None:
        for _ in range(_CLAIMS_PER_WORKER):
            for member in self.members:
                if self.unclaimed and member.is_open and member.claims < _CLAIMS_PER_WORKER:
                    item = self.unclaimed.popleft()
                    member.claims += 1
                    self.calls[member.actor.do.remote(item)] = _Call(member, item)

    def _settled(self, reference: Any) -> Iterator[Result]:
        call = self.calls.pop(reference, None)
        if call is None:
            # Its worker was lost in the same moment; what it had claimed is claimed again.
            return
        lost = self.ray.exceptions
        try:
            value = self.ray.get(reference)
        except (
            lost.RayActorError,
            # The node went before its worker was there.
            lost.ActorUnschedulableError,
            lost.ObjectLostError,
            lost.NodeDiedError,
            lost.WorkerCrashedError,
        ) as error:
            self.calls[reference] = call
            self._lose(call.member, error)
            return
        if isinstance(value, _Failure):
            raise value.error
        if call.item is _OPEN:
            call.member.is_open = True
        elif call.item is _LISTEN:
            call.member.is_listened_to = False
            if value:
                self.tell(value)
        else:
            call.member.claims -= 1
            yield value

    def _lose(self, member: _Member, error: Exception) -> None:
        """Give back what a lost worker had claimed."""
        self.reason = f"{type(error).__name__}: {_one_line(error)}"
        self.losses[member.node] += 1
        self.members.remove(member)
        self._end(member)
        alive = {node["NodeID"] for node in self.ray.nodes() if node["Alive"]}
        for reference in [one for one, call in self.calls.items() if call.member is member]:
            item = self.calls.pop(reference).item
            if item is _OPEN or item is _LISTEN:
                continue
            places = self.lost_on[item]
            places.append(member.node)
            if sum(node in alive for node in places) >= _LOSSES or len(places) >= _LOSSES_WITH_NODES:
                raise LifesignError(f"{item} was lost with its Ray worker {len(places)} times: {self.reason}")
            # At the end: if it is to blame, the others are done and kept before it ends the run.
            self.unclaimed.append(item)
        self.tell("a Ray worker was lost; others claim what it had not finished")

    def _listen(self) -> None:
        if not any(member.is_open for member in self.members):
            self.tell("waiting for a Ray node with a free CPU")
        for member in self.members:
            if member.is_open and not member.is_listened_to:
                member.is_listened_to = True
                self.calls[member.actor.waiting_for.remote()] = _Call(member, _LISTEN)

    def _end(self, member: _Member) -> None:
        # Of a node that is gone nothing can be ended.
        with contextlib.suppress(Exception):
            self.ray.kill(member.actor)


def _ray() -> Any:
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
def _connected(ray: Any, executor: RayExecutor) -> Iterator[None]:
    """Connect for as long as the block lasts; a process that is connected already stays so."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"address": executor.address, "log_to_driver": False, "logging_level": "error"}
    if executor.address is None:
        _use_own_token()
        options |= {
            "address": "local",
            "num_cpus": executor.local_cpus,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    else:
        host = _require_listener(executor.address)
        if executor.address.startswith(_SCHEME):
            _use_token_if_there_is_one()
        elif host.startswith("127."):
            # A cluster that listens on loopback only knows its nodes, this one too, by that address.
            options["_node_ip_address"] = host
    try:
        with warnings.catch_warnings():
            # What Ray warns of here it also raises.
            warnings.simplefilter("ignore")
            ray.init(**options)
    except (ConnectionError, RuntimeError, OSError) as error:
        where = executor.address or "this machine"
        # A head that wants a token lets clients without one run into their deadline.
        hint = "; does the head want a token (RAY_AUTH_TOKEN)?" if "timeout" in str(error) else ""
        raise NotReadyError(
            f"cannot use Ray at {where}: {_one_line(error)}{hint}", code="UNAVAILABLE"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


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


def _require_listener(address: str) -> str:
    """Return the host of an address."""
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


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_SHOWN_CHARACTERS]
