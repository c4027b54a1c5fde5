"""``lifesign reanalyse``: count the stored predictions of a run again, decided, sliced or gated otherwise."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lifesign.cli.evaluate import CANNOT_EVALUATE, Command
from lifesign.cli.options import analysis, gates
from lifesign.errors import LifesignError

__all__ = ["Command", "Out", "RunDir", "command", "given_options", "reanalyse"]

RunDir = Annotated[Path, typer.Argument(help="folder of a finished evaluation run")]
Out = Annotated[
    Path | None, typer.Option(help="folder for the new report", show_default="a folder 'again' in the run's")
]


def command(
    run_dir: RunDir,
    out: Out = None,
    threshold: analysis.Threshold = None,
    operating_point: analysis.OperatingPoint = None,
    slices: analysis.Slices = None,
    aggregate: analysis.Aggregate = None,
    baseline: analysis.Baseline = None,
    profile: analysis.ProfileName = None,
    superclasses: analysis.Superclasses = None,
    max_apcer: gates.MaxApcer = None,
    max_bpcer: gates.MaxBpcer = None,
    min_accuracy: gates.MinAccuracy = None,
    min_auc: gates.MinAuc = None,
    max_no_response: gates.MaxNoResponse = None,
    max_group_gap: gates.MaxGroupGap = None,
    regression_margin: gates.RegressionMargin = None,
    drift_gate: gates.DriftGate = False,
    quiet: analysis.Quiet = False,
    as_json: analysis.AsJson = False,
) -> None:
    """Make the report of a finished run again from its stored predictions: no model or server is needed.

    What is not given stays as it was. The first report is left as it is.

    Exit code: 0 every gate passed, 1 a gate failed, 2 too little evidence, 3 no report.
    """
    changes = given_options(
        threshold=threshold,
        operating_point=operating_point,
        slices=analysis.slices_of(slices),
        aggregate=aggregate,
        baseline=baseline,
        profile=profile,
        superclasses=superclasses,
    )
    limits = given_options(
        max_apcer=max_apcer,
        max_bpcer=max_bpcer,
        min_accuracy=min_accuracy,
        min_auc=min_auc,
        max_no_response=max_no_response,
        max_group_gap=max_group_gap,
        regression_margin=regression_margin,
        drift=drift_gate or None,
    )
    reanalyse(run_dir, out, changes=changes, limits=limits, quiet=quiet, as_json=as_json)


def given_options(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def reanalyse(
    run_dir: Path,
    out: Path | None,
    *,
    changes: Mapping[str, Any],
    limits: Mapping[str, Any],
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the new report, print it, and leave with the code of its verdict."""
    from lifesign.cli.report_summary import print_result
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.reporting import rewrite_report

    target = out or run_dir / "again"
    try:
        document = rewrite_report(run_dir, target, changes=changes, gates=limits)
    except LifesignError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(CANNOT_EVALUATE) from None
    print_result(document, target, as_json=as_json, quiet=quiet)
    print(f"wrote {target / 'report.html'}", file=sys.stderr)
    raise typer.Exit(exit_code(document.verdict))
