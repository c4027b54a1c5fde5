"""The state of every version that was ever seen; nothing is forgotten."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lifesign.pb.serving_pb2 import ModelVersionStatus
from lifesign.serving.status import Code

__all__ = ["StateMonitor", "VersionState"]

START = ModelVersionStatus.START
LOADING = ModelVersionStatus.LOADING
AVAILABLE = ModelVersionStatus.AVAILABLE
UNLOADING = ModelVersionStatus.UNLOADING
END = ModelVersionStatus.END


@dataclass(frozen=True)
class VersionState:
    """State of one version; ``sequence`` orders all events of the process."""

    version: int
    state: ModelVersionStatus.State
    code: Code = Code.OK
    message: str = ""
    sequence: int = 0


class StateMonitor:
    """Collects state changes and lets callers wait for them; safe for many threads."""

    def __init__(self) -> None:
        self._states: dict[str, dict[int, VersionState]] = {}
        self._sequence = 0
        self._changed = threading.Condition()

    def publish(
        self,
        model: str,
        version: int,
        state: ModelVersionStatus.State,
        *,
        code: Code = Code.OK,
        message: str = "",
    ) -> None:
        """Record that a version entered a state."""
        with self._changed:
            self._sequence += 1
            entry = VersionState(version, state, code, message, self._sequence)
            self._states.setdefault(model, {})[version] = entry
            self._changed.notify_all()

    def mark(self) -> int:
        """Return the number of the last event, a point in time for ``wait_settled``."""
        with self._changed:
            return self._sequence

    def states(self, model: str) -> tuple[VersionState, ...]:
        """Return all versions of a model, newest first; empty for a model never seen."""
        with self._changed:
            known = self._states.get(model, {})
            return tuple(known[version] for version in sorted(known, reverse=True))

    def wait_settled(
        self,
        models: Collection[str],
        *,
        since: int = 0,
        keep_waiting: Callable[[], bool] = lambda: True,
        poll_seconds: float = 0.2,
    ) -> bool:
        """Block until each model has a version that became AVAILABLE or END after event ``since``.

        Returns False when ``keep_waiting`` said so first.
        """
        with self._changed:
            while not all(self._settled(model, since) for model in models):
                if not keep_waiting():
                    return False
                self._changed.wait(poll_seconds)
            return True

    def _settled(self, model: str, since: int) -> bool:
        entries = self._states.get(model, {}).values()
        return any(entry.sequence > since and entry.state in (AVAILABLE, END) for entry in entries)
