"""Precision, recall and F1 of every class as bars with exact intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lifesign.evaluation.figures.look import GREY, INK, SERIES, Canvas, drawn, new_figure
from lifesign.evaluation.metrics.intervals import Interval, clopper_pearson
from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.evaluation.report.wording import percent

__all__ = ["ClassBar", "Measured", "class_bars", "classes_figure"]

_LABELLED = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """A share, ``nan`` where its denominator is 0, and its 95 % limits."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class ClassBar:
    """What is drawn of one class; ``support`` counts its answered samples."""

    name: str
    recall: Measured
    precision: Measured
    f1: Measured
    support: int


def class_bars(confusion: ConfusionDocument) -> list[ClassBar]:
    """Return recall, precision and F1 of the classes in the order of the model.

    Recall and precision have Clopper–Pearson limits. F1 is 2J / (1 + J) of the Jaccard index
    J = TP / (TP + FP + FN), a binomial share of the samples that are or are called the class, so its limits
    are those of J put through the same formula.
    """
    counts = np.asarray(confusion.counts, np.int64)
    support, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    bars = []
    for index, name in enumerate(confusion.class_names):
        hits, is_class, called = int(right[index]), int(support[index]), int(predicted[index])
        bars.append(
            ClassBar(
                name,
                recall=_share(hits, is_class),
                precision=_share(hits, called),
                f1=_f1(hits, is_class + called - hits),
                support=is_class,
            )
        )
    return bars


@drawn
def classes_figure(confusion: ConfusionDocument, *, limit: int | None = None) -> Canvas:
    """Draw recall, precision and F1 per class, the worst recall on top, with 95 % intervals.

    ``limit`` is how many classes are drawn at most; the others are better.
    """
    bars = class_bars(confusion)
    known = sorted(
        bars, key=lambda bar: (np.isnan(bar.recall.value), bar.recall.value if bar.support else 0.0)
    )
    known = known[:limit]
    per_bar = 0.34 if len(known) <= _LABELLED else 0.165
    figure = new_figure(
        9.6,
        1.0 + per_bar * max(len(known), 3),
        title=_headline(known),
        subtitle="bars: measured on the answered samples; lines: exact 95 % intervals; worst recall on top"
        + (f"; the worst {len(known)} of {len(bars)} classes" if len(known) < len(bars) else ""),
    )
    columns = figure.subplots(1, 3, sharey=True)
    for place, (axes, name) in enumerate(zip(columns, ("recall", "precision", "f1"), strict=True)):
        _draw(axes, known, name, SERIES[(0, 2, 3)[place]])
    first = columns[0]
    size = 8.5 if len(known) <= _LABELLED else 6.5
    labels = [
        f"{bar.name if len(bar.name) <= 24 else bar.name[:23] + '…'}  ({bar.support:,})" for bar in known
    ]
    first.set_yticks(range(len(known)), labels, fontsize=size, color=INK)
    first.set_ylim(len(known) - 0.4, -0.6)
    return figure


def _draw(axes: Axes, bars: Sequence[ClassBar], name: str, colour: str) -> None:
    measured: list[Measured] = [getattr(bar, name) for bar in bars]
    values = np.nan_to_num([one.value for one in measured])
    axes.barh(range(len(bars)), values, height=0.72, color=colour, alpha=0.75)
    for place, one in enumerate(measured):
        if np.isnan(one.value):
            axes.text(0.01, place, "n/a", va="center", size=7, color=GREY)
            continue
        axes.plot([one.interval.lower, one.interval.upper], [place, place], color=INK, linewidth=1.1)
        if len(bars) <= _LABELLED:
            axes.text(
                1.02,
                place,
                f"{100 * one.value:.1f}",
                va="center",
                size=8,
                color=INK,
                transform=axes.get_yaxis_transform(),
            )
    axes.set_xlim(0, 1)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_title("F1" if name == "f1" else name.capitalize())


def _headline(known: Sequence[ClassBar]) -> str:
    worst = next((bar for bar in known if not np.isnan(bar.recall.value)), None)
    if worst is None:
        return "No class has an answered sample"
    limits = worst.recall.interval
    if worst.recall.value == 1:
        fewest = min((bar for bar in known if bar.support), key=lambda bar: bar.support)
        return (
            f"Every class is recognised in all of its samples; {fewest.support:,} of {fewest.name} "
            f"prove {percent(fewest.recall.interval.lower)} or more"
        )
    return (
        f"{worst.name} is recognised least: recall {percent(worst.recall.value)} "
        f"({percent(limits.lower)} to {percent(limits.upper)}) of {worst.support:,}"
    )


def _share(hits: int, total: int) -> Measured:
    return Measured(hits / total if total else float("nan"), clopper_pearson(hits, total))


def _f1(hits: int, union: int) -> Measured:
    jaccard = clopper_pearson(hits, union)
    value = 2 * hits / (union + hits) if union else float("nan")
    limits = [2 * limit / (1 + limit) for limit in (jaccard.lower, jaccard.upper)]
    return Measured(
        value, Interval(limits[0], limits[1], jaccard.level, "clopper_pearson of the Jaccard index")
    )
