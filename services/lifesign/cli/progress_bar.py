"""A bar of images on a terminal; nothing where there is none."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["images_bar"]


@contextlib.contextmanager
def images_bar(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` images are done and how fast; give the function that advances it."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=total, rate="")

    def advance(count: int) -> None:
        bar.update(task, advance=count)
        speed = bar.tasks[0].speed
        if speed:
            bar.update(task, rate=f"{speed:,.0f} images/s")

    with bar:
        yield advance
