"""The page of an audit, in the clothes of the report: self-contained, no script, light and dark, print."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from lifesign.evaluation.audit.findings import AuditReport, Severity
from lifesign.evaluation.audit.shortcuts import LEAKING_AUC
from lifesign.evaluation.report.page_environment import finished_page, page_environment, stylesheet
from lifesign.evaluation.report.pictures import thumbnail_uri
from lifesign.evaluation.report.wording import percent

__all__ = ["render_audit", "verdict_sentence"]

_MAX_PICTURES = 60

Pictures = Callable[[str], bytes | None]


def render_audit(report: AuditReport, *, pictures: Pictures | None = None) -> str:
    """Return the page; ``pictures`` gives the image file of a sample id, and none are shown without it."""
    page = (
        _environment()
        .get_template("audit.html.j2")
        .render(
            doc=report,
            css=_stylesheet(),
            word=_word(report),
            kind="fail" if report.blocked else "insufficient" if _count(report, Severity.WARNING) else "pass",
            sentence=verdict_sentence(report),
            sections=_sections(report),
            tiles=_tiles(report),
            pictures=_thumbnails(report, pictures),
            leaking=LEAKING_AUC,
        )
    )
    return finished_page(page)


def verdict_sentence(report: AuditReport) -> str:
    """Return in a sentence whether this set can be used."""
    blocking = sum(one.blocks for one in report.findings)
    warnings, notes = _count(report, Severity.WARNING), _count(report, Severity.INFO)
    size = f"{report.samples:,} samples"
    if blocking:
        return (
            f"{blocking} {_plural('finding', blocking)} in {size} must be resolved before training or "
            f"believing a result; {warnings} {_plural('warning', warnings)} beside."
        )
    if warnings:
        return f"Nothing in {size} forbids their use; {warnings} {_plural('warning', warnings)} to weigh."
    return f"Nothing wrong was found in {size}" + (f"; {notes} to be known." if notes else ".")


def _word(report: AuditReport) -> str:
    if report.blocked:
        return "Blocked"
    return "Warnings" if _count(report, Severity.WARNING) else "Clean"


def _count(report: AuditReport, severity: Severity) -> int:
    return sum(one.severity is severity and not one.blocks for one in report.findings)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


@cache
def _environment() -> Environment:
    environment = page_environment("lifesign.evaluation.audit")
    environment.globals.update(percent=percent, number=_number, bar=_bar)
    return environment


@cache
def _stylesheet() -> Markup:
    own = (files("lifesign.evaluation.audit") / "templates" / "audit.css").read_text("utf-8")
    return stylesheet() + Markup(own)


def _sections(report: AuditReport) -> list[tuple[str, str]]:
    every = (
        ("verdict", "Verdict", True),
        ("findings", "Findings", True),
        ("splits", "Samples", True),
        ("shortcuts", "Shortcuts", bool(report.shortcuts)),
        ("suspects", "Suspected labels", bool(report.suspects)),
        ("shifts", "Size and quality", bool(report.shifts)),
        ("coverage", "Coverage", bool(report.coverage)),
        ("decoding", "Decoding", True),
        ("checks", "Checks", True),
    )
    return [(anchor, label) for anchor, label, there in every if there]


def _tiles(report: AuditReport) -> list[dict[str, str]]:
    blocking = sum(one.blocks for one in report.findings)
    splits = [name for name in dict.fromkeys(row.split for row in report.splits) if name]
    return [
        {"name": "Samples", "value": f"{report.samples:,}", "note": f"{report.readable:,} could be decoded"},
        {"name": "Splits", "value": str(len(splits) or "none"), "note": ", ".join(splits) or "none named"},
        {"name": "Blocking", "value": str(blocking), "note": "make results untrue"},
        {"name": "Warnings", "value": str(_count(report, Severity.WARNING)), "note": "make results doubtful"},
        {"name": "Notes", "value": str(_count(report, Severity.INFO)), "note": "to be known"},
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _bar(value: float | None) -> Markup:
    """Return a bar over AUC 0.5 to 1 (what is below 0.5 tells nothing out of fold)."""
    if value is None:
        return Markup("")
    share = round(min(1.0, max(0.0, (value - 0.5) * 2)) * 120, 1)
    css = "bad" if value > LEAKING_AUC else "good"
    limit = round((LEAKING_AUC - 0.5) * 240, 1)
    # Numbers of our own only: nothing here to escape.
    return Markup(
        f'<svg viewBox="0 0 120 14" role="img" aria-label="AUC {value:.2f} on a scale from 0.5 to 1">'
        f'<line x1="0" y1="7" x2="120" y2="7" class="track"/>'
        f'<rect x="0" y="4" width="{share}" height="6" class="bar {css}"/>'
        f'<line x1="{limit}" y1="1" x2="{limit}" y2="13" class="axis"/></svg>'
    )


def _thumbnails(report: AuditReport, pictures: Pictures | None) -> dict[str, str]:
    """Return data URIs by sample id, of the samples that examples name."""
    if pictures is None:
        return {}
    wanted = [
        sample for finding in report.findings for example in finding.examples for sample in example.samples
    ]
    wanted = list(dict.fromkeys([*wanted, *(one.sample_id for one in report.suspects)]))[:_MAX_PICTURES]
    read = ((sample, pictures(sample)) for sample in wanted)
    made = {sample: thumbnail_uri(data) for sample, data in read if data is not None}
    return {sample: uri for sample, uri in made.items() if uri is not None}
