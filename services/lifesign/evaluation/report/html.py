"""One self-contained page out of a report document: no script, no network, light and dark, print."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment

from lifesign.evaluation.report import figures, matrices
from lifesign.evaluation.report.curves import (
    band_table,
    precision_recall_curves,
    reached_table,
    shown_curves,
)
from lifesign.evaluation.report.definitions import definitions
from lifesign.evaluation.report.document import (
    GateStatus,
    GroupGapTable,
    RateRow,
    ReportDocument,
    SliceRow,
    TrainingDocument,
)
from lifesign.evaluation.report.execution import execution_facts, latency_rows, session_rows
from lifesign.evaluation.report.headline import headline_rows, tiles
from lifesign.evaluation.report.history import (
    courses,
    drift_figure_over_runs,
    history_figure,
    history_row,
)
from lifesign.evaluation.report.method_tables import method_table
from lifesign.evaluation.report.page_environment import finished_page, page_environment, stylesheet
from lifesign.evaluation.report.pictures import Thumbnails, error_examples, flip_examples
from lifesign.evaluation.report.training_curves import (
    figure_name,
    split_name,
    training_figures,
    training_table,
)
from lifesign.evaluation.report.wording import (
    baseline_words,
    capital,
    four,
    interval_words,
    limit_words,
    p_value,
    percent,
    points_interval,
    signed_points,
    value_text,
)

__all__ = ["render_html"]

_FULL_MATRIX = 12  # classes up to which the matrix is a table of numbers
_VERDICTS = {
    GateStatus.PASS: "Pass",
    GateStatus.FAIL: "Fail",
    GateStatus.INSUFFICIENT: "Insufficient evidence",
}
_URGENCY = {GateStatus.FAIL: 0, GateStatus.INSUFFICIENT: 1, GateStatus.PASS: 2}
_SECTIONS = (
    ("verdict", "Verdict"),
    ("alerts", "Alerts"),
    ("tested", "What was tested"),
    ("headline", "Headline"),
    ("profile", "Profile"),
    ("confusion", "Confusion matrix"),
    ("diagnosis", "Diagnosis"),
    ("species", "Attack species"),
    ("curves", "Curves"),
    ("scores", "Score distributions"),
    ("thresholds", "Thresholds"),
    ("calibration", "Calibration"),
    ("slices", "Slices"),
    ("bias", "Bias"),
    ("generalisation", "Generalisation"),
    ("baseline", "Since the baseline"),
    ("drift", "Drift"),
    ("history", "Earlier runs"),
    ("errors", "Worst errors"),
    ("data", "Data quality"),
    ("latency", "Latency"),
    ("limitations", "Not shown"),
    ("definitions", "Definitions"),
    ("reproduce", "Reproduce"),
)


def render_html(
    document: ReportDocument,
    *,
    thumbnails: Thumbnails | None = None,
    performance: Mapping[str, Any] | None = None,
) -> str:
    """Return the page of a report.

    ``thumbnails`` gives the image file behind an error's ``path``, or ``None`` where there is none;
    without it the page holds no pictures at all. ``performance`` are the run's execution facts, which
    are not part of the document.
    """
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            doc=document,
            css=stylesheet(),
            latency=latency_rows(performance or {}),
            execution=execution_facts(performance or {}),
            sessions_run=session_rows(performance or {}),
            examples=error_examples(document.worst_errors, thumbnails),
            flips=flip_examples(document.baseline.flipped if document.baseline else (), thumbnails),
            sections=_sections(document, has_timings=bool(performance)),
            **_views(document),
        )
    )
    return finished_page(page)


@cache
def _environment() -> Environment:
    environment = page_environment()
    environment.globals.update(
        baseline_words=baseline_words,
        capital=capital,
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
        precision_recall_figure=figures.precision_recall_figure,
        reliability_figure=figures.reliability_figure,
        roc_figure=figures.roc_figure,
        signed_points=signed_points,
        value_text=value_text,
    )
    return environment


def _views(document: ReportDocument) -> dict[str, Any]:
    """Return what the template shows that needs more than a look-up."""
    pad, confusion = document.pad, document.confusion
    curves = shown_curves(document)
    drawn = curves if document.roc_macro is None else [*curves, document.roc_macro]
    operating = None
    if pad is not None and pad.apcer_pooled.value is not None and pad.bpcer.value is not None:
        operating = (pad.apcer_pooled.value, pad.bpcer.value)
    is_large = len(confusion.class_names) > _FULL_MATRIX
    order = matrices.confusion_order(confusion) if is_large else []
    levels, reached = reached_table(drawn)
    return {
        "versions": _versions(document),
        "served": _served(document),
        "verdict_word": _VERDICTS[document.verdict],
        "tiles": tiles(document),
        "gates": sorted(document.gates, key=lambda gate: _URGENCY[gate.status]),
        "headline": headline_rows(document),
        "is_large": is_large,
        "whole_matrix": None if is_large else matrices.class_matrix(confusion),
        "block": matrices.confused_block(confusion, order) if is_large else None,
        "order": order,
        "pairs": matrices.confused_pairs(confusion, 100) if len(confusion.class_names) > 2 else (),
        "mistakes": matrices.favourite_mistakes(confusion) if len(confusion.class_names) > 2 else {},
        "recalls": matrices.recall_rates(confusion),
        "coarse_recalls": {}
        if document.superclasses is None
        else matrices.recall_rates(document.superclasses),
        "coarse_matrix": None
        if document.superclasses is None
        else matrices.coarse_matrix(document.superclasses),
        "method_tables": [method_table(document, one) for one in document.baseline_methods],
        "training": _training(document.training),
        "species_matrix": None if pad is None else matrices.species_matrix(pad),
        "curves": curves,
        "roc_curves": drawn,
        "curve_names": [f"{curve.name} (AUC {value_text(curve.auc)})" for curve in drawn],
        "levels": levels,
        "reached": reached,
        "precision_recall": precision_recall_curves(document, curves),
        "bands": band_table(document.histograms),
        "operating": operating,
        "x_label": "false positive rate, %" if pad is None else "APCER, %",
        "y_label": "true positive rate, %" if pad is None else "1 − BPCER, %",
        "calibration_label": "share that was right, %" if pad is None else "share of bona fide, %",
        "slice_tables": [
            (column, list(rows)) for column, rows in groupby(document.slices, key=_slice_column)
        ],
        "gaps_in_alert": [table for table in document.group_gaps if _has_alert(table)],
        "other_gaps": [table for table in document.group_gaps if not _has_alert(table)],
        "transactions": _transactions(document),
        "history": _history(document),
        "definitions": definitions(document.model.task),
    }


def _versions(document: ReportDocument) -> str:
    if document.model.source == "file":
        return "scores"
    return "version " + ", ".join(document.model.served_versions or {"unknown": 0})


def _served(document: ReportDocument) -> str:
    return (
        ", ".join(
            f"version {version} ({count:,} samples)"
            for version, count in document.model.served_versions.items()
        )
        or "no version at all"
    )


def _slice_column(row: SliceRow) -> str:
    return row.column


def _has_alert(table: GroupGapTable) -> bool:
    return any(row.verdict == "alert" for row in table.groups)


def _sections(document: ReportDocument, *, has_timings: bool) -> list[tuple[str, str]]:
    absent = {
        "profile": document.profile is None,
        "curves": not document.roc,
        "scores": not document.histograms,
        "species": document.pad is None,
        "thresholds": document.pad is None,
        "slices": not (document.slices or document.worst_slices),
        "bias": not (document.group_gaps or document.prediction_bias),
        "generalisation": document.generalisation is None,
        "drift": not document.drift,
        "history": not document.history,
        "calibration": document.calibration is None,
        "baseline": document.baseline is None,
        "diagnosis": not document.diagnosis and document.training is None,
        "errors": not document.worst_errors,
        "latency": not has_timings,
    }
    return [(anchor, label) for anchor, label in _SECTIONS if not absent.get(anchor)]


def _history(document: ReportDocument) -> dict[str, Any]:
    rows = (*document.history, history_row(document))
    names = [*(row.model_version or row.run_id[:6] for row in document.history), "now"]
    found, distances = courses(rows), [row.largest_drift for row in rows]
    has_drift = sum(one is not None for one in distances) > 1
    return {
        "rows": rows,
        "same_data": len({row.data_digest for row in rows}) == 1,
        "courses": [one.name for one in found],
        "rates": history_figure(found, names),
        "drift": drift_figure_over_runs(distances, names) if has_drift else None,
    }


def _training(training: TrainingDocument | None) -> dict[str, Any] | None:
    if training is None:
        return None
    return {
        "epochs": len(next(iter(training.figures.values()), ())),
        "figures": training_figures(training),
        "table": training_table(training),
        "selected_by": figure_name(training.selected_by),
        "samples": [f"{count:,} {split_name(split)}" for split, count in training.samples.items()],
        "evaluated_split": training.evaluated_split and split_name(training.evaluated_split),
    }


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
