"""The drawings of the report page, one function per figure, each from a part of the document."""

import base64
import io
import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image

from lifesign.evaluation.report import svg
from lifesign.evaluation.report.curves import PrecisionRecall
from lifesign.evaluation.report.document import (
    CalibrationDocument,
    ConfusionDocument,
    CurvePoint,
    DriftRow,
    HistogramRow,
    RateRow,
    RocDocument,
)
from lifesign.evaluation.report.wording import percent

__all__ = [
    "confusion_figure",
    "det_figure",
    "drift_figure",
    "histogram_figure",
    "interval_figure",
    "log_odds",
    "precision_recall_figure",
    "reliability_figure",
    "roc_figure",
]

_SHARES: tuple[svg.Tick, ...] = tuple((step / 5, f"{20 * step}") for step in range(6))
_LOG_ODDS_LIMIT = 9.3
_SCORE_TICKS = (
    (0.001, ".001"),
    (0.01, ".01"),
    (0.1, ".1"),
    (0.5, ".5"),
    (0.9, ".9"),
    (0.99, ".99"),
    (0.999, ".999"),
)
_DET_TICKS = ((0.001, "0.1"), (0.01, "1"), (0.05, "5"), (0.2, "20"), (0.5, "50"))
_SERIES = 8
_MATRIX_SIDE, _MATRIX_STEPS = 640, 16
_SMALLEST_NAME = 3.2
_NAME_LENGTH = 18
_HINTS = 300
_TEAL, _ORANGE = (15, 138, 126), (209, 73, 22)
_NORMAL = NormalDist()


def series_css(index: int) -> str:
    """Return the CSS class of the n-th curve; it repeats after eight."""
    return f"s{index % _SERIES}"


def log_odds(score: float) -> float:
    """Return log(p / (1 − p)), held to ±9.3 (scores .0001 and .9999) so that it can be drawn."""
    if score <= 0 or score >= 1:
        return math.copysign(_LOG_ODDS_LIMIT, score - 0.5)
    return max(-_LOG_ODDS_LIMIT, min(_LOG_ODDS_LIMIT, math.log(score / (1 - score))))


def roc_figure(
    curves: Sequence[RocDocument], *, x_label: str, y_label: str, corner: float | None = None
) -> Markup:
    """Return ROC curves in percent; ``corner`` shows x ≤ corner, and as much of y as curves reach there."""
    if corner is None:
        frame = svg.Frame(360, 330)
        ticks_x = ticks_y = list(_SHARES)
        parts = frame.axes(ticks_x, ticks_y, x_label=x_label, y_label=y_label)
        parts.append(svg.polyline(frame, [(0, 0), (1, 1)], "chance"))
    else:
        height = 1 - _corner_floor(curves, corner)
        frame = svg.Frame(360, 330, (0, corner), (1 - height, 1))
        ticks_x = [(corner * step / 4, f"{100 * corner * step / 4:g}") for step in range(5)]
        ticks_y = [(1 - height * step / 4, f"{100 - 100 * height * step / 4:g}") for step in range(5)]
        parts = frame.axes(ticks_x, ticks_y, x_label=x_label, y_label=y_label)
    for index, curve in reversed(list(enumerate(curves))):
        points = _inside([(point.x, point.y) for point in _steps(curve.points)], frame)
        auc = "n/a" if curve.auc.value is None else f"{curve.auc.value:.4f}"
        css = f"curve {series_css(index)}" + (" first" if index == 0 else "")
        parts.append(svg.polyline(frame, points, css, title=f"{curve.name}: AUC {auc}"))
    where = "" if corner is None else f", the corner up to {100 * corner:g} %"
    return svg.document(360, 330, parts, title=f"ROC: {y_label} against {x_label}{where}")


def _corner_floor(curves: Sequence[RocDocument], corner: float) -> float:
    """Return the lower end of y: 1 − corner, or the next 20 % below the lowest curve at x = corner."""
    reached = [max((point.y for point in curve.points if point.x <= corner), default=0) for curve in curves]
    return min(1 - corner, math.floor(5 * min(reached, default=1)) / 5)


def precision_recall_figure(curves: Sequence[PrecisionRecall]) -> Markup:
    """Return precision against recall, in percent; the classes come in the order of their ROC curves."""
    frame = svg.Frame(360, 330)
    parts = frame.axes(list(_SHARES), list(_SHARES), x_label="recall, %", y_label="precision, %")
    for index, curve in reversed(list(enumerate(curves))):
        css = f"curve {series_css(index)}" + (" first" if index == 0 else "")
        parts.append(svg.polyline(frame, curve.points, css, title=curve.name))
    return svg.document(360, 330, parts, title="Precision against recall")


def det_figure(curves: Sequence[RocDocument], *, operating: tuple[float, float] | None) -> Markup:
    """Return detection-error trade-off curves: APCER against BPCER on normal-deviate axes, in percent."""
    limits = (_deviate(0.0005), _deviate(0.7))
    frame = svg.Frame(360, 330, limits, limits)
    ticks = [(_deviate(share), label) for share, label in _DET_TICKS]
    parts = frame.axes(ticks, ticks, x_label="APCER, %", y_label="BPCER, %")
    for index, curve in reversed(list(enumerate(curves))):
        values = [(_deviate(point.x), _deviate(1 - point.y)) for point in _steps(curve.points)]
        css = f"curve {series_css(index)}" + (" first" if index == 0 else "")
        parts.append(svg.polyline(frame, _inside(values, frame), css, title=curve.name))
    if operating is not None:
        apcer, bpcer = operating
        words = f"operating point: APCER {percent(apcer)} (pooled), BPCER {percent(bpcer)}"
        parts.append(svg.mark(frame, _deviate(apcer), _deviate(bpcer), "operating", title=words, radius=5))
    return svg.document(360, 330, parts, title="DET: BPCER against APCER per species")


def histogram_figure(row: HistogramRow, *, threshold: float | None, positive: bool) -> Markup:
    """Return the scores of one group on a log-odds axis with the threshold line."""
    largest = max(row.counts, default=0) or 1
    frame = svg.Frame(
        300, 128, (-_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT), (0, 1), left=10, right=10, top=10, bottom=24
    )
    ticks = [(log_odds(score), label) for score, label in _SCORE_TICKS]
    parts = frame.axes(ticks, [])
    edges = [log_odds(edge) for edge in row.edges]
    parts.append(
        svg.bars(frame, edges, [count / largest for count in row.counts], "bona" if positive else "attack")
    )
    title = f"Scores of {row.group}: {sum(row.counts)} samples"
    if threshold is not None:
        at = frame.x(log_odds(threshold))
        parts.append(svg.line(at, frame.top - 4, at, frame.height - frame.bottom, "threshold"))
        title += f", threshold {threshold:.4g}"
    return svg.document(300, 128, parts, title=title)


def interval_figure(rate: RateRow, *, maximum: float, css: str = "") -> Markup:
    """Return the 95 % interval as a band and the rate as a dot, from 0 to ``maximum``."""
    frame = svg.Frame(132, 16, (0, maximum or 1.0), (0, 1), left=3, right=3, top=0, bottom=0)
    parts = [svg.line(3, 8, 129, 8, "track")]
    if rate.total and rate.value is not None:
        low, high = frame.x(min(rate.lower, maximum)), frame.x(min(rate.upper, maximum))
        parts.append(svg.line(low, 8, max(high, low + 1), 8, f"band {css}"))
        parts.append(svg.mark(frame, min(rate.value, maximum), 0.5, f"dot {css}", radius=3.5))
    return svg.document(132, 16, parts, title=rate.text)


def confusion_figure(confusion: ConfusionDocument, order: Sequence[int]) -> Markup:
    """Return the row shares of a large confusion matrix as one picture, classes in ``order``.

    Names of the classes are small and there to be zoomed into; the largest confusions tell their counts to
    the pointer.
    """
    counts = np.asarray(confusion.counts, dtype=np.float64)[np.ix_(order, order)]
    names = [confusion.class_names[index] for index in order]
    size = len(names)
    font = max(_SMALLEST_NAME, min(11.0, 0.9 * _MATRIX_SIDE / (size + 12)))
    left = math.ceil(8 + 0.6 * font * max(len(_short(name)) for name in names))
    side = _MATRIX_SIDE - left - 8
    support = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(support > 0, support, 1)
    cell = side / size
    picture = (
        f'<image x="{left}" y="8" width="{side}" height="{side}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{_matrix_png(shares)}"/>'
    )
    parts = [picture]
    step = max(1, math.ceil(0.9 * font / cell))
    for place in range(0, size, step):
        middle = (place + 0.5) * cell
        shown, css = escape(_short(names[place])), f'style="font-size:{font:.1f}px"'
        parts.append(
            f'<text x="{left - 3}" y="{8 + middle + font / 3:.1f}" text-anchor="end" {css}>{shown}</text>'
        )
        parts.append(
            f'<text transform="translate({left + middle + font / 3:.1f} {12 + side}) rotate(-90)" '
            f'text-anchor="end" {css}>{shown}</text>'
        )
    wrong = counts * (1 - np.eye(size))
    for place in np.argsort(-wrong, axis=None, kind="stable")[:_HINTS].tolist():
        row, column = divmod(int(place), size)
        if wrong[row, column]:
            words = (
                f"{names[row]} taken for {names[column]}: {int(wrong[row, column]):,} "
                f"({percent(float(shares[row, column]))})"
            )
            parts.append(
                f'<rect x="{left + column * cell:.1f}" y="{8 + row * cell:.1f}" width="{cell:.1f}" '
                f'height="{cell:.1f}" class="hint"><title>{escape(words)}</title></rect>'
            )
    return svg.document(
        _MATRIX_SIDE, _MATRIX_SIDE, parts, title=f"Confusion matrix of {size} classes, share of each row"
    )


def _matrix_png(shares: NDArray[np.float64]) -> str:
    """Return a PNG of row shares in base64: sixteen steps of two colours, transparent where nothing is."""
    # The square root makes rare confusions visible; on and off the diagonal have different colours.
    steps = np.ceil(np.sqrt(shares) * (_MATRIX_STEPS - 1)).astype(np.uint8)
    steps += (_MATRIX_STEPS * np.eye(len(shares))).astype(np.uint8)
    image = Image.fromarray(steps, "P")
    image.putpalette([*_ORANGE * _MATRIX_STEPS, *_TEAL * _MATRIX_STEPS])
    opacity = [round(255 * step / (_MATRIX_STEPS - 1)) for step in range(_MATRIX_STEPS)]
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=bytes([*opacity, *opacity]))
    return base64.b64encode(file.getvalue()).decode("ascii")


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"


def drift_figure(row: DriftRow) -> Markup:
    """Return current shares (bars) against reference shares (line) over the reference's own bins."""
    size = len(row.current_histogram)
    if size == 0 or len(row.reference_histogram) != size:
        return Markup("")
    largest = max(*row.current_histogram, *row.reference_histogram) or 1.0
    frame = svg.Frame(150, 40, (0, size), (0, largest), left=2, right=2, top=3, bottom=3)
    edges = list(range(size + 1))
    outline = [
        (index + side, share) for index, share in enumerate(row.reference_histogram) for side in (0, 1)
    ]
    css = "drifted" if row.verdict == "alert" else "steady"
    parts = [svg.bars(frame, edges, row.current_histogram, css), svg.polyline(frame, outline, "reference")]
    return svg.document(150, 40, parts, title=f"{row.feature}: current shares as bars, reference as a line")


def reliability_figure(calibration: CalibrationDocument, *, y_label: str) -> Markup:
    """Return the share of positives against the mean score per bin; dots grow with the number of samples."""
    frame = svg.Frame(360, 330)
    parts = frame.axes(list(_SHARES), list(_SHARES), x_label="mean score, %", y_label=y_label)
    parts.append(svg.polyline(frame, [(0, 0), (1, 1)], "chance"))
    filled = [
        one for one in calibration.bins if one.mean_score is not None and one.share_positive is not None
    ]
    points = [(one.mean_score or 0.0, one.share_positive or 0.0) for one in filled]
    parts.append(svg.polyline(frame, points, "curve s0 first"))
    most = max((one.count for one in filled), default=1)
    for one, (x, y) in zip(filled, points, strict=True):
        words = f"{one.count} samples scored {one.lower:.2f}–{one.upper:.2f}: {percent(y)} positive"
        radius = 2.5 + 4.5 * math.sqrt(one.count / most)
        parts.append(svg.mark(frame, x, y, "fill0", title=words, radius=radius))
    return svg.document(360, 330, parts, title="Reliability: share of positives against mean score")


def _deviate(share: float) -> float:
    return _NORMAL.inv_cdf(min(max(share, 0.0005), 0.7))


def _steps(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Rates between two thresholds do not exist: the curve climbs in steps."""
    result: list[CurvePoint] = []
    for point in points:
        if result and point.x != result[-1].x and point.y != result[-1].y:
            result.append(CurvePoint(x=point.x, y=result[-1].y))
        result.append(point)
    return result


def _inside(points: Sequence[tuple[float, float]], frame: svg.Frame) -> list[tuple[float, float]]:
    """Hold the points to the frame; what lies wholly before or behind it is left out."""
    (x_low, x_high), (y_low, y_high) = (sorted(limits) for limits in (frame.x_range, frame.y_range))
    first = next((index for index, (_, y) in enumerate(points) if y_low <= y <= y_high), len(points))
    last = next((index for index, (x, _) in enumerate(points) if x > x_high), len(points) - 1)
    shown = points[max(first - 1, 0) : last + 1]
    return [(min(max(x, x_low), x_high), min(max(y, y_low), y_high)) for x, y in shown]
