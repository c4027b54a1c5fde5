"""ROC curves per class or attack species, pooled and averaged, and the upper left corner enlarged."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lifesign.errors import InputError
from lifesign.evaluation.figures.look import GREY, INK, SERIES, Canvas, drawn, new_figure
from lifesign.evaluation.metrics.roc_summaries import mean_curve
from lifesign.evaluation.metrics.score_histogram import RocCurve
from lifesign.evaluation.report.document import CurvePoint, ReportDocument, RocDocument, Value

__all__ = ["CORNER", "macro_curve", "roc_figure"]

CORNER = 0.2
"""Largest false positive rate of the enlarged corner."""

_NAMED = 8
_MEAN = "mean of the classes (macro)"


def macro_curve(document: ReportDocument) -> RocDocument | None:
    """Return the mean curve of the classes: as stored, or from the classes' curves where all are there.

    Reports of before 1.0's macro-average keep at most ten classes' curves; ``None`` where some are missing.
    """
    if document.roc_macro is not None or document.pad is not None:
        return document.roc_macro
    names = {row.class_name for row in document.classes}
    curves = [curve for curve in document.roc if curve.name in names]
    if not names or len(curves) < len(names):
        return None
    mean = mean_curve(
        [
            RocCurve(
                np.zeros(len(curve.points)),
                np.array([point.x for point in curve.points]),
                np.array([point.y for point in curve.points]),
            )
            for curve in curves
        ]
    )
    points = zip(mean.false_positive_rate.tolist(), mean.true_positive_rate.tolist(), strict=True)
    return RocDocument(
        name=_MEAN,
        auc=Value(value=document.averages.get("auc_macro")),
        points=tuple(CurvePoint(x=x, y=y) for x, y in points),
    )


@drawn
def roc_figure(document: ReportDocument) -> Canvas:
    """Draw the report's ROC curves, whole and up to a false positive rate of 20 %.

    Pooled (micro) and mean (macro) curves are heavy; of the others the seven with the least AUC are named,
    and the rest are grey. For liveness x is APCER and y is 1 − BPCER, per attack species.

    Raises:
        InputError: the report has no curve.
    """
    curves = [curve for curve in document.roc if curve.points]
    if not curves:
        raise InputError("expected a report with ROC curves, got one without; scores are needed for them")
    macro = macro_curve(document)
    heavy = [curves[0], *([] if macro is None else [macro])]
    single = sorted(curves[1:], key=lambda curve: math.inf if curve.auc.value is None else curve.auc.value)
    named = single[: _NAMED - len(heavy)]
    coloured = list(zip([*heavy, *named], SERIES, strict=False))
    figure = new_figure(11.2, 4.9, title=_headline(document, heavy, single), subtitle=_subtitle(document))
    whole, corner, listed = figure.subplots(1, 3, width_ratios=[4, 4, 2.6])
    is_liveness = document.pad is not None
    for axes in (whole, corner):
        for curve in single[len(named) :]:
            _draw(axes, curve, "#c4c9cf", 0.8)
        for place, (curve, colour) in reversed(list(enumerate(coloured))):
            _draw(axes, curve, colour, 2.4 if place < len(heavy) else 1.2)
        if macro is not None:  # often right over the pooled one
            axes.lines[-2].set(linestyle=(0, (2, 1.2)), zorder=5)
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.9, zorder=1)
        axes.set_xlabel("APCER" if is_liveness else "false positive rate")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
    whole.set_ylabel("1 − BPCER" if is_liveness else "true positive rate")
    whole.set_xlim(-0.01, 1)
    whole.set_ylim(0, 1.01)
    whole.set_title("Whole")
    bottom = _corner_floor([curve for curve, _ in coloured])
    corner.set_xlim(-0.002, CORNER)
    corner.set_ylim(bottom, 1 + 0.01 * (1 - bottom))
    corner.set_title("Upper left corner")
    corner.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    _list_curves(listed, coloured, len(single) - len(named))
    return figure


def _draw(axes: Axes, curve: RocDocument, colour: str, width: float) -> None:
    x = [point.x for point in curve.points]
    y = [point.y for point in curve.points]
    axes.plot(x, y, color=colour, linewidth=width, label=curve.name)


def _corner_floor(curves: Sequence[RocDocument]) -> float:
    """Return the lower end of y in the corner: the next 10 % below the lowest curve at a tenth of it."""
    reached = [
        max((point.y for point in curve.points if point.x <= CORNER / 4), default=0.0) for curve in curves
    ]
    return max(0.0, min(0.8, math.floor(10 * min(reached, default=1.0) - 0.01) / 10))


def _list_curves(axes: Axes, coloured: Sequence[tuple[RocDocument, str]], others: int) -> None:
    axes.set_axis_off()
    axes.text(0, 1, "AUC", weight="bold", va="top", transform=axes.transAxes)
    for place, (curve, colour) in enumerate(coloured):
        y = 0.92 - 0.088 * place
        value = "n/a" if curve.auc.value is None else f"{curve.auc.value:.4f}"
        if curve.auc.lower is not None and curve.auc.upper is not None:
            value += f"  ({curve.auc.lower:.4f} to {curve.auc.upper:.4f})"
        name = curve.name if len(curve.name) <= 30 else f"{curve.name[:29]}…"
        axes.text(0, y, name, va="top", size=8.5, weight="bold", color=colour, transform=axes.transAxes)
        axes.text(0, y - 0.037, value, va="top", size=7.5, color=INK, transform=axes.transAxes)
    if others > 0:
        y = 0.92 - 0.088 * len(coloured)
        axes.text(0, y, f"{others} more in grey", va="top", size=8, color=GREY, transform=axes.transAxes)


def _headline(document: ReportDocument, heavy: Sequence[RocDocument], single: Sequence[RocDocument]) -> str:
    value = heavy[0].auc.value
    pooled = "n/a" if value is None else f"{value:.4f}"
    if document.pad is not None:
        text = f"AUC {pooled} against {heavy[0].name}"
    else:
        mean = document.averages.get("auc_macro")
        text = f"AUC {pooled} micro" + ("" if mean is None else f", {mean:.4f} macro")
    worst = next((curve for curve in single if curve.auc.value is not None), None)
    if worst is None or worst.auc.value == 1:
        return text
    return f"{text}; least for {worst.name} ({worst.auc.value:.4f})"


def _subtitle(document: ReportDocument) -> str:
    if document.pad is not None:
        return "each attack species against all bona fide samples; in brackets 95 % intervals"
    kept, size = len(document.roc) - 1, len(document.classes)
    some = "every class" if kept >= size else f"the {kept} classes with the least AUC of {size}, each"
    mean = "" if macro_curve(document) is None else ", macro: mean of all classes"
    return f"{some} against all others; micro: all pooled{mean}; in brackets 95 % intervals"
