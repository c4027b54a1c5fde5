"""Tells a request that failed from a server that answers nobody, and waits for one that is away."""

import threading
import time

from lifesign.client import PredictionClient, VersionStatus
from lifesign.errors import NotReadyError, UpstreamError
from lifesign.evaluation.replay.patience import Patience

__all__ = ["ServerWatch", "may_be_away"]

# Answering this costs a server nothing, so one that does not is stopped, dead or drowned.
_LOOK_SECONDS = 5.0
_SILENT = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "NOT_FOUND", "CANCELLED"})
# A request may end with these because its server is gone; with other codes a server answered.
_MAY_BE_AWAY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"})


def may_be_away(code: str) -> bool:
    """Whether a request that ended with this gRPC status name may have met a server that is gone."""
    return code in _MAY_BE_AWAY


class ServerWatch:
    """Asks a server for the state of one version, shared by all threads that wait for its answers."""

    def __init__(self, client: PredictionClient, version: int, patience: Patience) -> None:
        self._client = client
        self._version = version
        self._patience = patience
        self._lock = threading.Lock()
        self._is_away = False
        self._back_at = float("-inf")

    def was_away(self, code: str, landed_at: float) -> bool:
        """Whether a request that ended with ``code`` at ``landed_at`` failed because nobody was there.

        ``landed_at`` is of ``time.perf_counter``. True also for what failed earlier and is looked at only
        after the server came back.

        Raises:
            NotReadyError: the version was unloaded while another is served.
        """
        if not may_be_away(code):
            return False
        with self._lock:
            is_known = landed_at <= self._back_at
        return is_known or self._look() is not None

    def wait(self, because: str) -> bool:
        """Wait until the version can be asked; return whether it was necessary.

        Raises:
            NotReadyError: it stayed away too long, ``because`` ends the sentence; or it was unloaded.
        """
        spell = self._patience.spell(f"the model server {self._client.target}{because}")
        has_waited = False
        while (missing := self._look()) is not None:
            has_waited = True
            spell.pause(missing)
        return has_waited

    def require_version(self) -> None:
        """Raise ``NotReadyError`` when the version is gone while another one is served."""
        self._look()

    def _look(self) -> UpstreamError | None:
        """Return why the version cannot be asked now, ``None`` when it can."""
        self._patience.check()
        limit = min(self._client.timeout_seconds, _LOOK_SECONDS)
        missing: UpstreamError | None = None
        try:
            states = self._client.status(timeout_seconds=limit)
        except UpstreamError as error:
            # Any other code is an answer.
            missing = error if error.code in _SILENT else None
        else:
            missing = self._missing(states)
        with self._lock:
            if missing is None and self._is_away:
                self._back_at = time.perf_counter()
            self._is_away = missing is not None
        return missing

    def _missing(self, states: tuple[VersionStatus, ...]) -> UpstreamError | None:
        state = next((one.state for one in states if one.version == self._version), None)
        if state == "AVAILABLE":
            return None
        others = sorted(one.version for one in states if one.state == "AVAILABLE")
        if state in (None, "UNLOADING", "END") and others:
            raise NotReadyError(
                f"version {self._version} was unloaded while it was evaluated; the server now has "
                f"{', '.join(map(str, others))}, and answers of two versions are never mixed: "
                f"serve version {self._version} again and resume, or evaluate another version elsewhere",
                code="NOT_FOUND",
            )
        return NotReadyError(f"version {self._version} is {state or 'not there'}", code="NOT_FOUND")
