"""One self-contained page out of a report document: no script, no network, light and dark, print."""

import base64
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from PIL import Image

from lifesign.errors import ImageError
from lifesign.evaluation.report import figures
from lifesign.evaluation.report.definitions import definitions
from lifesign.evaluation.report.document import (
    ErrorExample,
    GateStatus,
    RateRow,
    ReportDocument,
    RocDocument,
    SliceRow,
    Value,
)
from lifesign.evaluation.report.wording import (
    four,
    interval_words,
    limit_words,
    p_value,
    percent,
    points_interval,
    signed_points,
    value_text,
)
from lifesign.preprocessing import decode_image

__all__ = ["render_html"]

_MAX_THUMBNAILS = 24
_THUMBNAIL_SIDE = 96
_MAX_CURVES = 8
_VERDICTS = {
    GateStatus.PASS: "Pass",
    GateStatus.FAIL: "Fail",
    GateStatus.INSUFFICIENT: "Insufficient evidence",
}
_SECTIONS = (
    ("verdict", "Verdict"),
    ("alerts", "Alerts"),
    ("tested", "What was tested"),
    ("headline", "Headline"),
    ("confusion", "Confusion matrix"),
    ("curves", "Curves"),
    ("scores", "Score distributions"),
    ("species", "Attack species"),
    ("thresholds", "Thresholds"),
    ("slices", "Slices"),
    ("bias", "Bias"),
    ("drift", "Drift"),
    ("calibration", "Calibration"),
    ("baseline", "Since the baseline"),
    ("errors", "Worst errors"),
    ("accounting", "Accounting"),
    ("definitions", "Definitions"),
    ("limitations", "Not shown"),
)


def render_html(
    document: ReportDocument,
    *,
    thumbnails: Callable[[str], bytes | None] | None = None,
    performance: Mapping[str, Any] | None = None,
) -> str:
    """Return the page of a report.

    ``thumbnails`` gives the image file behind an error's ``path``, or ``None`` where there is none;
    without it the page holds no pictures at all. ``performance`` are the run's execution facts, which
    are not part of the document; they go into the footer.
    """
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            doc=document,
            css=Markup(_stylesheet()),  # the project's own file, not data
            execution=_execution(performance or {}),
            examples=_examples(document.worst_errors, thumbnails),
            **_views(document),
        )
    )
    return page.strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lifesign.evaluation.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        confusion_figure=figures.confusion_figure,
        det_figure=figures.det_figure,
        drift_figure=figures.drift_figure,
        four=four,
        histogram_figure=figures.histogram_figure,
        interval_figure=figures.interval_figure,
        interval_words=interval_words,
        largest=_largest,
        limit_words=limit_words,
        p_value=p_value,
        percent=percent,
        points_interval=points_interval,
        reliability_figure=figures.reliability_figure,
        roc_figure=figures.roc_figure,
        signed_points=signed_points,
        value_text=value_text,
    )
    return environment


@cache
def _stylesheet() -> str:
    return (files("lifesign.evaluation.report") / "templates" / "report.css").read_text("utf-8")


def _views(document: ReportDocument) -> dict[str, Any]:
    """Return what the template shows that needs more than a look-up."""
    curves = _curves(document)
    pad = document.pad
    operating = None
    if pad is not None and pad.apcer_pooled.value is not None and pad.bpcer.value is not None:
        operating = (pad.apcer_pooled.value, pad.bpcer.value)
    return {
        "versions": "version " + ", ".join(document.model.served_versions or {"unknown": 0}),
        "served": ", ".join(
            f"version {version} ({count:,} samples)"
            for version, count in document.model.served_versions.items()
        )
        or "no version at all",
        "verdict_word": _VERDICTS[document.verdict],
        "sections": _sections(document),
        "tiles": _tiles(document),
        "curves": curves,
        "curve_names": [f"{curve.name} (AUC {value_text(curve.auc)})" for curve in curves],
        "operating": operating,
        "x_label": "false positive rate, %" if pad is None else "APCER, %",
        "y_label": "true positive rate, %" if pad is None else "1 − BPCER, %",
        "calibration_label": "share that was right, %" if pad is None else "share of bona fide, %",
        "confusions": _confusions(document),
        "slice_tables": [
            (column, list(rows)) for column, rows in groupby(document.slices, key=_slice_column)
        ],
        "transactions": _transactions(document),
        "definitions": definitions(document.model.task),
    }


def _slice_column(row: SliceRow) -> str:
    return row.column


def _sections(document: ReportDocument) -> list[tuple[str, str]]:
    absent = {
        "curves": not document.roc,
        "scores": not document.histograms,
        "species": document.pad is None,
        "thresholds": document.pad is None,
        "slices": not document.slices,
        "bias": not (document.group_gaps or document.prediction_bias),
        "drift": not document.drift,
        "calibration": document.calibration is None,
        "baseline": document.baseline is None,
        "errors": not document.worst_errors,
    }
    return [(anchor, label) for anchor, label in _SECTIONS if not absent.get(anchor)]


def _curves(document: ReportDocument) -> list[RocDocument]:
    """Return the first curve (all classes or species together) and the worst of the others."""
    head, rest = document.roc[:1], document.roc[1:]
    worst = sorted(rest, key=lambda curve: (curve.auc.value is None, curve.auc.value or 0.0, curve.name))
    kept = {curve.name for curve in worst[: _MAX_CURVES - 1]}
    return [*head, *(curve for curve in rest if curve.name in kept)]


def _tiles(document: ReportDocument) -> list[dict[str, str]]:
    pad, averages = document.pad, document.averages
    tiles: list[tuple[str, str, str]] = []
    if pad is not None:
        tiles = [
            (
                "APCER, worst species",
                percent(pad.apcer_max.value),
                _note(pad.apcer_max, pad.apcer_max_species),
            ),
            ("BPCER", percent(pad.bpcer.value), _note(pad.bpcer)),
            ("ACER (not ISO)", percent(pad.acer_max), "mean of the worst APCER and BPCER"),
            ("EER, ORACLE", percent(pad.eer.value), "threshold chosen on this test set"),
        ]
        auc = document.roc[0].auc if document.roc else None
    else:
        auc = None
        tiles = [
            ("Macro F1", four(averages.get("macro_f1")), "plain mean over classes"),
            ("AUC, macro", four(averages.get("auc_macro")), "one class against the others"),
            ("Cohen's κ", four(averages.get("kappa")), "0 is chance, 1 is perfect"),
        ]
    accuracy = document.accuracy
    tiles.append(("Accuracy", percent(accuracy.value), _interval_note(accuracy, percent)))
    if auc is not None:
        tiles.append(("AUC", four(auc.value), _interval_note(auc, four)))
    share = document.accounting.no_response / document.accounting.total if document.accounting.total else None
    tiles.append(
        ("No answer", percent(share), f"{document.accounting.no_response} of {document.accounting.total}")
    )
    return [{"name": name, "value": value, "note": note} for name, value, note in tiles]


def _note(rate: RateRow, species: str | None = None) -> str:
    who = f"{species}: " if species else ""
    if rate.total == 0:
        return f"{who}no samples"
    if rate.errors == 0:
        return f"{who}{rate.text}"
    return f"{who}{rate.errors}/{rate.total}, 95 % CI {interval_words(rate)}"


def _interval_note(value: Value, write: Callable[[float | None], str]) -> str:
    if value.lower is None or value.upper is None:
        return "no interval"
    return f"95 % CI {write(value.lower).removesuffix(' %')}–{write(value.upper)}"


def _confusions(document: ReportDocument, limit: int = 15) -> list[dict[str, Any]]:
    names, rows = document.confusion.class_names, document.confusion.counts
    found = sorted(
        (-count, names[i], names[j], count / sum(row))
        for i, row in enumerate(rows)
        for j, count in enumerate(row)
        if count and i != j
    )
    return [
        {"true": true, "predicted": predicted, "count": -count, "share": share}
        for count, true, predicted, share in found[:limit]
    ]


def _transactions(document: ReportDocument, total: int = 10_000) -> list[dict[str, Any]]:
    pad = document.pad
    if pad is None or pad.apcer_max.value is None or pad.bpcer.value is None:
        return []
    return [
        {
            "share": share,
            "attacks": round(total * share),
            "accepted": f"{total * share * pad.apcer_max.value:.1f}",
            "rejected": f"{total * (1 - share) * pad.bpcer.value:.0f}",
        }
        for share in (0.001, 0.01, 0.1)
    ]


def _largest(rates: Iterable[RateRow]) -> float:
    """Return the right end of an axis for these rates: a round number above every upper limit."""
    upper = max((rate.upper for rate in rates if rate.total), default=1.0)
    for end in (0.02, 0.05, 0.1, 0.2, 0.5):
        if upper <= end:
            return end
    return 1.0


def _examples(
    errors: Sequence[ErrorExample], thumbnails: Callable[[str], bytes | None] | None
) -> list[dict[str, Any]]:
    result = []
    for index, row in enumerate(errors):
        data = thumbnails(row.path) if thumbnails is not None and index < _MAX_THUMBNAILS else None
        result.append({"row": row, "image": None if data is None else _thumbnail(data)})
    return result


def _thumbnail(data: bytes) -> str | None:
    """Return a data URI of an upright JPEG of at most 96 pixels; ``None`` if the bytes are no image."""
    try:
        image = decode_image(data).image
    except ImageError:
        return None
    image.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _execution(performance: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested facts as lines: ``request latency seconds: p50`` and its value."""
    facts: list[tuple[str, str]] = []
    for key, value in performance.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            facts += _execution(value, f"{name}: ")
        elif isinstance(value, list | tuple):
            parts = {str(number): part for number, part in enumerate(value, 1)}
            facts += _execution(parts, f"{name} ")
        elif value is not None:
            facts.append((name, _fact(value)))
    return facts


def _fact(value: Any) -> str:
    if isinstance(value, float):
        return "n/a" if math.isnan(value) else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
