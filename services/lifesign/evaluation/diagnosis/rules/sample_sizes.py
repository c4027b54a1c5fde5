"""Differences that the size of a set explains, and differences that it does not."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.set_sizes import inferred_validation, most_training
from lifesign.evaluation.diagnosis.statistics import (
    are_shares_of,
    differ,
    end_level,
    noise,
    sampling_error,
    share_is_below,
    trend,
)

__all__ = ["validation_test_mismatch", "validation_too_small"]

_FEW = 30  # one row is more than three points
_SOME = 25  # from here on a loss, which is a number of every row, tells more than the share right
_COARSE = 120  # up to here an accuracy is known to nine points or worse: 1.96 * 0.5 / sqrt(120)
_TESTED = re.compile(r"\b\d+ of (\d+) (?:test|validation|held-?out|unseen)\b")


def validation_too_small(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Differences that are one or a few samples."""
    if course is not None:
        found = _small_by_curve(evidence, course) or _small_test(evidence, course)
    else:
        found = _small_difference(evidence) or _small_figures(evidence)
    if found is not None:
        yield found


def _small_figures(evidence: Evidence) -> Finding | None:
    """A matrix, a report or single figures of less than 60 samples."""
    matrix = evidence.evaluated_matrix
    n = (
        int(matrix.sum())
        if matrix is not None
        else evidence.report.n
        if evidence.report is not None
        else None
    )
    if n is None:
        n = min((one.n for one in evidence.evaluations if one.n), default=None)
    perfect = matrix is not None and n == np.trace(matrix) and n is not None and n >= 28
    if n is None or not 0 < n < 60:
        return None
    return _small(
        n,
        _told(n),
        severity=Severity.INFO if perfect else Severity.WARNING,
        confidence=0.6 if perfect or n > 35 or _lacks_a_class(evidence, n) else 0.82,
    )


def _lacks_a_class(evidence: Evidence, n: int) -> bool:
    """Whether a class has no sample among ten or more: its absence weighs more than their number."""
    report, matrix = evidence.report, evidence.evaluated_matrix
    sizes = report.support if report is not None else None if matrix is None else matrix.sum(axis=1)
    return n >= 10 and sizes is not None and len(sizes) > 1 and bool(np.any(sizes == 0))


def _told(n: int) -> str:
    return (
        f"The figures are of {n} samples: one sample is {1 / n:.1%}, and an accuracy of 80 % would be "
        f"known to ± {1.96 * sampling_error(0.8, n):.0%} only."
    )


def _small_difference(evidence: Evidence) -> Finding | None:
    """Two models or settings compared by a few samples of the same small set."""
    shown = [one for one in evidence.evaluations if one.accuracy is not None and one.n and one.n <= 200]
    for index, one in enumerate(shown):
        for other in shown[index + 1 :]:
            if one.split != other.split or one.n != other.n or one.method == other.method or one.n is None:
                continue
            first, second = one.accuracy or 0.0, other.accuracy or 0.0
            if abs(first - second) > 0 and abs(differ(first, one.n, second, one.n)) < 2:
                return _small(
                    one.n,
                    f"{first:.1%} and {second:.1%} of {one.n} differ by {round(abs(first - second) * one.n)} "
                    "samples, less than two standard errors of a difference "
                    f"({1.96 * np.sqrt(2) * sampling_error(first, one.n):.1%}).",
                    severity=Severity.WARNING,
                    confidence=0.8,
                )
    return None


def _small_by_curve(evidence: Evidence, course: Course) -> Finding | None:
    """Accuracies of the epochs that are shares of a few samples, or losses of as few."""
    shown = course.val_accuracy
    if shown is None:
        size = evidence.validation_size
        if not size or size >= _FEW:
            return None
        proof = f"The validation set has {size} samples."
        falls = _keeps_falling(course)
        severity = Severity.INFO if falls else Severity.WARNING
        return _small(size, proof, severity=severity, confidence=0.6 if falls else 0.7)
    inferred = inferred_validation(evidence, course)
    n = inferred[0] if inferred is not None else course.counted_validation
    if n is None:
        return _small_by_training(evidence, course)
    shown = shown[np.isfinite(shown)]
    later = shown[len(shown) // 2 :] if len(shown) >= 6 else shown
    spread = float(np.ptp(later))
    level = float(np.median(later))
    error = sampling_error(level, n)
    # The largest of several differences of pairs: 2.8 standard errors of a difference.
    explained = spread <= 3.5 * error + 1e-9
    if n > 400 or (not explained and n > _FEW):
        return None
    steps = sorted({round(float(value) * n) for value in shown})
    told = ", ".join(f"{step}/{n}" for step in steps[:6]) + (", …" if len(steps) > 6 else "")
    reason = (
        f" ({inferred[1]})"
        if inferred is not None
        else ""
        if course.validation_size is not None
        else f" (all printed values are k/{n})"
    )
    validated = course.val_loss
    swings = validated is not None and noise(validated) > 0.25 * float(np.nanmedian(validated))
    # A loss that keeps falling tells more than the few samples by which the accuracy differs.
    falls = validated is not None and n > _FEW and trend(validated) <= -0.6
    loud = (not swings or n <= 20) and n <= _COARSE and (len(steps) > 1 or n <= 50) and not falls
    loud = loud and not _is_gap_beyond_chance(course, n) and not (n >= _SOME and _has_turned(course))
    return _small(
        n,
        f"Validation accuracies are {told}{reason}: one sample "
        f"is {1 / n:.1%}, and {level:.1%} of {n} is known to ± {1.96 * error:.1%}. The differences between "
        f"epochs are {round(spread * n)} samples.",
        severity=Severity.WARNING if loud else Severity.INFO,
        confidence=(0.8 if inferred is not None else 0.9) if loud else 0.6,
    )


def _has_turned(course: Course) -> bool:
    """Whether the validation loss is half as large again as it was, by 0.2 at least, and training fell on."""
    loss, validated, best = course.loss, course.val_loss, course.best
    if loss is None or validated is None or best is None or len(course) - 1 - best < 2:
        return False
    least = float(validated[best])
    rises = float(validated[-1]) > max(1.5 * least, least + 0.2) and trend(validated[best:]) > 0.6
    return rises and float(loss[-1]) < 0.7 * float(loss[best])


def _keeps_falling(course: Course) -> bool:
    """Whether the validation loss falls in every epoch, and to less than half."""
    loss = course.val_loss
    if loss is None or len(loss) < 4:
        return False
    return bool(np.all(np.diff(loss) < 0)) and float(loss[-1]) < 0.5 * float(loss[0])


def _is_gap_beyond_chance(course: Course, n: int) -> bool:
    """Whether validation is 20 points below training, and sampling cannot do that: the size is no excuse."""
    if course.accuracy is None or course.val_accuracy is None:
        return False
    trained, held = end_level(course.accuracy), end_level(course.val_accuracy)
    return trained - held > 0.2 and share_is_below(held * n, n, min(trained, 1 - 0.5 / n)) < 1e-6


def _small_by_training(evidence: Evidence, course: Course) -> Finding | None:
    """All or none right, so that nothing is told of the size, beside a training set of a few rows."""
    most, shown = most_training(evidence, course), course.val_accuracy
    if most is None or most > 32 or shown is None:
        return None
    if not are_shares_of(shown[np.isfinite(shown)], 1, decimals=4):
        return None
    return _small(
        most,
        f"Training has at most {most} rows, and validation, all or none right in every epoch, hardly more: "
        f"none wrong of {most} still allows {1 - 0.05 ** (1 / most):.0%} errors.",
        severity=Severity.WARNING,
        confidence=0.75,
    )


def _small_test(evidence: Evidence, course: Course) -> Finding | None:
    """A test of a few rows beside a training log whose validation is not known to be larger."""
    if (course.counted_validation or 0) >= _FEW:
        return None
    named = _TESTED.search(evidence.setup.text)
    sizes = [one.n for one in evidence.evaluations if one.n and _is_held_out(one)]
    if evidence.report is not None:
        sizes.append(evidence.report.n)
    if evidence.evaluated_matrix is not None:
        sizes.append(int(evidence.evaluated_matrix.sum()))
    if named:
        sizes.append(int(named[1]))
    n = min(sizes, default=0)
    if not 0 < n < _FEW:
        return None
    return _small(n, _told(n), severity=Severity.WARNING, confidence=0.8)


def _small(n: int, proof: str, *, severity: Severity, confidence: float) -> Finding:
    return Finding(
        Code.VALIDATION_TOO_SMALL,
        severity,
        confidence,
        proof,
        "Judge by cross-validation or a larger set, and do not pick an epoch by one or two samples.",
        refuted_by="the same difference on a set ten times as large",
        details={"n": n},
    )


def validation_test_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation and test accuracy further apart than sampling explains."""
    pairs = _samples_of_the_same(evidence, course)
    best: tuple[float, str] | None = None
    for (name, first, n_first), (other, second, n_second) in pairs:
        z = differ(first, n_first or 1000, second, n_second or 1000)
        known = n_first is not None and n_second is not None
        wrong = sorted((1 - first, 1 - second))
        # Near 1 a small difference is one of many times the errors.
        close = abs(first - second) < 0.03 and not (abs(first - second) > 0.01 and wrong[1] > 5 * wrong[0])
        if abs(z) < (3.3 if known else 4.0) or close:
            continue
        proof = (
            f"{first:.1%} on {name}{f' ({n_first:,})' if n_first else ''} against {second:.1%} on {other}"
            f"{f' ({n_second:,})' if n_second else ''}: {abs(z):.1f} standard errors of the difference apart"
            + ("" if known else ", taking 1,000 samples where their number is not given")
            + "."
        )
        if best is None or abs(z) > best[0]:
            best = (abs(z), proof)
    if best is not None:
        yield Finding(
            Code.VALIDATION_TEST_MISMATCH,
            Severity.WARNING,
            0.85 if best[0] > 6 else 0.7,
            best[1],
            "Find out how the two sets differ (source, time, people, preparation), and whether choices were "
            "made on one of them; state the figure of the set that nobody looked at.",
            refuted_by="both sets redrawn at random from their union agreeing",
            details={"z": round(best[0], 1)},
        )


_Shown = tuple[str, float, int | None]


def _samples_of_the_same(evidence: Evidence, course: Course | None) -> list[tuple[_Shown, _Shown]]:
    validated: list[_Shown] = []
    tested: list[_Shown] = []
    for one in evidence.evaluations:
        if one.accuracy is None:
            continue
        (tested if _is_held_out(one) else validated if one.is_of_validation else []).append(
            (one.split or "test", one.accuracy, one.n or _size(evidence, one.split))
        )
    if course is not None and course.val_accuracy is not None:
        values = course.val_accuracy[np.isfinite(course.val_accuracy)]
        if len(values) and tested:
            # Whichever epoch was kept: the one nearest to the test figure is the kindest comparison.
            near = min((float(value) for value in values[-3:]), key=lambda value: abs(value - tested[0][1]))
            validated.append(("validation", near, course.least_validation))
    matrix = evidence.evaluated_matrix
    if matrix is not None and matrix.sum() and not tested and validated and "test" in evidence.counts:
        tested.append(("test", evidence.matrix_accuracy or 0.0, int(matrix.sum())))
    pairs = [(first, second) for first in validated for second in tested]
    named = [one for one in evidence.scored if _is_held_out(one)]
    pairs += [
        ((first.split, first.accuracy or 0.0, first.n), (second.split, second.accuracy or 0.0, second.n))
        for index, first in enumerate(named)
        for second in named[index + 1 :]
        if (first.split != second.split and first.method == second.method)
        or (first.split == second.split and _is_of_new_data(first) != _is_of_new_data(second))
    ]
    return pairs


def _is_of_new_data(one: Evaluation) -> bool:
    """Whether the words beside a figure name other data than the split does."""
    return bool(re.search(r"\b(new|unseen|later|real|production|field)\b", one.method.lower()))


def _is_held_out(one: Evaluation) -> bool:
    return any(
        word in one.split.lower()
        for word in (
            "test",
            "holdout",
            "hold-out",
            "kaggle",
            "leaderboard",
            "new",
            "unseen",
            "production",
            "real",
        )
    )


def _size(evidence: Evidence, split: str) -> int | None:
    counts = evidence.counts.get(split)
    return None if counts is None else counts.size
