"""What a terminal shows of a comparison: the verdict, changes with their intervals, flipped samples."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifesign.evaluation.comparison.document import AreaChange, ComparisonDocument
from lifesign.evaluation.comparison.page import left_out_words
from lifesign.evaluation.report.wording import four, p_value, percent, points_interval, signed_points

__all__ = ["print_comparison"]

_SHOWN = 10
_MARGIN = {"non_inferior": "no worse", "inferior": "WORSE", "undecided": "open"}


def print_comparison(document: ComparisonDocument) -> None:
    """Print a summary for people to stdout."""
    console = Console()
    console.print(
        Text(f"{document.verdict.value.upper()}: {document.verdict_sentence}", style="bold"), soft_wrap=True
    )
    console.print(
        Text(f"{document.common_samples:,} samples answered by both. {left_out_words(document)}"),
        soft_wrap=True,
    )
    console.print(_errors(document))
    console.print(_areas(document))
    if len(document.areas) > _SHOWN:
        console.print(
            Text(f"{len(document.areas) - _SHOWN} further curves are in comparison.json and .html (--out)"),
            soft_wrap=True,
        )
    console.print(
        Text(f"{document.regressions:,} newly wrong, {document.improvements:,} newly right"), soft_wrap=True
    )
    for row in document.flipped[:_SHOWN]:
        change = "worse" if row.regression else "better"
        species = f" ({row.species})" if row.species else ""
        scores = f"{four(row.baseline_score)} → {four(row.current_score)}"
        console.print(Text(f"  {change}: {row.sample_id} {row.label}{species} {scores}"), soft_wrap=True)


def _errors(document: ComparisonDocument) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("error rate", "A", "B", "points, 95 % interval", "McNemar p, corrected", "margin"):
        table.add_column(name, overflow="fold")
    for row in document.errors:
        change = "–"
        if row.difference is not None and row.lower is not None and row.upper is not None:
            change = (
                f"{_bare(signed_points(row.difference))} ({_bare(points_interval(row.lower, row.upper))})"
            )
        table.add_row(
            Text(row.metric),
            Text(percent(row.baseline)),
            Text(percent(row.current)),
            Text(change),
            Text(p_value(row.p_value)),
            Text(_MARGIN[row.non_inferiority]),
        )
    return table


def _bare(points: str) -> str:
    return points.removesuffix(" points")


def _areas(document: ComparisonDocument) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("area under the curve", "A", "B", "change, 95 % interval", "DeLong p"):
        table.add_column(name, overflow="fold")
    rows = sorted(document.areas, key=_least_likely_first) if len(document.areas) > _SHOWN else document.areas
    for row in rows[:_SHOWN]:
        change = "–"
        if row.difference is not None and row.lower is not None and row.upper is not None:
            change = f"{row.difference:+.4f} ({row.lower:+.4f} to {row.upper:+.4f})"
        table.add_row(
            Text(row.name),
            Text(four(row.baseline)),
            Text(four(row.current)),
            Text(change),
            Text(p_value(row.p_value)),
        )
    return table


def _least_likely_first(row: AreaChange) -> tuple[bool, float, float]:
    return row.p_value is None, row.p_value or 0.0, row.difference or 0.0
