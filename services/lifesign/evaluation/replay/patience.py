"""How an evaluation waits for a model server that does not answer."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from lifesign.errors import NotReadyError, UpstreamError

__all__ = ["Clock", "Patience", "Spell", "Stopped", "SystemClock"]

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 3.0


class Stopped(Exception):  # noqa: N818 - not an error: someone asked to stop
    """The evaluation was asked to stop while it waited or replayed."""


class Clock(Protocol):
    """Time as the evaluation sees it."""

    def monotonic(self) -> float:
        """Return seconds from some fixed point."""
        ...

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        """Return after ``seconds``, or as soon as ``stop`` is set."""


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        stop.wait(seconds)


class Patience:
    """The waiting rules of one evaluation, shared by all its threads.

    ``limit_seconds`` bounds each spell of waiting; ``tell`` is given a sentence before every pause.
    ``pauses`` counts them by the gRPC status that they were for.
    """

    def __init__(
        self, *, limit_seconds: float, tell: Callable[[str], None], clock: Clock | None = None
    ) -> None:
        self.limit_seconds = limit_seconds
        self.clock: Clock = clock or SystemClock()
        self.pauses: Counter[str] = Counter()
        self._tell = tell
        self._stop = threading.Event()
        self._counting = threading.Lock()

    def spell(self, subject: str) -> "Spell":
        """Begin to wait for ``subject``, such as ``the model server localhost:8500``."""
        return Spell(self, subject)

    def stop(self) -> None:
        """End every wait; those who wait get ``Stopped``."""
        self._stop.set()

    def check(self) -> None:
        """Raise ``Stopped`` after ``stop``."""
        if self._stop.is_set():
            raise Stopped

    def pause(self, seconds: float, message: str, code: str = "") -> None:
        """Tell people and wait; the pause is counted under ``code``, if there is one."""
        self.check()
        if code:
            with self._counting:
                self.pauses[code] += 1
        self._tell(message)
        self.clock.sleep(seconds, self._stop)
        self.check()


class Spell:
    """One time of waiting; pauses grow from 0.1 to 3 seconds."""

    def __init__(self, patience: Patience, subject: str) -> None:
        self._patience = patience
        self._subject = subject
        self._since = patience.clock.monotonic()
        self._delay = _FIRST_DELAY_SECONDS

    def pause(self, error: UpstreamError, *, limit_seconds: float | None = None) -> None:
        """Wait a little longer than last time.

        Raises:
            NotReadyError: this spell has lasted ``limit_seconds``, by default the patience's.
        """
        limit = self._patience.limit_seconds if limit_seconds is None else limit_seconds
        waited = self._patience.clock.monotonic() - self._since
        if waited >= limit:
            raise NotReadyError(
                f"gave up on {self._subject} after {limit:g} s: {error.first_line}", code=error.code
            )
        self._patience.pause(
            min(self._delay, limit - waited),
            f"waiting for {self._subject} ({error.code}), {waited:.0f} of at most {limit:g} s",
            error.code,
        )
        self._delay = min(self._delay * 2, _LONGEST_DELAY_SECONDS)
