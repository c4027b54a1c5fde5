"""The comparison as one self-contained page, in the dress of the report."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from lifesign.evaluation.comparison.document import ComparisonDocument
from lifesign.evaluation.report.document import GateStatus
from lifesign.evaluation.report.page_environment import page_environment
from lifesign.evaluation.report.wording import (
    four,
    limit_words,
    p_value,
    percent,
    points_interval,
    signed_points,
)

__all__ = ["render_comparison"]

_VERDICTS = {
    GateStatus.PASS: "No worse",
    GateStatus.FAIL: "Worse",
    GateStatus.INSUFFICIENT: "Insufficient evidence",
}
_MARGIN_BADGES = {
    "non_inferior": ("pass", "yes"),
    "inferior": ("fail", "no"),
    "undecided": ("insufficient", "open"),
}


def render_comparison(document: ComparisonDocument) -> str:
    """Return the page: no script, no network."""
    page = (
        _environment()
        .get_template("comparison.html.j2")
        .render(
            doc=document,
            css=Markup(_stylesheet()),  # the project's own file, not data
            verdict_word=_VERDICTS[document.verdict],
            margin_badges=_MARGIN_BADGES,
        )
    )
    return page.strip() + "\n"


@cache
def _environment() -> Environment:
    environment = page_environment("lifesign.evaluation.comparison")
    environment.globals.update(
        four=four,
        limit_words=limit_words,
        p_value=p_value,
        percent=percent,
        points_interval=points_interval,
        signed_points=signed_points,
    )
    return environment


@cache
def _stylesheet() -> str:
    return (files("lifesign.evaluation.report") / "templates" / "report.css").read_text("utf-8")
