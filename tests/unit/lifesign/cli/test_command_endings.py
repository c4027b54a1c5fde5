"""How commands end when they end badly: one sentence, and a code that looks like no verdict."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from lifesign import __version__
from lifesign.cli import app
from lifesign.cli.verdict_command import Command
from lifesign.errors import StorageError

_INTERRUPTED = """
import signal
from lifesign.cli import dataset, main
def command(data: str) -> None:
    signal.raise_signal(signal.SIGINT)
command.__module__ = dataset.__name__
dataset.command = command
main()
"""


def test_an_interrupted_command_says_so_and_leaves_with_130() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, "dataset", "x"], capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (StorageError("the disk is full"), "error: the disk is full\n"),
        (ZeroDivisionError("a defect"), "ZeroDivisionError: a defect\n"),
        (typer.BadParameter("no such thing"), "no such thing"),
    ],
    ids=["expected", "defect", "usage"],
)
def test_what_ends_without_a_verdict_leaves_with_3(error: Exception, says: str) -> None:
    single = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @single.command(cls=Command)
    def command() -> None:
        raise error

    ended = CliRunner().invoke(single)

    assert (ended.exit_code, ended.stdout) == (3, "")
    assert says in ended.stderr
    assert ("Traceback" in ended.stderr) == isinstance(error, ZeroDivisionError)


def test_the_version_is_told() -> None:
    ended = CliRunner().invoke(app, ["--version"])

    assert (ended.exit_code, ended.stdout) == (0, f"lifesign {__version__}\n")
