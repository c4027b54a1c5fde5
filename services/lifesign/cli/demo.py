"""``lifesign demo``: the main job, end to end, as a story."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    out: Annotated[
        Path, typer.Option(help="Folder for everything the demo makes; an older demo is replaced.")
    ] = Path("demo-output"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the services running until Ctrl-C.")] = False,
) -> None:
    """Make faces, train, serve, answer, replay; then catch drift and a biased new version."""
    from rich.console import Console

    from lifesign.demo.story import tell

    tell(out, keep=keep, console=Console(stderr=True))
