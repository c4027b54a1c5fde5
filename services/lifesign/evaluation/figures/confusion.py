"""The confusion matrix as a heatmap: counts, and the share of each row as colour."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.kinds import ClassOrder
from lifesign.evaluation.figures.look import GREY, INK, RIGHT, WRONG, Canvas, drawn, new_figure
from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.evaluation.report.matrices import confused_pairs, confusion_order
from lifesign.evaluation.report.wording import percent

__all__ = ["class_order", "confusion_figure", "row_shares"]

_WRITTEN = 25  # classes up to which every cell tells its count
_SHARES_WRITTEN = 12


def row_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each count over its row's sum, ``(k, k)``, 0–1; a row without samples is 0."""
    support = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(support > 0, support, 1), np.float64)


def class_order(
    confusion: ConfusionDocument, order: ClassOrder, superclasses: Mapping[str, str] | None = None
) -> list[int]:
    """Return the class indices in an order: of the model, by mutual confusion, or by superclass.

    ``AUTO`` is that of the model up to 12 classes, by superclass where those are known, else by confusion.

    Raises:
        ConfigurationError: by superclass, and a class has none.
    """
    size = len(confusion.class_names)
    order = _resolved(order, size, superclasses)
    if order is ClassOrder.MODEL:
        return list(range(size))
    if order is ClassOrder.CONFUSION:
        return confusion_order(confusion)
    groups = superclasses or {}
    missing = [name for name in confusion.class_names if name not in groups]
    if missing:
        raise ConfigurationError(
            f"order superclass: expected a superclass of every class, got none for {', '.join(missing[:5])}"
        )
    return sorted(range(size), key=lambda index: (groups[confusion.class_names[index]], index))


def _resolved(order: ClassOrder, size: int, superclasses: Mapping[str, str] | None) -> ClassOrder:
    if order is not ClassOrder.AUTO:
        return order
    if size <= _SHARES_WRITTEN:
        return ClassOrder.MODEL
    return ClassOrder.SUPERCLASS if superclasses else ClassOrder.CONFUSION


@drawn
def confusion_figure(
    confusion: ConfusionDocument,
    *,
    order: ClassOrder = ClassOrder.AUTO,
    superclasses: Mapping[str, str] | None = None,
) -> Canvas:
    """Draw the matrix: rows are true classes, columns predicted ones, colour is the share of the row.

    Up to 25 classes every cell that is not empty tells its count, up to 12 its share as well. Of more the
    names stay readable and the most frequent confusions are listed beside.
    """
    order = _resolved(order, len(confusion.class_names), superclasses)
    places = class_order(confusion, order, superclasses)
    counts = np.asarray(confusion.counts, np.int64)[np.ix_(places, places)]
    names = [confusion.class_names[place] for place in places]
    size = len(names)
    side = 3.6 + 0.42 * size if size <= _SHARES_WRITTEN else 3.9 + 0.3 * size
    if size > _WRITTEN:
        side = max(9.0, 0.125 * size)
    side = min(side, 24.0)
    is_large = size > _WRITTEN
    figure = new_figure(
        side + (3.8 if is_large else 1.2),
        side,
        title=_headline(confusion),
        subtitle=_subtitle(confusion, order),
    )
    if is_large:
        axes, listed = figure.subplots(1, 2, width_ratios=[side, 3.6])
        _list_pairs(listed, confusion)
    else:
        axes = figure.subplots()
    _heat(axes, counts)
    _name_classes(axes, names, side)
    if size <= _WRITTEN:
        _write_cells(axes, counts, side)
    if superclasses and order is ClassOrder.SUPERCLASS:
        _frame_groups(axes, [superclasses[name] for name in names])
    return figure


def _heat(axes: Axes, counts: NDArray[np.int64]) -> None:
    shares = row_shares(counts)
    # The square root makes rare confusions visible; on and off the diagonal have different colours.
    strength = np.sqrt(shares)
    diagonal = np.eye(len(counts), dtype=bool)
    for shown, colour in ((diagonal, RIGHT), (~diagonal, WRONG)):
        axes.imshow(
            np.ma.masked_where(~shown, strength),
            cmap=LinearSegmentedColormap.from_list("white_to", ["#ffffff", colour]),
            vmin=0,
            vmax=1,
            aspect="equal",
        )
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)


def _name_classes(axes: Axes, names: Sequence[str], side: float) -> None:
    size = len(names)
    points = min(9.0, 72 * 0.72 * side / (size * 1.25))
    shown = [name if len(name) <= 20 else f"{name[:19]}…" for name in names]
    is_crowded = size > 6 or max(len(name) for name in shown) > 60 / size
    axes.set_xticks(range(size), shown, rotation=90 if is_crowded else 0, fontsize=points, color=INK)
    axes.set_yticks(range(size), shown, fontsize=points, color=INK)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def _write_cells(axes: Axes, counts: NDArray[np.int64], side: float) -> None:
    shares = row_shares(counts)
    size = len(counts)
    points = min(10.0, 72 * 0.75 * side / (size * 3.4))
    for (row, column), count in np.ndenumerate(counts):
        if not count:
            continue
        text = f"{count:,}"
        if size <= _SHARES_WRITTEN:
            text += f"\n{percent(float(shares[row, column]))}"
        dark = np.sqrt(shares[row, column]) > 0.62
        axes.text(column, row, text, ha="center", va="center", size=points, color="white" if dark else INK)


def _frame_groups(axes: Axes, groups: Sequence[str]) -> None:
    start = 0
    for place in range(1, len(groups) + 1):
        if place == len(groups) or groups[place] != groups[start]:
            width = place - start
            axes.add_patch(
                Rectangle((start - 0.5, start - 0.5), width, width, fill=False, edgecolor=INK, linewidth=0.9)
            )
            middle = start + (width - 1) / 2
            axes.annotate(
                groups[start],
                (1.006, middle),
                xycoords=axes.get_yaxis_transform(),
                va="center",
                size=7.5,
                color=GREY,
                annotation_clip=False,
            )
            start = place


def _list_pairs(axes: Axes, confusion: ConfusionDocument) -> None:
    axes.set_axis_off()
    pairs = confused_pairs(confusion, 30)
    axes.text(
        0, 1, "Most frequent confusions, of the true class", weight="bold", va="top", transform=axes.transAxes
    )
    for place, pair in enumerate(pairs):
        y = 0.968 - 0.031 * place
        axes.text(0, y, f"{pair.true} → {pair.predicted}", va="top", size=8, transform=axes.transAxes)
        axes.text(
            1.0,
            y,
            f"{pair.count:,}  ({percent(pair.share)})",
            va="top",
            ha="right",
            size=8,
            color=GREY,
            transform=axes.transAxes,
        )


def _headline(confusion: ConfusionDocument) -> str:
    counts = np.asarray(confusion.counts, np.int64)
    right, total = int(np.trace(counts)), int(counts.sum())
    if not total:
        return "No sample was answered"
    text = f"{percent(right / total)} right: {right:,} of {total:,}"
    pairs = confused_pairs(confusion, 1)
    if pairs:
        text += f"; most often {pairs[0].true} is taken for {pairs[0].predicted} ({pairs[0].count:,})"
    return text


def _subtitle(confusion: ConfusionDocument, order: ClassOrder) -> str:
    text = "colour: share of the row, on a square-root scale; teal right, orange wrong"
    if confusion.decision:
        text += f"; decided by {confusion.decision}"
    if order is ClassOrder.SUPERCLASS:
        text += "; a frame around each superclass"
    if order is ClassOrder.CONFUSION:
        text += "; classes that are confused lie side by side"
    unanswered = sum(confusion.no_response)
    return text + (f"; {unanswered:,} without an answer are not shown" if unanswered else "")
