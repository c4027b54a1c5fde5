"""The workers on the nodes of a Ray cluster and what each of them has claimed."""

import contextlib
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from lifesign.errors import LifesignError, NotReadyError
from lifesign.executor import Work
from lifesign.ray_cluster import one_line

__all__ = ["Crew"]

Item = TypeVar("Item")
Result = TypeVar("Result")

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
_OPEN: Final = object()
_LISTEN: Final = object()


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
class Crew(Generic[Item, Result]):
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
        """Yield one result per item.

        Raises:
            LifesignError: what the work raised, or an item that was lost with too many workers.
            NotReadyError: no node is left to work on.
        """
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
        self.reason = f"{type(error).__name__}: {one_line(error)}"
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
