"""What a terminal shows of a diagnosis: what the figures say, what to try, each finding with its proof."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Finding, Severity
from lifesign.evaluation.diagnosis.wording import first_step, headline, no_worries, reading, title_of

__all__ = ["print_diagnosis"]

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}


def print_diagnosis(evidence: Evidence, findings: Sequence[Finding]) -> None:
    """Print one case for people to stdout."""
    console = Console(width=min(100, Console().width), highlight=False)
    console.print(Rule(Text(evidence.id or "diagnosis"), align="left", style="dim"))
    console.print(Text(headline(findings), style="bold"))
    console.print()
    for sentence in reading(evidence):
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    step = first_step(findings)
    if step:
        console.print()
        console.print(Text("Try first: ", style="bold").append(step, style="not bold"))
    for finding in findings:
        console.print()
        _print_finding(console, finding)
    for title, sentences in (
        ("No need to worry", no_worries(evidence, findings)),
        ("Left out", evidence.remarks),
    ):
        if sentences:
            console.print()
            console.print(Text(title, style="bold"))
            for sentence in sentences:
                console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    console.print()


def _print_finding(console: Console, finding: Finding) -> None:
    console.print(
        Text.assemble(
            (f"{finding.severity.value:<8}", _STYLES[finding.severity]),
            (title_of(finding.code), "bold"),
            (f"  {finding.code.value}, {finding.confidence:.0%} sure", "dim"),
        )
    )
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", min_width=7)
    table.add_column()
    for label, text in (
        ("why", finding.evidence),
        ("do", finding.remedy),
        ("refuted", f"by {finding.refuted_by}" if finding.refuted_by else ""),
        ("it is", f"not {'; not '.join(finding.excluded)}" if finding.excluded else ""),
    ):
        if text:
            table.add_row(label, Text(text))
    console.print(table)
