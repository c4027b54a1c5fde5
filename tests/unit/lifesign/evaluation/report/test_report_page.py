import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image

from lifesign.evaluation.report.document import GateStatus
from lifesign.evaluation.report.html import render_html
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.report_documents import report_of_confusion
from lifesign.testing.reports import liveness_spec, report_of

_VOID = {"meta", "img", "br", "input", "link", "hr"}


class _Page(HTMLParser):
    """Collects what is checked, and fails on tags that do not nest."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            self.images.append(values)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _parse(text):
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def _picture(path):
    file = io.BytesIO()
    Image.new("RGB", (300, 500), (90, 120, len(path) % 255)).save(file, "PNG")
    return file.getvalue()


def test_page_is_whole_and_its_links_lead_somewhere(full):
    page = _parse(render_html(full, thumbnails=_picture, performance={"sessions": [{"seconds": 1.5}]}))
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {"verdict", "alerts", "species", "slices", "bias", "drift", "baseline", "errors"} <= set(page.ids)


def test_page_needs_no_network_and_no_script(full):
    text = render_html(full, thumbnails=_picture)
    page = _parse(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", text)


def test_same_report_gives_the_same_bytes(full):
    assert render_html(full, thumbnails=_picture) == render_html(full, thumbnails=_picture)


def test_alerts_come_before_the_numbers(full):
    text = render_html(full)
    assert text.index('id="verdict"') < text.index('id="alerts"') < text.index('id="headline"')
    for alert in full.alerts:
        assert alert.title in text


def test_thumbnails_are_small_jpegs_and_can_be_left_out(full):
    page = _parse(render_html(full, thumbnails=_picture))
    assert 0 < len(page.images) <= 24 + 12
    assert all(one["src"].startswith("data:image/jpeg;base64,") and one["alt"] for one in page.images)
    assert len(render_html(full, thumbnails=_picture)) < 1_000_000
    assert _parse(render_html(full)).images == []


def test_a_missing_or_broken_picture_is_left_blank(full):
    assert _parse(render_html(full, thumbnails=lambda path: None)).images == []
    assert _parse(render_html(full, thumbnails=lambda path: b"no image")).images == []


@pytest.mark.parametrize(("path", "asked"), [("faces/1.png", "faces/1.png"), ("", "sample-1")])
def test_changed_decisions_are_pictured_by_their_path_in_old_reports_by_their_name(full, path, asked):
    flip = full.baseline.flipped[0].model_copy(
        update={"sample_id": "sample-1", "path": path, "regression": True}
    )
    baseline = full.baseline.model_copy(update={"flipped": (flip,)})
    document = full.model_copy(update={"baseline": baseline, "worst_errors": ()})
    page = _parse(render_html(document, thumbnails=lambda one: _picture(one) if one == asked else None))
    assert ["sample-1" in one["alt"] for one in page.images] == [True]


def test_what_failed_comes_first_among_the_gates(full):
    gates = [
        full.gates[0].model_copy(update={"status": one, "sentence": f"It is {one}."}) for one in GateStatus
    ]
    page = render_html(full.model_copy(update={"gates": tuple(gates)}))
    places = [page.index(f"It is {one}.") for one in ("fail", "insufficient", "pass")]
    assert places == sorted(places)


def test_names_from_the_data_set_are_escaped(full):
    evil = '<script>alert("x")</script>'
    document = full.model_copy(
        update={
            "subject": full.subject.model_copy(update={"dataset": evil}),
            "slices": tuple(row.model_copy(update={"value": evil}) for row in full.slices[:1]),
            "roc": tuple(row.model_copy(update={"name": evil}) for row in full.roc[:1]),
        }
    )
    text = render_html(document)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_thresholds_found_on_the_test_set_are_marked(full):
    text = render_html(full)
    oracle = [row for row in full.pad.thresholds if row.threshold_source.startswith("ORACLE")]
    table = text[text.index('<section id="thresholds"') : text.index('<section id="calibration"')]
    assert table.count('<tr class="oracle">') == len(oracle) >= 5


def test_timings_have_a_section_of_their_own_and_none_without_them(full):
    performance = {"request_latency_seconds": {"p50": 0.0213}, "images_per_second": 750.25}
    text = render_html(full, performance=performance)
    section = text[text.index('<section id="latency"') :]
    assert "median" in section
    assert "21.3 ms" in section
    assert "<dt>images per second</dt><dd>750.2</dd>" in section
    assert 'id="latency"' not in render_html(full)


def test_ten_million_samples_of_a_hundred_classes_stay_below_a_megabyte(hundred_classes):
    rng = np.random.default_rng(0)
    counts = rng.integers(100, 1_800, (100, 100))
    np.fill_diagonal(counts, 10_000)
    names = tuple(f"a rather long name of class {index:03d}" for index in range(100))
    confusion = hundred_classes.confusion.model_copy(
        update={
            "class_names": names,
            "counts": tuple(map(tuple, counts.tolist())),
            "no_response": (12_345,) * 100,
        }
    )
    classes = tuple(
        row.model_copy(update={"class_name": name, "support": 100_000})
        for row, name in zip(hundred_classes.classes, names, strict=True)
    )
    slices = tuple(
        row.model_copy(update={"column": f"column_{copy}"})
        for copy in range(40)
        for row in hundred_classes.slices
    )
    document = hundred_classes.model_copy(
        update={"confusion": confusion, "classes": classes, "slices": slices}
    )
    text = render_html(document)
    _parse(text)
    assert counts.sum() > 1e7
    assert len(text.encode()) < 1_000_000


def test_a_large_matrix_can_be_zoomed_and_names_the_largest_confusions(hundred_classes):
    text = render_html(hundred_classes)
    assert text.count('name="zoom"') == 3
    largest = max(
        count
        for i, row in enumerate(hundred_classes.confusion.counts)
        for j, count in enumerate(row)
        if i != j
    )
    assert re.search(rf"<title>class_\d+ taken for class_\d+: {largest} ", text)
    assert "The most frequent confusions" in text
    assert "confused most among each other" in text


@pytest.mark.parametrize("classes", [2, 10])
def test_few_classes_have_a_matrix_of_numbers(classes):
    counts = np.full((classes, classes), 3) + 40 * np.eye(classes, dtype=int)
    names = tuple(f"class_{index}" for index in range(classes))
    text = render_html(report_of_confusion(counts, names))
    assert text.count('<table class="matrix">') == 1
    assert text.count("<b>43</b>") == classes
    assert 'name="zoom"' not in text


def test_an_old_report_without_the_newer_parts_has_a_page(full):
    old = json.loads(full.to_json())
    for name, field in type(full).model_fields.items():
        if not field.is_required() and name != "schema_version":
            del old[name]

    page = _parse(render_html(type(full).model_validate(old)))

    assert {"verdict", "alerts"} <= set(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_every_alert_says_since_when_and_what_to_do(full):
    assert full.alerts
    text = render_html(full)
    for alert in full.alerts:
        for words in (alert.title, alert.sentence, alert.since, alert.remedy):
            assert words
            assert re.sub(r"(\d) %", "\\1\u00a0%", str(escape(words))) in text


def test_a_number_and_its_percent_sign_stay_on_one_line(full):
    assert re.search(r"\d\u00a0%", render_html(full))
    assert not re.search(r"\d %", render_html(full))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_runs_with_few_or_no_answers_have_a_page(share):
    report = report_of(liveness_predictions(0, subjects=4, no_response_share=share), liveness_spec())
    _parse(render_html(report))
    assert report.verdict.value == "fail"


def test_every_svg_has_a_title(full):
    text = render_html(full)
    assert text.count("<svg ") == len(re.findall(r'<svg [^>]*role="img"[^>]*><title>', text))
