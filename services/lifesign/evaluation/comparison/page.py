"""The comparison as one self-contained page, in the dress of the report."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from jinja2 import Environment

from lifesign.evaluation.comparison.document import AreaChange, ClassChange, ComparisonDocument
from lifesign.evaluation.report.document import GateStatus
from lifesign.evaluation.report.page_environment import finished_page, page_environment, stylesheet
from lifesign.evaluation.report.pictures import Thumbnails, flip_examples
from lifesign.evaluation.report.wording import (
    four,
    limit_words,
    p_value,
    percent,
    points_interval,
    signed_points,
)

__all__ = ["left_out_words", "render_comparison"]

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

_SECTIONS = (
    ("verdict", "Verdict"),
    ("compared", "What was compared"),
    ("errors", "Error rates"),
    ("classes", "Classes"),
    ("areas", "Areas under the curve"),
    ("flipped", "Changed decisions"),
    ("read", "How to read this"),
)
_ALPHA = 0.05
_SHOWN = 12  # rows of a long table that are not folded away


_Row = TypeVar("_Row", AreaChange, ClassChange)


@dataclass(frozen=True)
class _View(Generic[_Row]):
    """Rows of a table, the surest changes first, and a sentence that counts the sure ones."""

    rows: Sequence[_Row]
    worse: Sequence[_Row]
    sentence: str

    @property
    def first(self) -> Sequence[_Row]:
        """The rows that are always seen: all, or the first of many."""
        return self.rows if len(self.rows) <= _SHOWN + 3 else self.rows[:_SHOWN]

    @property
    def rest(self) -> Sequence[_Row]:
        """The rows that are folded away."""
        return self.rows[len(self.first) :]


def render_comparison(document: ComparisonDocument, *, thumbnails: Thumbnails | None = None) -> str:
    """Return the page: no script, no network.

    ``thumbnails`` gives the image file behind a path, or ``None``; without it there are no pictures.
    """
    page = (
        _environment()
        .get_template("comparison.html.j2")
        .render(
            doc=document,
            css=stylesheet(),
            verdict_word=_VERDICTS[document.verdict],
            margin_badges=_MARGIN_BADGES,
            sections=[one for one in _SECTIONS if one[0] != "classes" or document.classes],
            classes=_class_view(document),
            areas=_area_view(document),
            left_out=left_out_words(document),
            flips=flip_examples(document.flipped, thumbnails),
        )
    )
    return finished_page(page)


def left_out_words(document: ComparisonDocument) -> str:
    """Return which samples are not compared, and why."""
    found = document.left_out
    if found is None:
        return f"Left out: {document.only_baseline:,} of A and {document.only_current:,} of B."
    return (
        f"Left out: {found.absent_in_current:,} of A that are not in B, {found.absent_in_baseline:,} of B "
        f"that are not in A; of those in both, A did not answer {found.unanswered_by_baseline:,} and B "
        f"{found.unanswered_by_current:,}."
    )


def _class_view(document: ComparisonDocument) -> _View[ClassChange]:
    rows = sorted(document.classes, key=lambda row: (_or_one(row.p_value), row.newly_right - row.newly_wrong))
    sure = [row for row in rows if _or_one(row.p_value) <= _ALPHA]
    worse = [row for row in sure if row.newly_wrong > row.newly_right]
    return _View(
        rows, worse, _sentence("classes", rows, sure, worse, "B misses {} more often and {} less often")
    )


def _area_view(document: ComparisonDocument) -> _View[AreaChange]:
    rows = document.areas
    if len(rows) > _SHOWN:
        rows = tuple(sorted(rows, key=lambda row: (_or_one(row.corrected_p_value), row.difference or 0.0)))
    sure = [row for row in rows if row.difference is not None and _or_one(row.corrected_p_value) <= _ALPHA]
    worse = [row for row in sure if (row.difference or 0.0) < 0]
    return _View(rows, worse, _sentence("curves", rows, sure, worse, "B ranks {} worse and {} better"))


def _or_one(p: float | None) -> float:
    return 1.0 if p is None else p


def _sentence(noun: str, rows: Sized, sure: Sized, worse: Sized, words: str) -> str:
    """Return ``Of 100 classes, B misses 3 more often and none less often, …``; empty for a single row."""
    if len(rows) < 2:
        return ""
    counts = (str(count or "none") for count in (len(worse), len(sure) - len(worse)))
    return f"Of {len(rows)} {noun}, {words.format(*counts)}, each with a corrected p of at most {_ALPHA:g}."


def _signed_four(number: float | None) -> str:
    return "–" if number is None else f"{number:+.4f}".replace("-", "−")


@cache
def _environment() -> Environment:
    environment = page_environment("lifesign.evaluation.comparison")
    environment.globals.update(
        four=four,
        limit_words=limit_words,
        p_value=p_value,
        percent=percent,
        signed_four=_signed_four,
        points_interval=points_interval,
        signed_points=signed_points,
    )
    return environment
