"""Groups of options: a command has the options of a group in its place, and gets one value of it."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from lifesign.cli.options.groups import field_names, given_options, with_groups


@dataclass(frozen=True)
class Limits:
    """Two limits."""

    low: Annotated[float | None, typer.Option(help="the low one")] = None
    high: Annotated[float, typer.Option(help="the high one")] = 1.0


@pytest.fixture
def application() -> typer.Typer:
    application = typer.Typer(rich_markup_mode=None)

    @application.command()
    @with_groups
    def command(
        context: typer.Context,
        name: Annotated[str, typer.Argument()],
        *,
        limits: Limits,
        loud: Annotated[bool, typer.Option("--loud")] = False,
    ) -> None:
        """Say it all."""
        source = context.get_parameter_source("low")
        print(name, limits, loud, None if source is None else source.name)

    return application


def test_a_group_is_given_whole(application: typer.Typer) -> None:
    ended = CliRunner().invoke(application, ["me", "--low", "0.5", "--loud"])

    assert ended.stdout == "me Limits(low=0.5, high=1.0) True COMMANDLINE\n"


def test_defaults_are_those_of_the_group(application: typer.Typer) -> None:
    assert CliRunner().invoke(application, ["me"]).stdout == "me Limits(low=None, high=1.0) False DEFAULT\n"


def test_the_help_lists_the_options_in_the_place_of_the_group(application: typer.Typer) -> None:
    text = CliRunner().invoke(application, ["--help"]).stdout

    assert "Say it all." in text
    assert text.index("--low") < text.index("--high") < text.index("--loud")
    assert "the low one" in text
    assert "--limits" not in text


def test_what_was_not_given_is_left_out() -> None:
    assert field_names(Limits) == ("low", "high")
    assert given_options(low=None, high=0.0, names=()) == {"high": 0.0, "names": ()}
