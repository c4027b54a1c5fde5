"""How many samples a part has, where nothing states it outright: by accuracies, steps and notes."""

import math
import re

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.statistics import are_shares_of, denominator

__all__ = ["inferred_validation", "likely_validation", "most_training"]

_DEFAULT_BATCH = 32
_FEW_ROWS = 200  # training rows up to which the validation part is a few dozen at most
_BATCH = re.compile(r"batch(?:[_ ]size)?\s*(?:=|:|of)?\s*(\d+)")
_SPLIT_OF = re.compile(r"validation_split\s*(?:=|:|of)?\s*(0?\.\d+) of (?:the )?(\d+)\b")


def most_training(evidence: Evidence, course: Course) -> int | None:
    """Return the largest number of training rows that sizes, accuracies (``k / n``) or steps allow.

    Steps are taken as batches of the size in the notes, 32 where none is written, unless no such number
    of rows gives the printed accuracies.
    """
    if evidence.train_size:
        return evidence.train_size
    curves, shown = course.curves, course.accuracy
    decimals = min(curves.decimals or 4, 6)
    counted = None if shown is None else denominator(shown, decimals=decimals)
    if not curves.steps or (counted or 0) >= curves.steps:
        # No step is without a row.
        return counted
    batch = _BATCH.search(evidence.setup.text)
    most = curves.steps * (int(batch[1]) if batch else _DEFAULT_BATCH)
    if shown is None or most > _FEW_ROWS:
        return most
    kept = shown[np.isfinite(shown)]
    return most if any(are_shares_of(kept, n, decimals=decimals) for n in range(1, most + 1)) else None


def inferred_validation(evidence: Evidence, course: Course) -> tuple[int, str] | None:
    """Return the validation rows beside a small training set, and what tells them.

    One or two accuracies fit a denominator and its multiples; of a training set of at most 200 rows the
    validation part is not a large multiple. ``None`` where it may be, or where the size is known.
    """
    if course.counted_validation is not None:
        return None
    written = _SPLIT_OF.search(evidence.setup.text)
    if written and _fits(course, size := math.ceil(float(written[1]) * int(written[2]) - 1e-9)):
        return size, f"the notes split {written[1]} of {written[2]} rows off"
    most = most_training(evidence, course)
    if most is None or most > _FEW_ROWS or len(course) < 2:
        return None
    share = evidence.setup.validation_split
    if share and _fits(course, size := max(1, round(most * share / (1 - share)))):
        return size, f"a split of {share:g} beside at most {most} training rows"
    least = course.least_validation
    if least is not None and least <= most:
        return least, f"all printed values are k/{least}, and training has at most {most} rows"
    return None


def likely_validation(evidence: Evidence, course: Course, *, unknown: int) -> int:
    """Return the validation rows: known, read off the figures, or else ``unknown``.

    A part whose training set is small is not taken for larger than that.
    """
    if course.counted_validation is not None:
        return course.counted_validation
    if (inferred := inferred_validation(evidence, course)) is not None:
        return inferred[0]
    most = most_training(evidence, course)
    return min(unknown, most) if most is not None else unknown


def _fits(course: Course, n: int) -> bool:
    """Whether all validation accuracies are shares of ``n``, or none is given."""
    shown = course.val_accuracy
    if shown is None:
        return True
    return are_shares_of(shown[np.isfinite(shown)], n, decimals=min(course.curves.decimals or 4, 6))
