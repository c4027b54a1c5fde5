"""The command ``lifesign``: serve, answer, replay, watch.

Each sub-command lives in a module of its own, and imports its service only when it runs, so that
``lifesign --help`` is quick and the gateway never imports what only the evaluation needs.
Other distributions add commands through the entry-point group ``lifesign.commands``.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lifesign import __version__
from lifesign.errors import LifesignError

__all__ = ["app", "main", "run"]

_COMMANDS = (
    "demo",
    "audit",
    "dataset",
    "serve",
    "gateway",
    "evaluate",
    "report",
    "reanalyse",
    "compare",
    "scores",
    "diagnose",
    "figure",
    "monitor",
)
_ENTRY_POINTS = "lifesign.commands"


_INTERRUPTED = 130


class _LazyGroup(TyperGroup):
    """Imports a sub-command's module when it is asked for, not before."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Typer would leave with this code and not a word.
            print("interrupted", file=sys.stderr)
            raise typer.Exit(_INTERRUPTED) from None

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return [*_COMMANDS, *sorted(point.name for point in entry_points(group=_ENTRY_POINTS))]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002
        function = _load(cmd_name)
        if function is None:
            return None
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, cls=getattr(sys.modules[function.__module__], "Command", None))(function)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=f"Lifesign {__version__}: serve image classifiers, and keep proving that what is served is good.",
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"lifesign {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Hold the sub-commands."""


def run(application: typer.Typer, name: str) -> None:
    """Run an application; a user's mistake is one sentence on stderr and exit code 2, never a traceback."""
    try:
        application(prog_name=name)
    except LifesignError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def main() -> None:
    """Entry point of ``lifesign``."""
    run(app, "lifesign")


def _load(name: str) -> Callable[..., None] | None:
    if name in _COMMANDS:
        return import_module(f"lifesign.cli.{name}").command  # type: ignore[no-any-return]
    for point in entry_points(group=_ENTRY_POINTS, name=name):
        return point.load()  # type: ignore[no-any-return]
    return None
