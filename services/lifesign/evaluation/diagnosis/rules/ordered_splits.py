"""A validation set cut off the end of ordered data."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_by_class import SPLIT_REMEDY, tail_of_ordered_classes
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error

__all__ = ["unshuffled_validation_split"]


def unshuffled_validation_split(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation is the tail of ordered data: by arithmetic, by impossible accuracies, or by the notes."""
    for rule in (
        tail_of_ordered_classes,
        _class_in_one_split_only,
        _below_any_guess,
        _worse_than_test,
        _useless_tail,
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


def _below_any_guess(evidence: Evidence, course: Course | None) -> Finding | None:
    """Validation accuracy below what a guess gets, while training is good: its class was never trained."""
    if course is None or course.val_accuracy is None:
        return None
    shown = course.val_accuracy[np.isfinite(course.val_accuracy)]
    classes = course.classes or 2
    trained = course.accuracy
    if found := _never_right(course):
        return found
    if trained is None:
        return None
    if np.nanmax(trained) < (0.6 if classes <= 4 else max(0.2, 2.5 / classes)):
        return _none_of_a_counted_set(course)
    # Few classes make a guess good; of unknown many a share of exactly 0 must come again and again.
    floor = (course.chance or 0.02) * 0.5
    low = float(np.mean(shown <= floor))
    exact = int(np.sum(shown == 0))
    n = course.counted_validation or 200
    guess = course.chance or float(np.clip(np.nanmin(trained), 0.05, 0.95))
    unlikely = (1 - guess) ** min(n, 2000) < 1e-3
    if (
        not ((exact >= max(2, 0.5 * len(shown)) or (len(shown) <= 2 and exact == len(shown))) or low >= 0.7)
        or not unlikely
    ):
        return None
    split = evidence.setup.validation_split
    validated = course.val_loss
    by_split = bool(split) or evidence.setup.says(r"sorted|order|not shuffled|class by class|one class")
    loss_told = validated is not None and np.nanmax(validated) > 0
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.9 if by_split else 0.75,
        f"Validation accuracy is exactly 0 in {exact} of {len(shown)} epochs and at most {shown.max():.4f}, "
        f"while training reaches {np.nanmax(trained):.1%}: below any guess, as if validation held only "
        "classes that training lacks"
        + (f" (validation_split={split:g} takes the last rows before shuffling)." if split else "."),
        SPLIT_REMEDY,
        refuted_by="class counts of the split with every class on both sides",
        excluded=("an empty validation set: its loss would be 0 as well",) if loss_told else (),
        details={"epochs_at_zero": exact, "val_acc_max": round(float(shown.max()), 4)},
    )


def _none_of_a_counted_set(course: Course) -> Finding | None:
    """Not one of n is right, epoch after epoch, though even a single answer is right for one class."""
    n, shown, trained = course.counted_validation, course.val_accuracy, course.accuracy
    if n is None or course.chance is None or shown is None or trained is None or len(course) < 2:
        return None
    unlikely = (1 - course.chance) ** n
    if np.nanmax(shown) > 0 or unlikely > 1e-3 or np.nanmax(trained) < course.chance:
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.75,
        f"None of {n} validation samples is right in any of {len(course)} epochs. A set of {course.classes} "
        f"classes lacks the one that is answered with a probability of {unlikely:.1g}: validation holds "
        "other classes than training.",
        SPLIT_REMEDY,
        refuted_by="class counts of the split with every class on both sides",
        details={"epochs_at_zero": len(course), "val_acc_max": 0.0},
    )


def _worse_than_test(evidence: Evidence, course: Course | None) -> Finding | None:
    """Validation is lost from the first epoch on, the test is not: the cut, not the fit, is at fault."""
    if course is None or course.val_accuracy is None or course.val_loss is None or course.accuracy is None:
        return None
    tested = [one for one in evidence.evaluations if one.is_of_test and one.accuracy is not None]
    guess = course.chance_loss
    if not tested or guess is None or len(course) < 2:
        return None
    held, test = end_level(course.val_accuracy), tested[-1].accuracy or 0.0
    n = min(course.counted_validation or 1000, tested[-1].n or 1000)
    apart = test - held
    if apart < max(0.25, 6 * sampling_error(test, n)) or end_level(course.accuracy) < test:
        return None
    if float(np.nanmin(course.val_loss)) < 1.5 * guess:
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.8,
        f"Validation is at {held:.1%} with a loss of {np.nanmin(course.val_loss):.3g} and more from the "
        f"first epoch on, where a guess costs {guess:.3g}, but the test is at {test:.1%}: validation "
        "holds classes that training lacks, as the tail of ordered data does.",
        SPLIT_REMEDY,
        refuted_by="class counts of the split with every class on both sides",
        excluded=("overfitting: the test does not share the loss of validation",),
        details={"val_accuracy": round(held, 4), "test_accuracy": round(test, 4)},
    )


def _never_right(course: Course) -> Finding | None:
    """Not one right in any epoch while training learns and the validation loss rises past its start."""
    trained, shown, validated = course.accuracy, course.val_accuracy, course.val_loss
    if trained is None or shown is None or validated is None or len(course) < 5:
        return None
    if np.nanmax(shown) > 0 or np.nanmax(trained) < max(0.05, 3 * float(trained[0])):
        return None
    if float(validated[-1]) < 1.08 * float(validated[0]):
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.8,
        f"Not one validation sample is right in any of {len(course)} epochs, and the validation loss rises "
        f"from {validated[0]:.4g} to {validated[-1]:.4g}, beyond that of a guess, while training goes from "
        f"{trained[0]:.1%} to {trained[-1]:.1%}: the validation classes are not among those trained.",
        SPLIT_REMEDY,
        refuted_by="class counts of the split with every class on both sides",
        excluded=(
            "an empty validation set: its loss would be 0 as well",
            "too hard a task: a guess is right now and then",
        ),
        details={"epochs_at_zero": len(course), "val_acc_max": 0.0},
    )


def _useless_tail(evidence: Evidence, course: Course | None) -> Finding | None:
    """A log of one or two epochs: validation far below any guess or with an absurd loss, by
    ``validation_split``.
    """
    if course is None or course.accuracy is None or course.val_accuracy is None:
        return None
    if not evidence.setup.validation_split or len(course) > 2:
        return None
    trained, shown = float(course.accuracy[-1]), float(course.val_accuracy[-1])
    absurd = course.val_loss is not None and course.is_absurd(float(course.val_loss[-1]))
    if trained < 0.75 or shown > 0.15 or not absurd:
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.75,
        f"Training is at {trained:.1%}, the tail that validation_split={evidence.setup.validation_split:g} "
        f"keeps at {shown:.1%} with a loss of "
        f"{course.val_loss[-1] if course.val_loss is not None else float('nan'):.3g}, far beyond what unsure "
        "answers cost: the tail is another population.",
        SPLIT_REMEDY,
        refuted_by="the same accuracy on a shuffled part",
        details={"val_acc": shown},
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
    gap = None
    if course is not None and course.accuracy is not None and course.val_accuracy is not None:
        gap = float(np.nanmax(course.accuracy) - np.nanmax(course.val_accuracy))
        if gap < 0.15:
            return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR if gap is not None else Severity.WARNING,
        0.8 if gap is not None else 0.6,
        "The notes say that rows are ordered and that the validation part is cut off the end"
        + (
            f"; training is {gap:.0%} better at its best than validation at its best."
            if gap is not None
            else "."
        ),
        SPLIT_REMEDY,
        refuted_by="rows in random order before the split",
        details={} if gap is None else {"gap": round(gap, 4)},
    )
