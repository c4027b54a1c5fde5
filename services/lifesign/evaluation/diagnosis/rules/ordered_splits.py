"""A validation set cut off the end of ordered data."""

from collections.abc import Iterator, Sequence

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, spoken_class
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["unshuffled_validation_split"]

_SPLIT_REMEDY = (
    "Shuffle and stratify before splitting (train_test_split(..., stratify=y), by group where samples "
    "belong together); validation_split takes the last rows as they lie, and shuffle=True only shuffles "
    "what is left."
)


def unshuffled_validation_split(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation is the tail of ordered data: by arithmetic, by impossible accuracies, or by the notes."""
    for rule in (
        _tail_of_ordered_classes,
        _class_in_one_split_only,
        _below_any_guess,
        _useless_tail,
        _order_makes_the_difference,
        _said_to_be_ordered,
    ):
        found = rule(evidence, course)
        if found is not None:
            yield found


def _tail_of_ordered_classes(evidence: Evidence, course: Course | None) -> Finding | None:
    """Rebuild the split from class counts in order, and hold the accuracies against its ceiling."""
    counts, printed = evidence.counts.get("all"), None
    if counts is None and evidence.curves is not None and (printed := evidence.curves.train_samples):
        # Counts of what was given to fit, before it held out a part.
        given = evidence.counts.get("train")
        counts = given if given is not None and (given.size or 0) > 1.02 * printed else None
    if counts is None or len(counts.by_class) < 2:
        return None
    sizes = list(counts.by_class.values())
    n = sum(sizes)
    share = evidence.setup.validation_split
    steps = None if evidence.curves is None else evidence.curves.steps
    if printed and counts is not None and 0 < printed < n:
        n_train = printed
    elif evidence.train_size and 0 < evidence.train_size < n:
        n_train = evidence.train_size
    elif share:
        n_train = int(n * (1 - share))
    elif steps and 0.5 * n < steps < n:
        n_train = steps
    else:
        return None
    validated = None if evidence.curves is None else evidence.curves.validation_samples
    if validated is not None and abs(n_train + validated - n) > 2:
        return None
    if evidence.setup.says(
        r"(shuffled|shuffling|permut\w+|train_test_split|stratif\w+) before"
    ) and not evidence.setup.says(r"not shuffled|without shuffling"):
        return None
    train, validation = _ordered_split(sizes, n_train)
    names = list(counts.by_class)
    absent_in_train = [name for name, size in zip(names, train, strict=True) if not size]
    absent_in_validation = [name for name, size in zip(names, validation, strict=True) if not size]
    if not absent_in_train and not (absent_in_validation and len(absent_in_validation) < len(names)):
        return None
    n_validation = n - n_train
    unseen = sum(v for t, v in zip(train, validation, strict=True) if not t)
    ceiling = (n_validation - unseen) / n_validation
    shown = None if course is None else course.val_accuracy
    proof = (
        f"{n:,} rows class by class "
        f"({' / '.join(f'{size:,}' for size in sizes[:8])}{' …' if len(sizes) > 8 else ''}), the first "
        f"{n_train:,} for training: training gets {' / '.join(f'{size:,}' for size in train[:8])}, "
        f"validation {' / '.join(f'{size:,}' for size in validation[:8])}."
    )
    details: dict[str, object] = {
        "n": n,
        "n_train": n_train,
        "n_validation": n_validation,
        "train_counts": train,
        "validation_counts": validation,
        "classes_missing_in_train": absent_in_train,
        "classes_missing_in_validation": absent_in_validation,
        "val_acc_ceiling": round(ceiling, 5),
    }
    confidence = (
        0.6
        if evidence.setup.says(r"order", r"sorted", r"class by class", r"not shuffled", r"one after")
        else 0.4
    )
    excluded: tuple[str, ...] = ()
    if shown is not None:
        best = float(np.nanmax(shown))
        later = float(np.nanmedian(shown[-max(1, len(shown) // 3) :]))
        slack = 1 / n_validation + 10.0 ** -(course.curves.decimals or 4) if course else 0.0
        if best > ceiling + slack:
            # An untrained network may be lucky; what counts is where a trained one ends.
            trained = None if course is None or course.accuracy is None else float(np.nanmax(course.accuracy))
            if not absent_in_train or (trained or 0) < 0.8 or later > max(ceiling + slack, 0.9 / len(sizes)):
                return None
            proof += (
                f" {', '.join(map(spoken_class, absent_in_train[:5]))} was never trained: with training at "
                f"{trained:.1%} validation falls to {later:.1%}, below a guess (a perfect model of the other "
                f"classes would get {ceiling:.1%})."
            )
            confidence = 0.85
        elif absent_in_train:
            proof += (
                f" {', '.join(map(spoken_class, absent_in_train[:5]))} was never trained, so validation "
                f"accuracy cannot pass {n_validation - unseen:,}/{n_validation:,} = {ceiling:.4f}; the best "
                f"of {len(shown)} epochs is {best:.4f} = {round(best * n_validation):,}/{n_validation:,}."
            )
            excluded = ("overfitting: validation is bad from the first epoch on and bounded by the split",)
            confidence = 0.97 if len(shown) >= 3 else 0.9
        details |= {"val_acc_max": round(best, 5), "val_acc_max_epoch": int(np.nanargmax(shown)) + 1}
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR if confidence > 0.5 else Severity.INFO,
        confidence,
        proof,
        _SPLIT_REMEDY,
        refuted_by=f"one epoch with a validation accuracy above {ceiling:.4f}, or rows that do not lie class "
        "by class",
        excluded=excluded,
        details=dict(details),
    )


def _ordered_split(sizes: Sequence[int], n_train: int) -> tuple[list[int], list[int]]:
    """Return class counts of the first ``n_train`` rows and of the rest, where classes lie one after
    another.
    """
    train, left = [], n_train
    for size in sizes:
        train.append(min(size, max(0, left)))
        left -= size
    return train, [size - kept for size, kept in zip(sizes, train, strict=True)]


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
        _SPLIT_REMEDY,
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
    if trained is None or np.nanmax(trained) < (0.6 if classes <= 4 else max(0.2, 2.5 / classes)):
        return None
    # Few classes make a guess good; of unknown many a share of exactly 0 must come again and again.
    floor = (course.chance or 0.02) * 0.5
    low = float(np.mean(shown <= floor))
    exact = int(np.sum(shown == 0))
    n = course.counted_validation or 200
    unlikely = (1 - (course.chance or 0.05)) ** min(n, 2000) < 1e-3
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
        _SPLIT_REMEDY,
        refuted_by="class counts of the split with every class on both sides",
        excluded=("an empty validation set: its loss would be 0 as well",) if loss_told else (),
        details={"epochs_at_zero": exact, "val_acc_max": round(float(shown.max()), 4)},
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
        _SPLIT_REMEDY,
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
        _SPLIT_REMEDY,
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
        _SPLIT_REMEDY,
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
        _SPLIT_REMEDY,
        refuted_by="rows in random order before the split",
        details={} if gap is None else {"gap": round(gap, 4)},
    )
