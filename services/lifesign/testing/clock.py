"""A clock that tests move by hand."""

import threading

__all__ = ["FakeClock"]


class FakeClock:
    """Time that passes only by sleeping; ``slept`` lists every pause in seconds."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds that were slept so far, plus the start."""
        return self._now

    def sleep(self, seconds: float, stop: threading.Event) -> None:  # noqa: ARG002
        """Move time on and return at once."""
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)
