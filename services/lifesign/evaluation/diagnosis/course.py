"""The course of a training, cleared of what is no measurement: the view that the rules share."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.statistics import denominator, sampling_error

__all__ = ["Course", "broken_in_passing", "course_of", "exhausted_rows", "leftover_rows"]

_Floats = NDArray[np.float64]
_LN_TEN = 2.3
_LEAST_SECONDS = 4.0
_FEWEST_SECONDS = 2.0


def exhausted_rows(curves: Curves) -> list[int]:
    """Return the rows in which training has loss 0 and accuracy 0 at once: no batch was computed."""
    loss, accuracy = curves.loss, curves.accuracy
    if loss is None:
        return []
    is_zero = loss == 0
    if accuracy is None:
        others = [values == 0 for name, values in curves.series.items() if name != "loss"]
        return np.flatnonzero(is_zero & np.all(others, axis=0)).tolist() if others else []
    return np.flatnonzero(is_zero & (accuracy == 0)).tolist()


def leftover_rows(curves: Curves) -> list[int]:
    """Return the rows that took less than a tenth of the time of the rows before and after them.

    No more than a batch was left in the iterator then. Durations are printed in whole seconds, so that those
    around must be some of them; two are enough where it is every second row. The last one has one neighbour.
    """
    taken = [math.nan if one is None else one for one in curves.seconds]
    around = [min(taken[row - 1], taken[row + 1]) for row in range(1, len(taken) - 1)]
    short = [row for row, longer in enumerate(around, start=1) if taken[row] < 0.1 * longer]
    every_second = len(short) >= 3 and set(np.diff(short)) == {2}
    short = [row for row in short if around[row - 1] >= (_FEWEST_SECONDS if every_second else _LEAST_SECONDS)]
    last = len(taken) - 1
    if short and last - 2 == short[-1] and taken[last] < 0.1 * taken[last - 1]:
        short.append(last)
    return short


@dataclass(frozen=True)
class Course:
    """The epochs to judge: without rows in which nothing was computed and before the first broken loss.

    Arrays are ``(n,)``, ``nan`` where an epoch lacks the figure.
    ``rows`` are their places in the log, from 1.
    """

    curves: Curves
    rows: tuple[int, ...]
    classes: int | None
    validation_size: int | None
    majority: float | None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def epochs(self) -> tuple[int, ...]:
        """The number of each epoch as the log prints it; of joined runs, whose numbers return, ``rows``."""
        printed = self.curves.epochs
        ascends = len(printed) == len(self) and all(one < next_one for one, next_one in pairwise(printed))
        return printed if ascends else self.rows

    @property
    def loss(self) -> _Floats | None:
        """Training loss."""
        return self.curves.loss

    @property
    def val_loss(self) -> _Floats | None:
        """Validation loss."""
        return self.curves.val_loss

    @property
    def accuracy(self) -> _Floats | None:
        """Training accuracy, 0–1."""
        return self.curves.accuracy

    @property
    def val_accuracy(self) -> _Floats | None:
        """Validation accuracy, 0–1."""
        return self.curves.val_accuracy

    @cached_property
    def chance(self) -> float | None:
        """The accuracy of a guess, 1/K."""
        return None if not self.classes else 1 / self.classes

    @cached_property
    def constant_answer(self) -> float | None:
        """The accuracy of always answering the largest class; 1/K where sizes are not known."""
        return self.majority or self.chance

    def lift(self, share: float, *, constant: float) -> float:
        """Return how far an accuracy is between a ``constant`` answer's (0) and all right (1)."""
        return (share - constant) / (1 - constant) if constant < 1 else 0.0

    @cached_property
    def chance_loss(self) -> float | None:
        """The cross-entropy of a guess, ln K nats."""
        return None if not self.classes else math.log(self.classes)

    def is_absurd(self, loss: float) -> bool:
        """Whether a loss is above three times what unsure answers cost: ln K nats, at least ln 10."""
        return loss > 3 * max(self.chance_loss or _LN_TEN, _LN_TEN)

    def begins_after(self, epoch: int) -> bool:
        """Whether the log numbers its epochs and begins later than this one: a training that goes on."""
        return bool(self.curves.epochs) and self.curves.epochs[0] > epoch

    @cached_property
    def counted_validation(self) -> int | None:
        """Validation samples: stated, or read off the accuracies where they are ``k / n`` of a small
        ``n``.
        """
        if self.validation_size:
            return self.validation_size
        if self.val_accuracy is None or not self.curves.decimals:
            return None
        return denominator(self.val_accuracy, decimals=min(self.curves.decimals, 6))

    @cached_property
    def least_validation(self) -> int | None:
        """The smallest number of validation samples that the accuracies fit, where that is a small one.

        With few of them it may be a multiple; it says how much sampling could explain at most.
        """
        if self.val_accuracy is None or not self.curves.decimals:
            return self.counted_validation
        decimals = min(self.curves.decimals, 6)
        return self.counted_validation or denominator(self.val_accuracy, decimals=decimals, fewest=1)

    def validation_error(self, share: float) -> float:
        """Return the standard error of a validation accuracy; of 1,000 samples where the size is unknown."""
        return sampling_error(share, self.counted_validation or 1000)

    @cached_property
    def best(self) -> int | None:
        """Index of the least validation loss."""
        return None if self.val_loss is None else int(np.nanargmin(self.val_loss))


def course_of(evidence: Evidence) -> Course | None:
    """Return the epochs to judge, ``None`` without any.

    Of several runs joined, one that begins where the one before ended goes on with it; otherwise the longest
    is judged, of equals the last.
    """
    curves = evidence.curves
    if curves is None or not len(curves):
        return None
    empty = {*exhausted_rows(curves), *leftover_rows(curves)}
    end = curves.first_broken[1] if curves.first_broken else len(curves)
    if broken_in_passing(curves):
        # The epochs after it went on as if nothing had happened.
        empty |= {row for rows in curves.broken.values() for row in rows}
        end = len(curves)
    first, last = _judged_run(curves)
    keep = [row for row in range(first, min(end, last)) if row not in empty]
    if not keep:
        return None
    return Course(
        curves=curves.rows(keep),
        rows=tuple(row + 1 for row in keep),
        classes=evidence.classes or _classes_guessed(curves.rows(keep)),
        validation_size=evidence.validation_size,
        majority=_majority(evidence),
    )


def broken_in_passing(curves: Curves) -> bool:
    """Whether losses that are no numbers are single epochs, each followed by finite ones."""
    rows = {row for given in curves.broken.values() for row in given}
    loss = curves.loss if curves.loss is not None else curves.val_loss
    if not rows or loss is None:
        return False
    finite = np.isfinite(loss)
    return len(rows) <= 0.3 * len(curves) and bool(
        finite[-1] and finite[max(rows) - 1 :].any() and finite.sum() >= 4
    )


def _judged_run(curves: Curves) -> tuple[int, int]:
    loss = curves.loss if curves.loss is not None else curves.val_loss
    if len(curves.run_starts) == 1 or loss is None:
        return 0, len(curves)
    bounds = [*curves.run_starts, len(curves)]
    runs: list[list[int]] = []
    for start, end in pairwise(bounds):
        goes_on = runs and loss[start] < (loss[runs[-1][0]] + 2 * loss[start - 1]) / 3
        if goes_on:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    longest = max(runs, key=lambda run: (run[1] - run[0], run[0]))
    return longest[0], longest[1]


def _classes_guessed(curves: Curves) -> int | None:
    """Return K where loss and accuracy stay at ln K and 1/K together: that tells the number of classes."""
    loss, accuracy = curves.loss, curves.accuracy
    if loss is None or accuracy is None:
        return None
    if len(curves) < 3:
        return _classes_of_a_row(curves)
    level, right = float(np.nanmedian(loss)), float(np.nanmedian(accuracy))
    classes = round(math.exp(level)) if 0 < level < 7 else 0
    if classes < 2 or abs(level - math.log(classes)) > 0.005 * level:
        return None
    frozen = len(loss) >= 6 and float(np.mean(np.abs(loss - math.log(classes)) < 2e-4)) >= 0.5
    return classes if frozen or abs(right - 1 / classes) < max(0.003, 0.06 / classes) else None


def _classes_of_a_row(curves: Curves) -> int | None:
    """Return K where both losses and both accuracies of the last of few epochs are those of a guess."""
    classes = 0
    for loss, accuracy, slack in (
        (curves.val_loss, curves.val_accuracy, 2e-4),
        (curves.loss, curves.accuracy, 5e-3),
    ):
        if loss is None or accuracy is None or not 0 < loss[-1] < 7:
            return None
        classes = classes or round(math.exp(loss[-1]))
        if classes < 2 or abs(loss[-1] / math.log(classes) - 1) > slack:
            return None
        if abs(accuracy[-1] - 1 / classes) > max(0.003, 0.06 / classes):
            return None
    return classes


def _majority(evidence: Evidence) -> float | None:
    for name in ("validation", "test", "all", "train"):
        counts = evidence.counts.get(name)
        if counts is not None and len(counts.by_class) >= 2 and counts.size:
            return max(counts.by_class.values()) / counts.size
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum():
        return float(matrix.sum(axis=1).max() / matrix.sum())
    rare = evidence.setup.minority_share
    return None if rare is None else 1 - rare
