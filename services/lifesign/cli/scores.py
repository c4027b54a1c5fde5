"""``lifesign scores``: the stored scores of a finished run as a CSV file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lifesign.cli.verdict_command import Command
from lifesign.errors import ConfigurationError

__all__ = ["Command", "command"]


def command(
    run_dir: Annotated[Path, typer.Argument(help="folder of a finished evaluation run")],
    out: Annotated[Path, typer.Option(help="the CSV file to write; it is replaced if it is there")],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="lifesign: for evaluate --predictions and people; bob: for bob pad metrics"
        ),
    ] = "lifesign",
) -> None:
    """Write the scores of a run, one row per sample, with whatever is known of it.

    Exit code: 0 written, 3 could not write.
    """
    from lifesign.evaluation.score_export import ScoreFormat, export_scores

    if form not in set(ScoreFormat):
        raise ConfigurationError(f"--format: expected {' or '.join(ScoreFormat)}, got {form!r}")
    rows = export_scores(run_dir, out, form=ScoreFormat(form))
    print(f"wrote {rows:,} rows to {out}", file=sys.stderr)
