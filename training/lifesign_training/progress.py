"""What a training tells while it runs, and the console that shows it."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lifesign_training.history import EpochRecord

__all__ = ["ConsoleProgress", "ProgressGroup", "SilentProgress", "TrainingProgress"]


class TrainingProgress(Protocol):
    """Listener of a training; every method returns at once."""

    def on_message(self, text: str) -> None: ...
    def on_images(self, done: int, total: int) -> None: ...
    def on_batch(self, epoch: int, epochs: int, done: int, total: int) -> None: ...
    def on_epoch(self, record: EpochRecord, epochs: int) -> None: ...


class SilentProgress:
    """Says nothing."""

    def on_message(self, text: str) -> None:
        """Ignore a message."""

    def on_images(self, done: int, total: int) -> None:
        """Ignore a decoded image."""

    def on_batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """Ignore a batch."""

    def on_epoch(self, record: EpochRecord, epochs: int) -> None:
        """Ignore an epoch."""


class ProgressGroup:
    """Tells several listeners, in their order."""

    def __init__(self, *listeners: TrainingProgress) -> None:
        self._listeners = listeners

    def on_message(self, text: str) -> None:
        """Pass a message on."""
        for listener in self._listeners:
            listener.on_message(text)

    def on_images(self, done: int, total: int) -> None:
        """Pass the number of decoded images on."""
        for listener in self._listeners:
            listener.on_images(done, total)

    def on_batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """Pass the place in the epoch on."""
        for listener in self._listeners:
            listener.on_batch(epoch, epochs, done, total)

    def on_epoch(self, record: EpochRecord, epochs: int) -> None:
        """Pass a finished epoch on."""
        for listener in self._listeners:
            listener.on_epoch(record, epochs)


class ConsoleProgress:
    """A line per epoch on the console and, on a terminal, a live line with rate and time left.

    ``on_batch`` counts images, so the rate is images per second of training.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._epoch_start = time.monotonic()
        self._seconds_per_epoch: float | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def on_message(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def on_images(self, done: int, total: int) -> None:
        """Show how many images are decoded."""
        self._live.update(Text(f"decoding {done}/{total} images"))

    def on_batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """Show the place in the epoch, images per second and the time left."""
        if epoch_begins := done == 0:
            self._epoch_start = time.monotonic()
        seconds = time.monotonic() - self._epoch_start
        text = f"epoch {epoch}/{epochs}  {done}/{total}"
        if not epoch_begins and seconds > 0:
            text += f"  {done / seconds:.0f} images/s"
        if self._seconds_per_epoch is not None:
            left = self._seconds_per_epoch * (epochs - epoch + 1) - seconds
            text += f"  {_clock(left)} left"
        self._live.update(Text(text))

    def on_epoch(self, record: EpochRecord, epochs: int) -> None:
        """Print the line of a finished epoch."""
        self._seconds_per_epoch = record.seconds
        auc = "" if record.dev_auc is None else f"  AUC {record.dev_auc:.3f}"
        self.on_message(
            f"epoch {record.epoch:>3}/{epochs}"
            f"  train loss {record.train_loss:.3f} accuracy {record.train_accuracy:.3f}"
            f"  dev loss {record.dev_loss:.3f} accuracy {record.dev_accuracy:.3f}{auc}"
            f"  {record.seconds:.1f} s, {_clock(record.seconds * (epochs - record.epoch))} left"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"
