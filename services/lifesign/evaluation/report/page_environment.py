"""How templates become pages: the same for the report and for the pages that share its look."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

__all__ = ["finished_page", "page_environment", "stylesheet"]

_REPORT = "lifesign.evaluation.report"


def page_environment(*packages: str) -> Environment:
    """Return an environment with the templates of ``packages``, then those of the report.

    Everything is escaped, and a name that a template does not know is an error, not an empty word.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, _REPORT)]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def stylesheet() -> Markup:
    """Return the style of the report for the head of a page."""
    # Not to be escaped: the project's own file, not data.
    return Markup((files(_REPORT) / "templates" / "report.css").read_text("utf-8"))


def finished_page(page: str) -> str:
    """Return a page as it is written: a number and its percent sign never part at the end of a line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", page).strip() + "\n"
