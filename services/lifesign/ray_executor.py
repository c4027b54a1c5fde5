"""Work on many machines: one Ray worker per node, each claims its next item when it has finished one.

Through Ray go the description of the work, items and results, each small, and at most two items per worker
at a time; that bounds what its object store holds.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import grpc

from lifesign.errors import NotReadyError
from lifesign.executor import Work
from lifesign.ray_cluster import connected, load_ray, one_line, require_listener
from lifesign.ray_crew import Crew

__all__ = ["RayExecutor"]

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        load_ray()
        if address is not None:
            require_listener(address)
        return cls(address)

    def run(
        self, work: Work[Item, Result], items: Iterable[Item], tell: Callable[[str], None]
    ) -> Iterator[Result]:
        """Yield one result per item as they complete; an item whose worker is lost is claimed by another.

        Raises:
            LifesignError: what the work raised, first of all; no node is left to work on, or the cluster is
                lost, which Ray says after half a minute.
        """
        ray = load_ray()
        with (
            connected(ray, self.address, local_cpus=self.local_cpus),
            contextlib.closing(Crew[Item, Result](ray, work, tell)) as crew,
        ):
            try:
                yield from crew.results(items)
            except ray.exceptions.RayTaskError:
                raise
            except (ray.exceptions.RayError, ConnectionError, grpc.RpcError) as error:
                where = self.address or "this machine"
                raise NotReadyError(
                    f"lost the Ray cluster at {where}: {one_line(error)}", code="UNAVAILABLE"
                ) from error
