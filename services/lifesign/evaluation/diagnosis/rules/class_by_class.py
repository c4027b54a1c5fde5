"""The split of rows that lie class by class, worked out from the class counts alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, spoken_class
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["SPLIT_REMEDY", "tail_of_ordered_classes"]

SPLIT_REMEDY = (
    "Shuffle and stratify before splitting (train_test_split(..., stratify=y), by group where samples "
    "belong together); validation_split takes the last rows as they lie, and shuffle=True only shuffles "
    "what is left."
)


@dataclass(frozen=True)
class _Split:
    """Counts of each class in the first rows, which train, and in the rest, which validate."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    train: tuple[int, ...]
    validation: tuple[int, ...]

    @classmethod
    def of_rows_in_order(cls, counts: Mapping[str, int], n_train: int) -> "_Split":
        """Return the split after ``n_train`` rows, where classes lie one after another."""
        train, left = [], n_train
        for size in counts.values():
            train.append(min(size, max(0, left)))
            left -= size
        rest = [size - kept for size, kept in zip(counts.values(), train, strict=True)]
        return cls(tuple(counts), tuple(counts.values()), tuple(train), tuple(rest))

    @property
    def missing_in_train(self) -> list[str]:
        """Classes without a training row."""
        return [name for name, size in zip(self.names, self.train, strict=True) if not size]

    @property
    def missing_in_validation(self) -> list[str]:
        """Classes without a validation row."""
        return [name for name, size in zip(self.names, self.validation, strict=True) if not size]

    @property
    def n_validation(self) -> int:
        """Validation rows."""
        return sum(self.validation)

    @property
    def n_answerable(self) -> int:
        """Validation rows of classes that were trained."""
        return sum(held for kept, held in zip(self.train, self.validation, strict=True) if kept)

    @property
    def ceiling(self) -> float:
        """The validation accuracy of a perfect model of the trained classes."""
        return self.n_answerable / self.n_validation

    @property
    def untrained(self) -> str:
        """The classes without a training row, in words."""
        return ", ".join(map(spoken_class, self.missing_in_train[:5]))


def tail_of_ordered_classes(evidence: Evidence, course: Course | None) -> Finding | None:
    """Rebuild the split from class counts in order, and hold the accuracies against its ceiling.

    The ceiling is the share of the validation rows whose class was trained. An accuracy above it, by more
    than one sample and the rounding, refutes the order.
    """
    split = _rebuilt(evidence)
    if split is None:
        return None
    ordered = evidence.setup.says(r"order", r"sorted", r"class by class", r"not shuffled", r"one after")
    verdict = "", 0.6 if ordered else 0.4
    seen: dict[str, object] = {}
    if course is not None and course.val_accuracy is not None:
        best = float(np.nanmax(course.val_accuracy))
        slack = 1 / split.n_validation + 10.0 ** -(course.curves.decimals or 4)
        if best > split.ceiling + slack:
            found = _above_in_passing(split, course, bound=split.ceiling + slack)
            if found is None:
                return None
            verdict = found
        elif split.missing_in_train:
            verdict = _below_ceiling(split, course)
        seen = {
            "val_acc_max": round(best, 5),
            "val_acc_max_epoch": course.epochs[int(np.nanargmax(course.val_accuracy))],
        }
    proof, confidence = verdict
    bounded = "overfitting: validation is bad from the first epoch on and bounded by the split"
    return Finding(
        Code.UNSHUFFLED_VALIDATION_SPLIT,
        Severity.ERROR if confidence > 0.5 else Severity.INFO,
        confidence,
        _in_words(split) + proof,
        SPLIT_REMEDY,
        refuted_by=f"one epoch with a validation accuracy above {split.ceiling:.4f}, or rows that do not lie "
        "class by class",
        excluded=(bounded,) if confidence >= 0.9 else (),
        details={
            "n": sum(split.sizes),
            "n_train": sum(split.train),
            "n_validation": split.n_validation,
            "train_counts": list(split.train),
            "validation_counts": list(split.validation),
            "classes_missing_in_train": split.missing_in_train,
            "classes_missing_in_validation": split.missing_in_validation,
            "val_acc_ceiling": round(split.ceiling, 5),
            **seen,
        },
    )


def _in_words(split: _Split) -> str:
    more = " …" if len(split.sizes) > 8 else ""
    return (
        f"{sum(split.sizes):,} rows class by class ({_listed(split.sizes)}{more}), the first "
        f"{sum(split.train):,} for training: training gets {_listed(split.train)}, validation "
        f"{_listed(split.validation)}."
    )


def _listed(sizes: Sequence[int]) -> str:
    return " / ".join(f"{size:,}" for size in sizes[:8])


def _above_in_passing(split: _Split, course: Course, *, bound: float) -> tuple[str, float] | None:
    """Return proof and confidence where only an untrained network was above the ceiling; else ``None``."""
    shown = course.val_accuracy
    if shown is None or course.accuracy is None or not split.missing_in_train:
        return None
    # An untrained network may be lucky; what counts is where a trained one ends.
    trained = float(np.nanmax(course.accuracy))
    later = end_level(shown, max(1, len(shown) // 3))
    if trained < 0.8 or later > max(bound, 0.9 / len(split.sizes)):
        return None
    return (
        f" {split.untrained} was never trained: with training at {trained:.1%} validation falls to "
        f"{later:.1%}, below a guess (a perfect model of the other classes would get {split.ceiling:.1%}).",
        0.85,
    )


def _below_ceiling(split: _Split, course: Course) -> tuple[str, float]:
    """Return proof and confidence where every validation accuracy keeps below the ceiling."""
    epochs, best = len(course), 0.0 if course.val_accuracy is None else float(np.nanmax(course.val_accuracy))
    return (
        f" {split.untrained} was never trained, so validation accuracy cannot pass {split.n_answerable:,}/"
        f"{split.n_validation:,} = {split.ceiling:.4f}; the best of {epochs} epochs is {best:.4f} = "
        f"{round(best * split.n_validation):,}/{split.n_validation:,}.",
        0.97 if epochs >= 3 else 0.9,
    )


def _rebuilt(evidence: Evidence) -> _Split | None:
    """Return the split by counts and sizes where a class is on one side only and nothing denies the order."""
    whole = _all_rows(evidence)
    if whole is None:
        return None
    counts, printed = whole
    n = sum(counts.values())
    n_train = _train_rows(evidence, n, printed=printed)
    if n_train is None:
        return None
    validated = None if evidence.curves is None else evidence.curves.validation_samples
    if validated is not None and abs(n_train + validated - n) > 2:
        return None
    if evidence.setup.says(
        r"(shuffled|shuffling|permut\w+|train_test_split|stratif\w+) before"
    ) and not evidence.setup.says(r"not shuffled|without shuffling"):
        return None
    split = _Split.of_rows_in_order(counts, n_train)
    return split if split.missing_in_train or split.missing_in_validation else None


def _all_rows(evidence: Evidence) -> tuple[Mapping[str, int], int | None] | None:
    """Return the counts of all rows and, where only the log tells them apart, how many of them train."""
    counts, printed = evidence.counts.get("all"), None
    if counts is None and evidence.curves is not None and (printed := evidence.curves.train_samples):
        # Counts of what was given to fit, before it held out a part.
        given = evidence.counts.get("train")
        counts = given if given is not None and (given.size or 0) > 1.02 * printed else None
    if counts is None or len(counts.by_class) < 2:
        return None
    return counts.by_class, printed


def _train_rows(evidence: Evidence, n: int, *, printed: int | None) -> int | None:
    """Return how many of ``n`` rows train: as printed, as stated, by ``validation_split`` or by the steps."""
    share = evidence.setup.validation_split
    steps = None if evidence.curves is None else evidence.curves.steps
    if printed and 0 < printed < n:
        return printed
    if evidence.train_size and 0 < evidence.train_size < n:
        return evidence.train_size
    if share:
        return int(n * (1 - share))
    return steps if steps and 0.5 * n < steps < n else None
