"""The progress of an evaluation on a terminal: a bar, or plain lines where there is no terminal."""

import threading
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["BarProgress", "LineProgress"]

_SECONDS_BETWEEN_LINES = 5.0


def _summary(
    done: int, kept: int, elapsed: float, scored: int, no_response: int, correct: int, *, unit: str
) -> str:
    rate = (done - kept) / elapsed if elapsed > 0 else 0.0
    accuracy = f"{correct / scored:.1%}" if scored else "–"
    return f"{rate:,.0f} {unit}/s, accuracy {accuracy}, no response {no_response:,}"


class BarProgress:
    """A live bar with rate, remaining time, running accuracy and unanswered images."""

    def __init__(self, console: Console, *, verb: str = "replaying", unit: str = "images") -> None:
        self._unit = unit
        self._progress = Progress(
            TextColumn(verb),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._look: TaskID | None = None
        self._kept = 0
        self._started = 0.0

    def on_look(self, share: float) -> None:
        """Show what share, in [0, 1], of a file has been looked through before it is read."""
        if self._look is None:
            self._look = self._progress.add_task("of looking through", total=100)
            self._progress.start()
        self._progress.update(self._look, completed=100 * share)

    def on_start(self, total: int, done: int) -> None:
        if self._look is not None:
            self._progress.remove_task(self._look)
        self._kept, self._started = done, time.monotonic()
        self._task = self._progress.add_task("", total=total, completed=done)
        self._progress.start()

    def on_batch(self, done: int, scored: int, no_response: int, correct: int) -> None:
        elapsed = time.monotonic() - self._started
        if self._task is not None:
            text = _summary(done, self._kept, elapsed, scored, no_response, correct, unit=self._unit)
            self._progress.update(self._task, completed=done, description=text)

    def on_wait(self, message: str) -> None:
        if self._task is None:
            self._progress.console.print(message, highlight=False)
        else:
            self._progress.update(self._task, description=message)

    def on_finish(self) -> None:
        self._progress.stop()


class LineProgress:
    """A line at most every five seconds, for logs and pipes; waiting is told at once, then as seldom."""

    def __init__(
        self,
        console: Console,
        *,
        verb: str = "replaying",
        unit: str = "images",
        seconds_between_lines: float = _SECONDS_BETWEEN_LINES,
    ) -> None:
        self._console = console
        self._verb, self._unit = verb, unit
        self._between = seconds_between_lines
        self._lock = threading.Lock()
        self._total = self._kept = 0
        self._started = self._next_line = self._next_wait = 0.0

    def on_look(self, share: float) -> None:
        """Tell now and then what share, in [0, 1], of a file has been looked through before it is read."""
        now = time.monotonic()
        if self._next_line == 0:
            self._next_line = now + self._between
        if now >= self._next_line:
            self._next_line = now + self._between
            self._print(f"looked through {share:.0%}")

    def on_start(self, total: int, done: int) -> None:
        self._total, self._kept, self._started = total, done, time.monotonic()
        kept = f", {done:,} of them done already" if done else ""
        self._print(f"{self._verb} {total:,} samples{kept}")
        self._next_line = self._started + self._between

    def on_batch(self, done: int, scored: int, no_response: int, correct: int) -> None:
        now = time.monotonic()
        if now < self._next_line and done < self._total:
            return
        self._next_line = now + self._between
        text = _summary(done, self._kept, now - self._started, scored, no_response, correct, unit=self._unit)
        self._print(f"{done:,}/{self._total:,} samples, {text}")

    def on_wait(self, message: str) -> None:
        now = time.monotonic()
        if now >= self._next_wait:
            self._next_wait = now + self._between
            self._print(message)

    def on_finish(self) -> None: ...

    def _print(self, line: str) -> None:
        with self._lock:
            self._console.print(line, highlight=False, soft_wrap=True)
