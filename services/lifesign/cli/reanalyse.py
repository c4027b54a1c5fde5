"""``lifesign reanalyse``: count the stored predictions of a run again, decided, sliced or gated otherwise."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lifesign.cli.options.analysis import AsJson, Judgement, Quiet
from lifesign.cli.options.gates import Gates
from lifesign.cli.options.groups import with_groups
from lifesign.cli.verdict_command import Command

__all__ = ["Command", "command", "reanalyse"]


@with_groups
def command(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished evaluation run")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the new report", show_default="a folder 'again' in the run's"),
    ] = None,
    judgement: Judgement,
    gates: Gates,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make the report of a finished run again from its stored predictions: no model or server is needed.

    What is not given stays as it was. The first report is left as it is.

    Exit code: 0 every gate passed, 1 a gate failed, 2 too little evidence, 3 no report.
    """
    reanalyse(run_dir, out, judgement, gates, quiet=quiet, as_json=as_json)


def reanalyse(
    run_dir: Path, out: Path | None, judgement: Judgement, gates: Gates, *, quiet: bool, as_json: bool
) -> NoReturn:
    """Write the new report, print it, and leave with the code of its verdict."""
    from lifesign.cli.report_summary import print_result
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.reporting import rewrite_report
    from lifesign.memory import use_system_allocator

    use_system_allocator()
    target = out or run_dir / "again"
    document = rewrite_report(run_dir, target, changes=judgement.given(), gates=gates.limits())
    print_result(document, target, as_json=as_json, quiet=quiet)
    print(f"wrote {target / 'report.html'}", file=sys.stderr)
    raise typer.Exit(exit_code(document.verdict))
