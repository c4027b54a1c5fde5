"""What the rest of the server needs to know of a loaded model version."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from lifesign.pb.tensor_pb2 import SignatureDef

__all__ = ["Array", "LoadServable", "Servable"]

Array = NDArray[Any]


class Servable(Protocol):
    """One loaded version: signatures, and a graph that computes tensors from tensors."""

    @property
    def signatures(self) -> Mapping[str, SignatureDef]:
        """Every SignatureDef of the model, by name."""
        ...

    def run(
        self, feeds: Mapping[str, Array], fetches: Sequence[str], *, timeout_seconds: float | None = None
    ) -> list[Array]:
        """Compute the tensors named by ``fetches`` from ``feeds`` (tensor name → array), in their order.

        Raises:
            ServingError: what the runtime objects to, in its own words.
        """
        ...

    def close(self) -> None:
        """Free the graph; nobody uses it any more."""
        ...


LoadServable = Callable[[str, int, Path], Servable]
"""Load version ``(model name, version, folder)``, warm-up included; raises ``ServingError``."""
