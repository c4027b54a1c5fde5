"""Diagnoses as one self-contained page, in the dress of the report."""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment

from lifesign import __version__
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Finding, Severity
from lifesign.evaluation.diagnosis.page_classes import class_figures, matrix_view
from lifesign.evaluation.diagnosis.page_figures import curve_figures
from lifesign.evaluation.diagnosis.wording import first_step, headline, no_worries, percent, reading, title_of
from lifesign.evaluation.report.page_environment import finished_page, page_environment, stylesheet

__all__ = ["render_diagnoses"]

_BADGES = {Severity.ERROR: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}


def render_diagnoses(found: Sequence[tuple[Evidence, Sequence[Finding]]]) -> str:
    """Return the page of one or several cases: no script, no network."""
    cases = [
        {
            "id": evidence.id or "diagnosis",
            "anchor": f"case-{number}",
            "headline": headline(findings),
            "verdict": _verdict(findings),
            "reading": reading(evidence),
            "findings": findings,
            "figures": [*curve_figures(evidence, findings), *class_figures(evidence)],
            "matrix": matrix_view(evidence),
            "first_step": first_step(findings),
            "no_worries": no_worries(evidence, findings),
            "remarks": evidence.remarks,
        }
        for number, (evidence, findings) in enumerate(found, start=1)
    ]
    page = (
        _environment()
        .get_template("diagnosis.html.j2")
        .render(cases=cases, css=stylesheet(), badges=_BADGES, version=__version__)
    )
    return finished_page(page)


def _verdict(findings: Sequence[Finding]) -> str:
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return "fail"
    return "insufficient" if Severity.WARNING in severities else "pass"


@cache
def _environment() -> Environment:
    environment = page_environment("lifesign.evaluation.diagnosis")
    environment.globals.update(title_of=title_of, percent=percent)
    return environment
