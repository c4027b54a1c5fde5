"""``lifesign report``: the page of a report that was written earlier, by this release or an older one."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lifesign.cli.options.analysis import AsJson, Judgement, Quiet
from lifesign.cli.options.gates import Gates
from lifesign.cli.options.groups import with_groups
from lifesign.cli.reanalyse import reanalyse
from lifesign.cli.verdict_command import Command

__all__ = ["Command", "command"]


@with_groups
def command(
    source: Annotated[Path, typer.Argument(help="folder of an evaluation run, or a report.json")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for page and report", show_default="the page goes beside the report"),
    ] = None,
    judgement: Judgement,
    gates: Gates,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Render the page of a stored report again; the numbers stay as they are.

    With a threshold, slices, a gate or any other option that changes numbers, the stored predictions are
    counted again, as by lifesign reanalyse, into a folder 'again' in the run's.

    Exit code: that of the report: 0 pass, 1 fail, 2 insufficient evidence; 3 no report.
    """
    if judgement.given() or gates.limits():
        reanalyse(source, out, judgement, gates, quiet=quiet, as_json=as_json)
    _render(source, out, quiet=quiet, as_json=as_json)


def _render(source: Path, out: Path | None, *, quiet: bool, as_json: bool) -> NoReturn:
    from lifesign.cli.report_summary import print_result
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.rendering import render_again

    document, page = render_again(source, out)
    print_result(document, page.parent, as_json=as_json, quiet=quiet)
    print(f"wrote {page}", file=sys.stderr)
    raise typer.Exit(exit_code(document.verdict))
