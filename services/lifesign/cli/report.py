"""``lifesign report``: make the report of a finished run again, from its stored predictions alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lifesign.cli.evaluate import Command

__all__ = ["Command", "command"]


def command(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished evaluation run")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the new report; default: a folder 'again' in the run's")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="decide bona fide at this score, 0 to 1")
    ] = None,
    operating_point: Annotated[
        str | None, typer.Option(help="decide at this operating point of the model card")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="run folder to compare with, sample by sample")
    ] = None,
    slices: Annotated[
        str | None, typer.Option(help="metadata columns to slice by, joined by commas; default: as before")
    ] = None,
    max_apcer: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="gate: largest APCER of any species, 0 to 1")
    ] = None,
    max_bpcer: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="gate: largest BPCER, 0 to 1")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="gate: smallest accuracy, 0 to 1")
    ] = None,
    max_group_gap: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="gate: largest gap between one group and the rest")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the whole report as JSON")] = False,
) -> None:
    """Make the report of a finished run again, with another threshold, baseline, slices or gates.

    No model server is needed. Exit code: 0 pass, 1 fail, 2 insufficient evidence, 3 no report.
    """
    from rich.console import Console

    from lifesign.errors import LifesignError
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.reporting import rewrite_report

    changes = {
        "threshold": threshold,
        "operating_point": operating_point,
        "baseline": baseline,
        "slices": None if slices is None else tuple(one.strip() for one in slices.split(",") if one.strip()),
    }
    gates = {
        "max_apcer": max_apcer,
        "max_bpcer": max_bpcer,
        "min_accuracy": min_accuracy,
        "max_group_gap": max_group_gap,
    }
    target = out or run_dir / "again"
    messages = Console(stderr=True)
    try:
        document = rewrite_report(run_dir, target, changes=_given(changes), gates=_given(gates))
    except LifesignError as error:
        messages.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(3) from None
    if as_json:
        print(document.to_json(), end="")
    else:
        print(f"{document.verdict.value.upper()}: {document.verdict_sentence}")
        for alert in document.alerts:
            print(f"{alert.severity.value}: {alert.title}. {alert.sentence}")
    messages.print(f"wrote {target / 'report.html'}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(document.verdict))


def _given(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}
