"""How many batches may be with the server at once: found while replaying, by what its answers take.

The rule is that of TCP Vegas (L. Brakmo, L. Peterson, IEEE JSAC 13(8), 1995). A server that answers ``size``
requests as fast as it would answer one has room for more; where answers take longer, the part
``size * (1 - shortest / latest)`` of them waits in a queue, and a queue longer than needed to keep the server
busy only makes every answer late. A server that refuses for being full halves the window at once.

Only the number of batches moves, never their size: the last bits of a score may depend on who shares its
batch, and a resumed run must end with the bytes of one that was not interrupted.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Window"]

_FIRST_SIZE = 4
_LARGEST_SIZE = 64
# A queue this long keeps the server busy; one longer than the second only waits.
_SHORT_QUEUE, _LONG_QUEUE = 2.0, 4.0
# The shortest answer is looked for among so many, so that it follows a server that became slower.
_REMEMBERED_ANSWERS = 100
_CHECK_SECONDS = 0.5


class Window:
    """Slots for batches in flight, shared by all threads of a run.

    ``fixed`` batches may fly at once where people chose a number; otherwise ``size`` adapts.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self._adapts = fixed is None
        self._size = float(_FIRST_SIZE if fixed is None else fixed)
        self._in_flight = 0
        self._is_taken = False
        self._latest: deque[float] = deque(maxlen=_REMEMBERED_ANSWERS)
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """Batches that may be in flight now."""
        return int(self._size)

    @property
    def in_flight(self) -> int:
        """Batches that are in flight now."""
        return self._in_flight

    def enter(self, check: Callable[[], None]) -> None:
        """Wait for a slot and take it; ``check`` may raise to end the wait."""
        with self._changed:
            while self._is_taken or self._in_flight >= self.size:
                self._wait(check)
            self._in_flight += 1

    def enter_again(self, check: Callable[[], None]) -> None:
        """Take a slot for a batch that is asked for again: there is room for it, unless one is ``alone``."""
        with self._changed:
            while self._is_taken:
                self._wait(check)
            self._in_flight += 1

    @contextmanager
    def alone(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait until nothing is in flight, and keep others from entering while the block lasts."""
        with self._changed:
            while self._is_taken:
                self._wait(check)
            self._is_taken = True
        try:
            with self._changed:
                while self._in_flight:
                    self._wait(check)
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def leave(self, seconds: float, *, is_full: bool = False, has_failed: bool = False) -> None:
        """Give the slot back after ``seconds``; ``is_full`` when the server had no room for the batch.

        The time of a request that ``has_failed`` says nothing of the server's pace.
        """
        with self._changed:
            was_limit = self._in_flight >= self.size
            self._in_flight -= 1
            if self._adapts and is_full:
                self._size = max(1.0, self._size / 2)
            elif self._adapts and not has_failed:
                self._follow(seconds, was_limit)
            self._changed.notify_all()

    def _wait(self, check: Callable[[], None]) -> None:
        check()
        self._changed.wait(_CHECK_SECONDS)

    def _follow(self, seconds: float, was_limit: bool) -> None:
        self._latest.append(seconds)
        queue = self._size * (1 - min(self._latest) / max(seconds, 1e-9))
        if queue > _LONG_QUEUE:
            self._size = max(1.0, self._size - 1 / self._size)
        elif queue < _SHORT_QUEUE and was_limit:
            self._size = min(float(_LARGEST_SIZE), self._size + 1 / self._size)
