"""How many requests may be worked on at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from lifesign.gateway.rejections import OverloadedError

__all__ = ["Admission"]


class Admission:
    """A counter with a limit; turning away at once is kinder than a queue that nobody waits for.

    It bounds memory too: at most ``limit`` bodies are held. Use it from one event loop.
    """

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self.limit = limit
        self.current = 0
        self._gauge = gauge

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold one place for the time of the ``with`` block.

        Raises:
            OverloadedError: every place is taken.
        """
        if self.current >= self.limit:
            raise OverloadedError(f"{self.current} requests are in flight, at most {self.limit} are accepted")
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, step: int) -> None:
        self.current += step
        self._gauge.set(self.current)
