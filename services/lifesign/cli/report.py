"""``lifesign report``: the page of a report that was written earlier, by this release or an older one."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lifesign.cli.evaluate import CANNOT_EVALUATE, Command
from lifesign.cli.options import analysis, gates
from lifesign.cli.reanalyse import given_options, reanalyse
from lifesign.errors import LifesignError

__all__ = ["Command", "command"]


def command(
    source: Annotated[Path, typer.Argument(help="folder of an evaluation run, or a report.json")],
    out: Annotated[
        Path | None,
        typer.Option(help="folder for page and report", show_default="the page goes beside the report"),
    ] = None,
    threshold: analysis.Threshold = None,
    operating_point: analysis.OperatingPoint = None,
    baseline: analysis.Baseline = None,
    slices: analysis.Slices = None,
    max_apcer: gates.MaxApcer = None,
    max_bpcer: gates.MaxBpcer = None,
    min_accuracy: gates.MinAccuracy = None,
    max_group_gap: gates.MaxGroupGap = None,
    quiet: analysis.Quiet = False,
    as_json: analysis.AsJson = False,
) -> None:
    """Render the page of a stored report again; the numbers stay as they are.

    With a threshold, an operating point, a baseline, slices or gates the stored predictions are counted
    again, as by lifesign reanalyse, into a folder 'again' in the run's.

    Exit code: that of the report: 0 pass, 1 fail, 2 insufficient evidence; 3 no report.
    """
    changes = given_options(
        threshold=threshold,
        operating_point=operating_point,
        slices=analysis.slices_of(slices),
        baseline=baseline,
    )
    limits = given_options(
        max_apcer=max_apcer, max_bpcer=max_bpcer, min_accuracy=min_accuracy, max_group_gap=max_group_gap
    )
    if changes or limits:
        reanalyse(source, out, changes=changes, limits=limits, quiet=quiet, as_json=as_json)
    _render(source, out, quiet=quiet, as_json=as_json)


def _render(source: Path, out: Path | None, *, quiet: bool, as_json: bool) -> None:
    from lifesign.cli.report_summary import print_result
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.rendering import render_again

    try:
        document, page = render_again(source, out)
    except LifesignError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(CANNOT_EVALUATE) from None
    print_result(document, page.parent, as_json=as_json, quiet=quiet)
    print(f"wrote {page}", file=sys.stderr)
    raise typer.Exit(exit_code(document.verdict))
