"""Labels and predictions paired in different orders."""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["generator_order_mismatch"]

_Matrix = NDArray[np.int64]


def _counts_are_kept(evidence: Evidence) -> bool:
    """Whether as many of each of many classes are answered as there are, closer than guessing would come."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and len(matrix) >= 5:
        rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
        return bool(np.all(rows > 0) and np.sqrt(np.mean((rows - columns) ** 2 / np.maximum(rows, 1))) < 0.45)
    if report is None or len(report.names) < 8 or report.n < 1000:
        return False
    return bool(
        np.all(np.abs(report.precision - report.recall) < 10.0**-report.decimals)
        and report.recall.max() < 0.5
    )


def generator_order_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """A matrix at chance although the model is good by its own evaluation: the pairs are shuffled."""
    if found := _two_passes(evidence):
        yield found
        return
    matrix = evidence.evaluated_matrix
    good = _good_accuracy(evidence, course)
    hinted = evidence.setup.says(
        r"shuffle\s*=\s*true",
        r"shuffle (is )?(left|default|not set)",
        r"shuffled (generator|order|predict)",
        r"without shuffle\s*=\s*false",
        r"\.classes\b",
        r"(shuffle\s*=\s*false|reset\(\)) (is |was )?(missing|not set|forgotten)",
        r"predict_generator|predict\(.*generator|generator\.reset",
    ) and not evidence.setup.says(r"shuffle\s*=\s*false")
    figures = _independence(matrix) if matrix is not None else None
    if figures is None and evidence.report is not None and len(evidence.report.names) >= 2:
        report = evidence.report
        right, n = report.correct / max(report.n, 1), report.n
        shares = report.support / max(n, 1)
        expected = float(np.sum(shares**2))
        spread = np.sqrt(expected * (1 - expected) / max(n, 1))
        figures = (right, expected, (right - expected) / spread, float("nan"), n) if n else None
        if not np.any((report.recall > 0) & (report.recall < 1)):
            return
    if figures is None:
        return
    right, expected, z, p, n = figures
    if n < 30 or abs(z) > 4 or (np.isfinite(p) and p < 0.001):
        return
    twice = [
        one for one in evidence.evaluations if one.accuracy is not None and abs(one.accuracy - right) < 0.03
    ]
    if any(not one.is_of_training for one in twice):
        # The model's own evaluation says the same: it is the model, not the order.
        return
    if good is None and not hinted and not _counts_are_kept(evidence):
        return
    clearly = good is not None and good - right > max(0.15, 6 * np.sqrt(right * (1 - right) / n + 1e-6))
    if good is not None and not clearly:
        return
    yield Finding(
        Code.GENERATOR_ORDER_MISMATCH,
        Severity.ERROR,
        0.93 if clearly else 0.65,
        f"Predictions are independent of the labels: {right:.1%} of {n:,} right where {expected:.1%} is "
        "expected of pairs by chance"
        + (f" (χ² p = {p:.2g})" if np.isfinite(p) else "")
        + (f", yet the same model gets {good:.1%} by its own evaluation." if good is not None else "."),
        "Predict with shuffle=False (and generator.reset()), or take labels and predictions from the same "
        "batches.",
        refuted_by="a matrix that stays at chance with shuffle=False",
        excluded=(
            "other coding: a permutation would show as one full column per row",
            "collapse: all columns are used",
        ),
        details={
            "accuracy": round(float(right), 4),
            "expected_by_chance": round(expected, 4),
            "evaluated": good,
        },
    )


_BY_HAND = ("argmax", "confusion", "matrix", "sklearn", "by hand", "predict", "accuracy_score", "manual")
_READ_BY_HAND = r"cv2|opencv|\bpil\b|load_img|imread"


def _two_passes(evidence: Evidence) -> Finding | None:
    """An accuracy worked out from separate labels and predictions is far below evaluate() on a set that
    shuffles.
    """
    if not evidence.setup.says(
        r"shuffl",
        r"two passes|second pass|one pass",
        r"\.classes\b",
        r"image_dataset_from_directory|tf\.data",
        r"generator",
    ) or evidence.setup.says(r"shuffle\s*=\s*false"):
        return None
    # Images that are read another way are other inputs, whatever their order.
    read_alike = [one for one in evidence.scored if not re.search(_READ_BY_HAND, one.method.lower())]
    by_hand = [one for one in read_alike if any(word in one.method.lower() for word in _BY_HAND)]
    direct = [one for one in read_alike if one not in by_hand]
    matrix = evidence.evaluated_matrix
    low = min((one.accuracy or 0.0 for one in by_hand), default=None)
    if matrix is not None and matrix.sum() >= 30:
        low = evidence.matrix_accuracy
        if np.sum(matrix.sum(axis=0) > 0) < 2:
            return None
    high = max((one.accuracy or 0.0 for one in direct), default=None)
    if low is None or high is None or high - low < 0.2:
        return None
    return Finding(
        Code.GENERATOR_ORDER_MISMATCH,
        Severity.ERROR,
        0.92,
        f"The model gets {high:.1%} by its own evaluation, but {low:.1%} where labels and predictions are "
        "paired by hand, on data that may come in another order at each pass "
        f"({evidence.setup.quote('shuffl', 'pass', 'classes', 'generator', 'tf.data')}).",
        "Take labels and predictions from the same batches, or read the set with shuffle=False.",
        refuted_by="the same figure by hand with shuffle=False",
        details={"evaluated": high, "paired": round(low, 4)},
    )


def _good_accuracy(evidence: Evidence, course: Course | None) -> float | None:
    shown = [
        one.accuracy for one in evidence.evaluations if one.accuracy is not None and not one.is_of_training
    ]
    if course is not None and course.val_accuracy is not None:
        shown.append(float(np.nanmax(course.val_accuracy[-3:])))
    return max(shown, default=None)


def _independence(matrix: _Matrix) -> tuple[float, float, float, float, int] | None:
    """Return accuracy, the accuracy of independent pairs, its z, the χ² p and the samples of a matrix in
    use.
    """
    n = int(matrix.sum())
    rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
    if n < 30 or np.sum(columns > 0) < 2 or np.sum(rows > 0) < 2 or columns.max() > 0.9 * n:
        return None
    right = np.trace(matrix) / n
    expected = float((rows / n) @ (columns / n))
    spread = np.sqrt(expected * (1 - expected) / n)
    kept = matrix[rows > 0][:, columns > 0].astype(float)
    model = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / n
    chi_square = float(((kept - model) ** 2 / model).sum())
    freedom = (kept.shape[0] - 1) * (kept.shape[1] - 1)
    # With few expected counts a cell the χ² law is off; then the diagonal decides alone.
    p = float(special.chdtrc(freedom, chi_square)) if model.mean() >= 2 else float("nan")
    return float(right), expected, float((right - expected) / spread), p, n
