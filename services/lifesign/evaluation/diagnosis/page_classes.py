"""What a page shows of the classes: the confusion matrix, the share found of each, the sizes of the sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from lifesign.evaluation.diagnosis.evidence import Evidence, spoken_class
from lifesign.evaluation.diagnosis.wording import percent
from lifesign.evaluation.report import matrices, svg
from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.evaluation.report.figures import confusion_figure

__all__ = ["MatrixView", "class_figures", "matrix_view"]

_NUMBERS_UP_TO = 12  # classes up to which the matrix is a table of numbers
_PICTURE_UP_TO = 400
_BARS = 24
_ROW = 20.0
_SETS = {"train": "training", "all": "all data"}


@dataclass(frozen=True, slots=True)
class MatrixView:
    """The matrix as a table of numbers, or as a picture where it is large."""

    table: matrices.Matrix | None = None
    picture: Markup | None = None
    pairs: tuple[matrices.ConfusedPair, ...] = ()


def matrix_view(evidence: Evidence) -> MatrixView | None:
    """Return the confusion matrix to show, ``None`` where there is none."""
    counts = evidence.evaluated_matrix
    if counts is None or not counts.sum() or len(counts) > _PICTURE_UP_TO:
        return None
    confusion = ConfusionDocument(
        class_names=tuple(evidence.called(index) for index in range(len(counts))),
        counts=tuple(tuple(row) for row in counts.tolist()),
        no_response=(0,) * len(counts),
        decision="as given",
    )
    if len(counts) <= _NUMBERS_UP_TO:
        return MatrixView(table=matrices.class_matrix(confusion))
    order = matrices.confusion_order(confusion)
    return MatrixView(
        picture=confusion_figure(confusion, order), pairs=matrices.confused_pairs(confusion, 12)
    )


def class_figures(evidence: Evidence) -> list[tuple[str, Markup]]:
    """Return (caption, drawing): the share found of each class, and the sizes of the classes by set."""
    figures = []
    shares = _recalls(evidence)
    if len(shares) >= 2:
        caption = "Share found of each class"
        if len(shares) > _BARS:
            caption = f"Share found, the {_BARS} classes with the least"
            shares = sorted(shares, key=lambda bar: bar[1])[:_BARS]
        figures.append((caption, _bars(caption, shares)))
    for name, counts in evidence.counts.items():
        sizes = sorted(counts.by_class.items(), key=lambda item: -item[1])
        if len(sizes) < 2 or not sizes[0][1]:
            continue
        caption = f"Samples of each class, {_SETS.get(name, name)}"
        if len(sizes) > _BARS:
            caption += f": the {_BARS // 2} largest and smallest"
            sizes = [*sizes[: _BARS // 2], *sizes[-_BARS // 2 :]]
        rows = [(spoken_class(label), size / sizes[0][1], f"{size:,}") for label, size in sizes]
        figures.append((caption, _bars(caption, rows)))
    return figures


def _recalls(evidence: Evidence) -> list[tuple[str, float, str]]:
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.sum():
        support = matrix.sum(axis=1)
        return [
            (evidence.called(index), share, f"{percent(share)} of {int(support[index]):,}")
            for index in np.flatnonzero(support).tolist()
            for share in [float(matrix[index, index] / support[index])]
        ]
    if report is None:
        return []
    rows = zip(report.names, report.recall.tolist(), report.support.tolist(), strict=True)
    return [
        (spoken_class(name), share, f"{percent(share)} of {size:,}") for name, share, size in rows if size
    ]


def _bars(caption: str, rows: Sequence[tuple[str, float, str]]) -> Markup:
    """Horizontal bars of shares 0–1 of the width, each with its name and its figure."""
    width, left, right = 520.0, 150.0, 118.0
    room = width - left - right
    parts = []
    for place, (name, share, figure) in enumerate(rows):
        y = 6 + place * _ROW
        shown = name if len(name) <= 22 else f"{name[:21]}…"
        length = max(1.0, share * room)
        parts.append(svg.text(left - 8, y + 13, shown, css="label", anchor="end"))
        parts.append(
            f'<rect x="{left:.1f}" y="{y + 3:.1f}" width="{room:.1f}" height="12" rx="2" class="track"/>'
            f'<rect x="{left:.1f}" y="{y + 3:.1f}" width="{length:.1f}" height="12" rx="2" class="fill0"/>'
        )
        parts.append(svg.text(left + room + 8, y + 13, figure, css="label"))
    told = "; ".join(f"{name} {figure}" for name, _, figure in rows)
    return svg.document(width, 12 + _ROW * len(rows), parts, title=f"{caption}: {told}")
