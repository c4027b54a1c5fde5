"""A validation set cut off the end of ordered data."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_by_class import SPLIT_REMEDY, tail_of_ordered_classes
from lifesign.evaluation.diagnosis.rules.leakage import NOT_OVERSAMPLED, OVERSAMPLED
from lifesign.evaluation.diagnosis.rules.other_classes import (
    below_any_guess,
    only_one_class,
    useless_tail,
    worse_than_test,
)

__all__ = ["unshuffled_validation_split"]


def unshuffled_validation_split(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation is the tail of ordered data: by arithmetic, by impossible accuracies, or by the notes."""
    for rule in (
        tail_of_ordered_classes,
        _class_in_one_split_only,
        below_any_guess,
        worse_than_test,
        useless_tail,
        only_one_class,
        _synthetic_tail,
        _order_makes_the_difference,
        _said_to_be_ordered,
    ):
        found = rule(evidence, course)
        if found is not None:
            yield found


def _class_in_one_split_only(evidence: Evidence, course: Course | None) -> Finding | None:
    train, validation = evidence.counts.get("train"), evidence.counts.get("validation")
    if train is None or validation is None or not train.by_class or not validation.by_class:
        return None
    names = list(dict.fromkeys([*train.by_class, *validation.by_class]))
    absent_in_train = [name for name in names if not train.by_class.get(name)]
    absent_in_validation = [name for name in names if not validation.by_class.get(name)]
    if not absent_in_train and not absent_in_validation:
        return None
    lacking = "training" if absent_in_train else "validation"
    absent = absent_in_train or absent_in_validation
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR if absent_in_train else Severity.WARNING,
        0.93 if absent_in_train else 0.6,
        f"{', '.join(absent[:5])} is in one part only: {lacking} has no sample of it.",
        SPLIT_REMEDY,
        refuted_by="counts of the split with every class on both sides",
        details={
            "classes_missing_in_train": absent_in_train,
            "classes_missing_in_validation": absent_in_validation,
        },
    )


def _synthetic_tail(evidence: Evidence, course: Course | None) -> Finding | None:
    """``validation_split`` of oversampled rows: the samples made for the rare class are the last ones."""
    setup = evidence.setup
    if not setup.validation_split or not setup.says(*OVERSAMPLED) or setup.says(*NOT_OVERSAMPLED):
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.WARNING,
        0.55,
        f"validation_split={setup.validation_split:g} takes the last rows of what fit is given, and "
        "oversampling appends the samples that it makes for the rare class: validation is of those.",
        SPLIT_REMEDY,
        refuted_by="oversampled rows shuffled before fit, or class counts of the tail",
    )


def _order_makes_the_difference(evidence: Evidence, course: Course | None) -> Finding | None:
    """The same split taken from rows as stored and from shuffled rows, with different results."""
    stored = [one for one in evidence.scored if _says(one.method, _STORED)]
    mixed = [one for one in evidence.scored if _says(one.method, _MIXED)]
    if not stored or not mixed:
        return None
    low, high = min(one.accuracy or 0 for one in stored), max(one.accuracy or 0 for one in mixed)
    if high - low < 0.15:
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.9,
        f"The tail of the rows as stored gives {low:.1%}, a random part of the same rows {high:.1%}: only "
        "the order differs, so the rows are sorted by something that matters.",
        SPLIT_REMEDY,
        refuted_by="another random part giving as little as the tail",
        details={"as_stored": low, "shuffled": high},
    )


_STORED = (
    "as stored",
    "unshuffled",
    "not shuffled",
    "without shuffl",
    "in order",
    "sorted",
    "as they lie",
    "last ",
)


_MIXED = ("permut", "shuffled", "random", "stratif")


def _says(method: str, words: tuple[str, ...]) -> bool:
    return any(word in method.lower() for word in words) and not (words is _MIXED and _says(method, _STORED))


def _said_to_be_ordered(evidence: Evidence, course: Course | None) -> Finding | None:
    setup = evidence.setup
    ordered = setup.says(
        r"(not|never|without|isn't|no) shuffl",
        r"sorted by (class|label)",
        r"class by class",
        r"ordered by (class|label)",
        r"one (class )?after (the other|another)",
        r"data (is|are|was|were) (sorted|ordered)",
        r"first all .* then all",
        r"(sorted|ordered)\b[^.\n]{0,30}\b(label|class|target|source|date|time|subject)",
        r"shuffle\s*=\s*false[^.\n]*(split|fit)",
    )
    split = setup.says(
        r"validation_split",
        r"last \d+ ?(%|rows|samples|lines)",
        r"tail",
        r"\[:[-\w ]+\]",
        r"slic",
        r"subset\s*=\s*['\"]validation",
    )
    if not (ordered and split):
        return None
    gap, shown = None, ""
    if course is not None and course.accuracy is not None and course.val_accuracy is not None:
        trained, held = float(np.nanmax(course.accuracy)), float(np.nanmax(course.val_accuracy))
        gap = trained - held
        # A tail that is all right from the first epoch on is of one class.
        if gap < 0.15 and not (np.nanmin(course.val_accuracy) == 1 and trained < 0.98):
            return None
        shown = f"; training is at {trained:.1%} at its best, validation at {held:.1%}"
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR if gap is not None else Severity.WARNING,
        0.8 if gap is not None else 0.6,
        f"The notes say that rows are ordered and that the validation part is cut off the end{shown}.",
        SPLIT_REMEDY,
        refuted_by="rows in random order before the split",
        details={} if gap is None else {"gap": round(gap, 4)},
    )
