"""Validation curves that only other classes than those of the training explain."""

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_by_class import SPLIT_REMEDY
from lifesign.evaluation.diagnosis.rules.set_sizes import likely_validation
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error, share_is_below

__all__ = ["below_any_guess", "only_one_class", "useless_tail", "worse_than_test"]

_FEWEST = 10  # rows below which each may just be one of those not learned yet
_CERTAIN = 1e-5  # mean cross-entropy of answers that are all sure and right


def below_any_guess(evidence: Evidence, course: Course | None) -> Finding | None:
    """Validation accuracy below what a guess gets, while training is good: its class was never trained."""
    if course is None or course.val_accuracy is None:
        return None
    shown = course.val_accuracy[np.isfinite(course.val_accuracy)]
    classes = course.classes or 2
    trained = course.accuracy
    n = likely_validation(evidence, course, unknown=200)
    if found := _never_right(course, n):
        return found
    if trained is None:
        return None
    if np.nanmax(trained) < (0.6 if classes <= 4 else max(0.2, 2.5 / classes)):
        return _none_of_a_counted_set(course)
    # Few classes make a guess good; of unknown many a share of exactly 0 must come again and again.
    floor = (course.chance or 0.02) * 0.5
    low = float(np.mean(shown <= floor))
    exact = int(np.sum(shown == 0))
    unlikely = _least_likely(course, n) < 1e-3
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


def _least_likely(course: Course, n: int) -> float:
    """Return the least probability, of all epochs, of as few right of ``n`` as validation has.

    Each is right with the probability of a guess, or of a training that is not even as good. Without the
    number of classes the worst training accuracy stands for it.
    """
    if course.accuracy is None or course.val_accuracy is None:
        return 1.0
    guess = course.chance or float(np.clip(np.nanmin(course.accuracy), 0.05, 0.95))
    pairs = zip(course.accuracy, course.val_accuracy, strict=True)
    chances = (
        share_is_below(right * n, n, min(guess, trained))
        for trained, right in pairs
        if np.isfinite(trained) and np.isfinite(right)
    )
    # Training and validation may be logged in different rows.
    return min(chances, default=1.0)


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


def worse_than_test(evidence: Evidence, course: Course | None) -> Finding | None:
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


def _never_right(course: Course, n: int) -> Finding | None:
    """Not one right in any epoch while training learns and the validation loss rises past its start."""
    trained, shown, validated = course.accuracy, course.val_accuracy, course.val_loss
    if trained is None or shown is None or validated is None or len(course) < 5 or n < _FEWEST:
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


def useless_tail(evidence: Evidence, course: Course | None) -> Finding | None:
    """Validation far below any guess with an absurd loss from the first epoch on, by ``validation_split``."""
    if course is None or course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return None
    if not evidence.setup.validation_split:
        return None
    if len(course) > 2 and (course.begins_after(1) or evidence.setup.has_batch_normalisation):
        return None
    trained, shown = float(course.accuracy[-1]), float(np.nanmax(course.val_accuracy))
    if (
        trained < 0.75
        or shown > min(0.15, 3 * (course.chance or 1))
        or not course.is_absurd(float(np.nanmin(course.val_loss)))
    ):
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.75,
        f"Training is at {trained:.1%}, the tail that validation_split={evidence.setup.validation_split:g} "
        f"keeps at {shown:.1%} at its best with a loss of {np.nanmin(course.val_loss):.3g} and more, far "
        "beyond what unsure answers cost: the tail is another population.",
        SPLIT_REMEDY,
        refuted_by="the same accuracy on a shuffled part",
        details={"val_acc": shown},
    )


def only_one_class(evidence: Evidence, course: Course | None) -> Finding | None:
    """All validation answers are sure and right while training errs: one class, and always that answer."""
    if course is None or course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return None
    sure = (course.val_accuracy == 1) & (course.val_loss < _CERTAIN)
    # All right in some epochs and all wrong in the others: one class, and one answer at a time.
    all_or_none = (course.val_accuracy == 1) | (course.val_accuracy == 0)
    is_split = evidence.setup.validation_split is not None
    if (
        not sure.any()
        or not (np.mean(sure) >= 0.7 or all_or_none.all())
        or len(course) < (1 if is_split else 3)
    ):
        return None
    n = course.counted_validation or (_FEWEST if is_split else 0)
    right = float(np.nanmax(course.accuracy[sure]))
    chance = right**n
    if chance > 1e-3:
        return None
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR,
        0.75,
        f"All of {n:,} validation samples are right with a loss of {np.nanmin(course.val_loss):.1g} in "
        f"{int(sure.sum())} of {len(course)} epochs, while {1 - right:.1%} of training are wrong: as good as "
        f"training, that has a probability of {chance:.1g}. Validation holds one class, and it is the answer "
        "to everything there.",
        SPLIT_REMEDY,
        refuted_by="class counts of the validation part with every class in it",
        excluded=("leakage: rows known from training are not surer than in training",),
        details={"epochs_all_right": int(sure.sum())},
    )
