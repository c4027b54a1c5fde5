"""What a terminal shows of a report: the verdict, the rates with their intervals, the alerts, the files."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifesign.evaluation.report.document import PadDocument, ReportDocument, Value

__all__ = ["print_result"]


def print_result(document: ReportDocument, run_dir: Path, *, as_json: bool, quiet: bool) -> None:
    """Print to stdout: the report as JSON, or a summary for people, or nothing."""
    if as_json:
        print(document.to_json(), end="")
    elif not quiet:
        _print_summary(Console(), document, run_dir)


def _print_summary(console: Console, document: ReportDocument, run_dir: Path) -> None:
    console.print(Text(document.verdict_sentence, style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value, 95 % interval")
    for metric, value in _rows(document):
        table.add_row(Text(metric), Text(value))
    console.print(table)
    for alert in document.alerts:
        console.print(Text(f"{alert.severity}: {alert.title}: {alert.sentence}"), soft_wrap=True)
    console.print(Text(f"report: {run_dir / 'report.html'} and {run_dir / 'report.json'}"), soft_wrap=True)


def _rows(document: ReportDocument) -> Iterator[tuple[str, str]]:
    accounting = document.accounting
    subject = document.subject
    unit = "samples" if subject.frames is None else "presentations"
    yield unit, f"{accounting.total:,} ({accounting.no_response:,} without response)"
    if subject.frames is not None:
        yield "frames", f"{subject.frames:,}, one score per presentation: the {subject.aggregate}"
    if accounting.reasons:
        reasons = ", ".join(f"{name} {count:,}" for name, count in sorted(accounting.reasons.items()))
        yield "no response", reasons
    yield "accuracy", _value(document.accuracy, percent=True)
    model = document.model
    if model.threshold is not None:
        where = f"{model.threshold_source}: {model.threshold_criterion}"
        yield "threshold", f"{model.threshold:.6g} ({where})"
    if document.pad is not None:
        yield from _pad_rows(document.pad)
    for curve in document.roc:
        yield f"AUC {curve.name}", _value(curve.auc, percent=False)


def _pad_rows(pad: PadDocument) -> Iterator[tuple[str, str]]:
    yield "BPCER", pad.bpcer.text
    for species in pad.species:
        if species.species != "bona_fide":
            yield f"APCER {species.species}", species.apcer.text
    worst = f" ({pad.apcer_max_species})" if pad.apcer_max_species else ""
    yield f"APCER max{worst}", pad.apcer_max.text
    if pad.eer.value is not None:
        yield "EER", f"{pad.eer.value:.2%} at threshold {pad.eer.threshold:.4g} ({pad.eer.threshold_source})"


def _value(value: Value, *, percent: bool) -> str:
    style = ".2%" if percent else ".4f"
    if value.value is None:
        return "undefined"
    if value.lower is None or value.upper is None:
        return f"{value.value:{style}}"
    return f"{value.value:{style}} ({value.lower:{style}}–{value.upper:{style}})"
