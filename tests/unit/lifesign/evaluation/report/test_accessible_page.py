"""The page can be read by everyone: structure, names, contrast, keyboard, phone and paper."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from lifesign.evaluation.report.html import render_html

_CSS = (files("lifesign.evaluation.report") / "templates" / "report.css").read_text("utf-8")
_PERFORMANCE = {
    "images_per_second": 1.0,
    "sessions": [{"samples": 9, "seconds": 9.0, "images_per_second": 1.0, "pauses": {"UNAVAILABLE": 2}}],
}
_LIGHT, _DARK = re.findall(r":root \{(.*?)\}", _CSS, re.DOTALL)[:2]


class _Outline(HTMLParser):
    """Headings, regions and table cells in the order of the page."""

    def __init__(self):
        super().__init__()
        self.headings, self.regions, self.cells, self.ids, self.labelled, self.fields = (
            [],
            [],
            [],
            set(),
            [],
            [],
        )

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if values.get("role") == "region":
            self.regions.append(values)
        if tag == "th":
            self.cells.append(values)
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "section":
            self.labelled.append(values)
        if tag in ("input", "label"):
            self.fields.append((tag, values))


_REPORTS = ("full", "ten_classes", "hundred_classes")


@pytest.fixture(params=[*_REPORTS, "comparison_page", "comparison_page_of_classes", "audit_page"])
def outline(request):
    found = request.getfixturevalue(request.param)
    page = _Outline()
    page.feed(render_html(found, performance=_PERFORMANCE) if request.param in _REPORTS else found)
    return page


def test_headings_do_not_skip_a_level(outline):
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(later <= earlier + 1 for earlier, later in steps)


def test_every_section_is_named_by_a_heading_that_exists(outline):
    assert len(outline.labelled) > 4
    assert {one["aria-labelledby"] for one in outline.labelled} <= outline.ids


def test_what_scrolls_has_a_name_and_can_be_reached_by_keyboard(outline):
    assert outline.regions
    assert all(one["aria-label"] and one["tabindex"] == "0" for one in outline.regions)


def test_header_cells_say_what_they_head(outline):
    assert outline.cells
    assert {one.get("scope") for one in outline.cells} <= {"row", "col"}


def test_every_choice_has_a_label(outline):
    wanted = {values["id"] for tag, values in outline.fields if tag == "input"}
    assert wanted == {values["for"] for tag, values in outline.fields if tag == "label"}


def _colours(block):
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))


def _luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _mixed(colour, ground, share):
    pairs = zip(
        (int(colour[start : start + 2], 16) for start in (1, 3, 5)),
        (int(ground[start : start + 2], 16) for start in (1, 3, 5)),
        strict=True,
    )
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in pairs)


_PAIRS = [
    *((text, ground) for text in ("ink", "soft", "accent") for ground in ("paper", "card", "wash")),
    *((text, ground) for text in ("pass", "fail", "open") for ground in ("card", f"{text}-wash")),
    *(("ink", f"{ground}-wash") for ground in ("pass", "fail", "open")),
    ("soft", "fail-wash"),
    ("accent", "accent-wash"),
    *(
        (badge, ground)
        for badge in ("pass", "fail", "open")
        for ground in ("pass-wash", "fail-wash", "open-wash")
    ),
]


@pytest.mark.parametrize("scheme", [_LIGHT, _DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), dict.fromkeys(_PAIRS), ids="-on-".join)
def test_text_stands_out_from_its_ground(scheme, text, ground):
    colours = _colours(_LIGHT) | _colours(scheme)
    assert _contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", [_LIGHT, _DARK], ids=["light", "dark"])
@pytest.mark.parametrize("cell", ["bona", "attack"])
def test_counts_stand_out_from_the_fullest_cell(scheme, cell):
    colours = _colours(scheme)
    ground = _mixed(colours[cell], colours["card"], 0.42)
    assert _contrast(_mixed(colours["ink"], ground, _small_opacity()), ground) >= 4.5


def _small_opacity():
    """The shares in matrix cells are a little transparent."""
    return float(re.search(r"table\.matrix td span \{[^}]*opacity: ([.\d]+)", _CSS)[1])


@pytest.mark.parametrize("scheme", [_LIGHT, _DARK], ids=["light", "dark"])
def test_curves_stand_out_from_the_card(scheme):
    colours = _colours(scheme)
    curves = [colours[f"s{index}"] for index in range(8)]
    assert all(_contrast(curve, colours["card"]) >= 3 for curve in curves)
    assert len(set(curves)) == 8


def test_focus_is_visible_and_motion_can_be_refused():
    assert ":focus-visible" in _CSS
    assert "prefers-reduced-motion" in _CSS


def test_paper_shows_what_is_folded_and_nothing_to_click():
    paper = _CSS[_CSS.index("@media print") :]
    assert "details::details-content" in paper
    assert re.search(r"nav[^{]*\{ display: none", paper)
    assert "overflow: visible" in paper


@pytest.mark.parametrize("name", ["full", "hundred_classes"])
def test_every_figure_has_a_table_behind_it(request, name):
    document = request.getfixturevalue(name)
    text = render_html(document)
    sections = {
        part.split('"', 1)[0]: part for part in re.split(r'<section id="', text)[1:] if "<figure" in part
    }
    assert {"curves", "calibration"} <= set(sections)
    assert all("<table" in part for part in sections.values())
