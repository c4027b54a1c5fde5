"""What a terminal shows of a diagnosis: what was read, then each finding with its proof and what to do."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Finding, Severity
from lifesign.evaluation.diagnosis.wording import headline, reading, title_of

__all__ = ["print_diagnosis"]

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}


def print_diagnosis(evidence: Evidence, findings: Sequence[Finding]) -> None:
    """Print one case for people to stdout."""
    console = Console(width=min(100, Console().width))
    console.print(Rule(Text(evidence.id or "diagnosis"), align="left", style="dim"))
    console.print(Text(headline(findings), style="bold"))
    for sentence in reading(evidence):
        console.print(Text(sentence, style="dim"))
    for finding in findings:
        console.print()
        console.print(
            Text.assemble(
                (f"{finding.severity.value:<8}", _STYLES[finding.severity]),
                (title_of(finding.code), "bold"),
                (f"  {finding.code.value}, {finding.confidence:.0%} sure", "dim"),
            )
        )
        for label, text in (
            ("", finding.evidence),
            ("do       ", finding.remedy),
            ("refuted  ", f"by {finding.refuted_by}" if finding.refuted_by else ""),
            ("not      ", "; ".join(finding.excluded)),
        ):
            if text:
                console.print(Padding(Text.assemble((label, "dim"), text), (0, 0, 0, 8)))
    console.print()
