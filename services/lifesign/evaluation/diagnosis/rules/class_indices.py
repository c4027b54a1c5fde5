"""Classes that the model knows under other indices or names than the labels have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["RECODE", "below_a_guess", "permuted_classes", "two_sets_of_names"]

RECODE = (
    "Code labels 0…K−1 in the order of the model's outputs (or one-hot for categorical cross-entropy); "
    "check with one known sample per class."
)
"""The remedy for labels that count or name the classes otherwise."""


def below_a_guess(evidence: Evidence) -> Iterator[Finding]:
    """Far fewer right than a guess gets, by one way; by another the same model is good: the indices
    differ.
    """
    classes = evidence.classes
    shown = evidence.scored
    if not classes or classes < 3 or len(shown) < 2:
        return
    best = max(one.accuracy or 0.0 for one in shown)
    for one in shown:
        low = one.accuracy or 0.0
        counts = evidence.counts.get(one.split)
        n = one.n or (None if counts is None else counts.size) or 500
        twin = next((two for two in shown if two.accuracy == best), one)
        same_set = twin.split == one.split and twin.n == one.n
        if (
            same_set
            and best > 0.6
            and low < 0.7 / classes
            and low < 1 / classes - 4 * sampling_error(1 / classes, n)
        ):
            yield Finding(
                Code.LABEL_ENCODING_MISMATCH,
                Severity.ERROR,
                0.85,
                f"{low:.1%} right ({one.method or one.split}) is far below the {1 / classes:.1%} of a guess "
                f"among {classes} classes, while the same model gets {best:.1%} otherwise: it knows the "
                "classes, but under other indices.",
                RECODE,
                refuted_by="a matrix without a full column off the diagonal",
                excluded=("chance and shuffled order: they would be at a guess, not below it",),
                details={"accuracy": low, "guess": round(1 / classes, 4)},
            )
            return


def two_sets_of_names(evidence: Evidence) -> Iterator[Finding]:
    """A report in which some names are never true and others never right, while the rest are good."""
    report = evidence.report
    if report is None or len(report.names) < 5:
        return
    unknown = [name for name, n in zip(report.names, report.support.tolist(), strict=True) if not n]
    never = [
        (name, n)
        for name, n, recall in zip(report.names, report.support.tolist(), report.recall.tolist(), strict=True)
        if n >= 30 and recall == 0
    ]
    good = report.recall[(report.support > 0) & (report.recall > 0)]
    if len(unknown) < 2 or len(never) < 2 or not len(good) or float(np.median(good)) < 0.7:
        return
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.85,
        f"{', '.join(name for name, _ in never[:5])} ({sum(n for _, n in never):,} samples) are never right "
        f"while {', '.join(unknown[:5])} never are true, and the other classes are found in "
        f"{np.median(good):.0%}: labels and predictions use two sets of names.",
        RECODE,
        refuted_by="the classes being really unknown to the model",
        details={"never_right": [name for name, _ in never], "never_true": unknown},
    )


def permuted_classes(evidence: Evidence) -> Iterator[Finding]:
    """A matrix whose samples lie off the diagonal, class by class on one other column."""
    counts = evidence.evaluated_matrix
    if counts is None or counts.sum() < 20:
        return
    matrix = counts.astype(np.float64)
    found, swapped = _assignment(matrix), _swapped(matrix)
    whole = found.is_whole(matrix)
    if not (whole and len(found.clear) >= min(2, len(matrix))) and not swapped:
        return
    shift = _shift(found.moved, len(matrix))
    doubtful = len(matrix) == 2 and _may_shuffle(evidence)
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.8 if not whole else 0.7 if doubtful else 0.93,
        _moved_as_a_whole(evidence, found, shift, int(counts.sum()))
        if whole
        else _exchanged(evidence, swapped),
        RECODE,
        refuted_by="single samples whose prediction is really the other class",
        excluded=(
            "chance: rows are concentrated in one column each",
            "shuffled order: it would spread the rows",
        ),
        details={
            "diagonal": round(found.right, 4),
            "best_assignment": round(found.best, 4),
            "shift": shift,
            "moved": {
                evidence.name_of(row): evidence.name_of(column)
                for row, column in list(found.moved.items())[:20]
            },
        },
    )


@dataclass(frozen=True)
class _Assignment:
    """One column for each row: the columns that hold most samples together."""

    right: float
    """The share of samples on the diagonal."""
    best: float
    """The share of samples on the assigned columns."""
    moved: dict[int, int]
    """The assigned column of each row whose column is off the diagonal."""
    clear: list[int]
    """The moved rows that have half of their samples or more on that column."""

    def is_whole(self, matrix: NDArray[np.float64]) -> bool:
        """Whether the matrix as a whole fits the assignment, and fits the diagonal no better than chance."""
        if len(matrix) == 2:
            # Two classes the other way round: below a guess, by far.
            return self.right < 0.3 and float(matrix.sum(axis=1).min()) > 5 and self.best > 0.7
        total = matrix.sum()
        expected = float((matrix.sum(axis=1) / total) @ (matrix.sum(axis=0) / total))
        return (
            self.best >= 0.5
            and self.best - self.right >= 0.3
            and self.right < max(expected, 1 / len(matrix)) + 0.05
        )


def _assignment(matrix: NDArray[np.float64]) -> _Assignment:
    total = matrix.sum()
    rows, columns = _best_assignment(matrix)
    moved = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if row != column}
    return _Assignment(
        right=float(np.trace(matrix) / total),
        best=float(matrix[rows, columns].sum() / total),
        moved=moved,
        clear=[
            row
            for row, column in moved.items()
            if matrix[row].sum() and matrix[row, column] >= 0.5 * matrix[row].sum()
        ],
    )


def _moved_as_a_whole(evidence: Evidence, found: _Assignment, shift: int | None, samples: int) -> str:
    named = ", ".join(
        f"{evidence.name_of(row)}→{evidence.name_of(found.moved[row])}" for row in found.clear[:5]
    )
    more = ", …" if len(found.clear) > 5 else ""
    end = f"predicted index = true index {shift:+d}." if shift else "the same classes under other indices."
    return (
        f"The diagonal holds {found.right:.1%} of {samples:,} samples, but {found.best:.1%} lie on another "
        f"assignment of columns to rows ({named}{more}): {end}"
    )


def _exchanged(evidence: Evidence, swapped: list[tuple[int, int]]) -> str:
    pairs = ", ".join(f"{evidence.name_of(a)}⇄{evidence.name_of(b)}" for a, b in swapped)
    return (
        f"Classes are exchanged one for the other: {pairs}; each is nearly always predicted as its partner."
    )


def _best_assignment(matrix: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and the columns, one for each, that hold most samples together."""
    size = len(matrix)
    same, turned = np.arange(size), np.arange(size)[::-1]
    if size == 2:
        is_turned = matrix[0, 1] + matrix[1, 0] > np.trace(matrix)
        return same, turned if is_turned else same
    if np.trace(matrix) >= 0.7 * matrix.sum():
        # No other assignment could hold so much more that it mattered.
        return same, same
    # Loaded where it is needed: it takes 25 MB.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(matrix, maximize=True)  # type: ignore[no-any-return]


def _swapped(matrix: NDArray[Any]) -> list[tuple[int, int]]:
    support = matrix.sum(axis=1)
    if len(matrix) < 3:
        return []
    shares = np.divide(matrix, support[:, None], out=np.zeros_like(matrix), where=support[:, None] > 0)
    return [
        (first, second)
        for first in range(len(matrix))
        for second in range(first + 1, len(matrix))
        if min(support[first], support[second]) >= 5
        and min(shares[first, second], shares[second, first]) >= 0.6
    ]


def _shift(moved: dict[int, int], size: int) -> int | None:
    steps = [column - row for row, column in moved.items()]
    for step in (1, -1):
        if steps.count(step) >= max(2, 0.5 * min(len(steps), size - 1)):
            return step
    return None


def _may_shuffle(evidence: Evidence) -> bool:
    return evidence.setup.says(r"generator", r"shuffl") and not evidence.setup.says(r"shuffle\s*=\s*false")
