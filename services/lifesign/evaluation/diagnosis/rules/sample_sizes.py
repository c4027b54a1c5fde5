"""Differences that the size of a set explains, and differences that it does not."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evaluation, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import differ, noise, sampling_error

__all__ = ["validation_test_mismatch", "validation_too_small"]


def validation_too_small(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Differences that are one or a few samples."""
    if course is not None and course.val_accuracy is not None:
        found = _small_by_curve(evidence, course)
        if found is not None:
            yield found
        return
    size = evidence.validation_size
    if course is not None and size and size < 30:
        yield _small(
            size, f"The validation set has {size} samples.", severity=Severity.WARNING, confidence=0.7
        )
        return
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
    if n is not None and 0 < n < 60 and course is None:
        yield _small(
            n,
            f"The figures are of {n} samples: one sample is {1 / n:.1%}, and an accuracy of 80 % would be "
            f"known to ± {1.96 * sampling_error(0.8, n):.0%} only.",
            severity=Severity.INFO if perfect else Severity.WARNING,
            confidence=0.6 if perfect or n > 35 else 0.82,
        )
        return
    yield from _small_difference(evidence)


def _small_difference(evidence: Evidence) -> Iterator[Finding]:
    """Two models or settings compared by a few samples of the same small set."""
    shown = [one for one in evidence.evaluations if one.accuracy is not None and one.n and one.n <= 200]
    for index, one in enumerate(shown):
        for other in shown[index + 1 :]:
            if one.split != other.split or one.n != other.n or one.method == other.method or one.n is None:
                continue
            first, second = one.accuracy or 0.0, other.accuracy or 0.0
            if abs(first - second) > 0 and abs(differ(first, one.n, second, one.n)) < 2:
                yield _small(
                    one.n,
                    f"{first:.1%} and {second:.1%} of {one.n} differ by {round(abs(first - second) * one.n)} "
                    "samples, less than two standard errors of a difference "
                    f"({1.96 * np.sqrt(2) * sampling_error(first, one.n):.1%}).",
                    severity=Severity.WARNING,
                    confidence=0.8,
                )
                return


def _small_by_curve(evidence: Evidence, course: Course) -> Finding | None:
    n = course.counted_validation
    shown = course.val_accuracy
    if n is None or shown is None or n > 400:
        return None
    shown = shown[np.isfinite(shown)]
    later = shown[len(shown) // 2 :] if len(shown) >= 6 else shown
    spread = float(np.ptp(later))
    level = float(np.median(later))
    error = sampling_error(level, n)
    # The largest of several differences of pairs: 2.8 standard errors of a difference.
    explained = spread <= 3.5 * error + 1e-9
    if not explained and n > 30:
        return None
    stated = course.validation_size is not None
    steps = sorted({round(float(value) * n) for value in shown})
    told = ", ".join(f"{step}/{n}" for step in steps[:6]) + (", …" if len(steps) > 6 else "")
    validated = course.val_loss
    swings = validated is not None and noise(validated) > 0.25 * float(np.nanmedian(validated))
    loud = (not swings or n <= 20) and n <= 120 and (len(steps) > 1 or n <= 50)
    return _small(
        n,
        f"Validation accuracies are {told}{'' if stated else f' (all printed values are k/{n})'}: one sample "
        f"is {1 / n:.1%}, and {level:.1%} of {n} is known to ± {1.96 * error:.1%}. The differences between "
        f"epochs are {round(spread * n)} samples.",
        severity=Severity.WARNING if loud else Severity.INFO,
        confidence=0.9 if loud else 0.6,
    )


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
        if abs(z) < (3.3 if known else 4.0) or abs(first - second) < 0.03:
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
        if first.split != second.split and first.method == second.method
    ]
    return pairs


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
