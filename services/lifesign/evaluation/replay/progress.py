"""What a running evaluation tells whoever watches it."""

from typing import Protocol

__all__ = ["ProgressListener", "SilentProgress"]


class ProgressListener(Protocol):
    """Receives the events of one evaluation; calls come one at a time, from any thread."""

    def on_start(self, total: int, done: int) -> None:
        """Replay starts: ``total`` samples, ``done`` of them kept from an interrupted run."""

    def on_batch(self, done: int, scored: int, no_response: int, correct: int) -> None:
        """A batch is accounted for; all four are running sums over this process, ``done`` included kept ones.

        ``correct`` counts scored samples whose decision was right, so running accuracy is correct / scored.
        """

    def on_wait(self, message: str) -> None:
        """The model server does not answer and the evaluation waits; one sentence for people."""

    def on_finish(self) -> None:
        """Every sample is accounted for, or the evaluation stopped."""


class SilentProgress:
    """Tells nobody."""

    def on_start(self, total: int, done: int) -> None: ...

    def on_batch(self, done: int, scored: int, no_response: int, correct: int) -> None: ...

    def on_wait(self, message: str) -> None: ...

    def on_finish(self) -> None: ...
