"""``lifesign-train compare``: histories overlaid, and a table."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lifesign_training.cli.options import AsJson
from lifesign_training.cli.output import number

__all__ = ["compare"]

_WIDTH = 200  # numbers are never broken; a narrow terminal wraps whole lines


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or Keras histories saved as JSON.")],
    out: Annotated[
        Path, typer.Option(help="Folder for comparison.png and .svg.", show_default="this folder")
    ] = Path(),
    json_: AsJson = False,
) -> None:
    """Overlay accuracy, loss and mean squared error of several trainings, and print what each came to."""
    from lifesign_training.comparison import comparison_rows, read_runs
    from lifesign_training.comparison_figure import draw_comparison

    compared = read_runs(runs)
    draw_comparison(compared, out)
    rows = comparison_rows(compared)
    if json_:
        print(json.dumps({"runs": rows, "figure": str(out / "comparison.png")}, indent=1))
        return
    Console(width=_WIDTH).print(_table(rows))
    print(f"figure: {out / 'comparison.png'}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for key in rows[0]:
        table.add_column(key.replace("_", " "), justify="left" if key == "run" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*("–" if value is None else number(value) for value in row.values()))
    return table
