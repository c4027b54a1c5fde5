"""Labels coded otherwise than loss, metric or model expect."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["label_encoding_mismatch"]

_RECODE = (
    "Code labels 0…K−1 in the order of the model's outputs (or one-hot for categorical cross-entropy); "
    "check with one known sample per class."
)


def label_encoding_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Labels of the wrong range, shape or order."""
    yield from _impossible_figures(evidence, course)
    yield from _below_a_guess(evidence)
    yield from _two_sets_of_names(evidence)
    yield from _permuted(evidence)
    yield from _inverted_scores(evidence)
    yield from _predictions_offset(evidence)
    yield from _by_setup(evidence)


def _impossible_figures(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    curves = evidence.curves
    if curves is None:
        return
    above = [
        (name, float(np.nanmax(values)))
        for name, values in curves.series.items()
        if re.search(r"acc|iou|dice|jaccard|f1|precision|recall|auc", name)
        and "loss" not in name
        and np.isfinite(values).any()
        and np.nanmax(values) > 1.0001
        and np.nanmax(values) <= 1.0001 * 255
    ]
    below = [
        (name, float(np.nanmin(curves.series[name])))
        for name in ("loss", "val_loss")
        if curves.get(name) is not None and np.nanmin(curves.series[name]) < -1e-6
    ]
    crossed = evidence.setup.loss in (
        "binary_crossentropy",
        "categorical_crossentropy",
    ) or evidence.setup.says(r"cross-?\s?entropy", r"jaccard", r"dice")
    by_loss = below and (above or crossed or min(value for _, value in below) < -5)
    # An accuracy of 87.5 is a percentage, not an impossible share.
    percent = all(name.endswith("accuracy") and value > 2 for name, value in above)
    if not (by_loss or (above and not percent)):
        return
    parts = [
        f"{name} goes down to {value:.4g}, below the least a cross-entropy can be (0)"
        for name, value in below
    ]
    parts += [f"{name} reaches {value:.4g}, above 1" for name, value in above]
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.92 if above or crossed else 0.7,
        "; ".join(parts) + ". That needs targets outside 0–1, such as masks of 0…255 or labels 1/2.",
        "Divide masks by 255 and threshold them, or one-hot the labels; assert that every target is within "
        "0–1.",
        refuted_by="targets between 0 and 1 in every batch, or a loss of one's own that may be negative",
        excluded=("divergence: the loss falls",),
        details={"lowest_loss": min((value for _, value in below), default=None)},
    )


def _below_a_guess(evidence: Evidence) -> Iterator[Finding]:
    """Far fewer right than a guess gets, by one way; by another the same model is good: the indices
    differ.
    """
    classes = evidence.classes
    shown = evidence.scored
    if not classes or classes < 3 or len(shown) < 2:
        return
    best = max(one.accuracy or 0.0 for one in shown)
    for one in shown:
        low = one.accuracy or 0.0
        counts = evidence.counts.get(one.split)
        n = one.n or (None if counts is None else counts.size) or 500
        twin = next((two for two in shown if two.accuracy == best), one)
        same_set = twin.split == one.split and twin.n == one.n
        if (
            same_set
            and best > 0.6
            and low < 0.7 / classes
            and low < 1 / classes - 4 * sampling_error(1 / classes, n)
        ):
            yield Finding(
                Code.LABEL_ENCODING_MISMATCH,
                Severity.ERROR,
                0.85,
                f"{low:.1%} right ({one.method or one.split}) is far below the {1 / classes:.1%} of a guess "
                f"among {classes} classes, while the same model gets {best:.1%} otherwise: it knows the "
                "classes, but under other indices.",
                _RECODE,
                refuted_by="a matrix without a full column off the diagonal",
                excluded=("chance and shuffled order: they would be at a guess, not below it",),
                details={"accuracy": low, "guess": round(1 / classes, 4)},
            )
            return


def _two_sets_of_names(evidence: Evidence) -> Iterator[Finding]:
    """A report in which some names are never true and others never right, while the rest are good."""
    report = evidence.report
    if report is None or len(report.names) < 5:
        return
    unknown = [name for name, n in zip(report.names, report.support.tolist(), strict=True) if not n]
    never = [
        (name, n)
        for name, n, recall in zip(report.names, report.support.tolist(), report.recall.tolist(), strict=True)
        if n >= 30 and recall == 0
    ]
    good = report.recall[(report.support > 0) & (report.recall > 0)]
    if len(unknown) < 2 or len(never) < 2 or not len(good) or float(np.median(good)) < 0.7:
        return
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.85,
        f"{', '.join(name for name, _ in never[:5])} ({sum(n for _, n in never):,} samples) are never right "
        f"while {', '.join(unknown[:5])} never are true, and the other classes are found in "
        f"{np.median(good):.0%}: labels and predictions use two sets of names.",
        _RECODE,
        refuted_by="the classes being really unknown to the model",
        details={"never_right": [name for name, _ in never], "never_true": unknown},
    )


def _best_assignment(matrix: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and the columns, one for each, that hold most samples together."""
    size = len(matrix)
    same, turned = np.arange(size), np.arange(size)[::-1]
    if size == 2:
        is_turned = matrix[0, 1] + matrix[1, 0] > np.trace(matrix)
        return same, turned if is_turned else same
    if np.trace(matrix) >= 0.7 * matrix.sum():
        # No other assignment could hold so much more that it mattered.
        return same, same
    # Loaded where it is needed: it takes 25 MB.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(matrix, maximize=True)  # type: ignore[no-any-return]


def _permuted(evidence: Evidence) -> Iterator[Finding]:
    matrix = evidence.evaluated_matrix
    if matrix is None or matrix.sum() < 20:
        return
    matrix = matrix.astype(float)
    total, size = matrix.sum(), len(matrix)
    right = np.trace(matrix) / total
    rows, columns = _best_assignment(matrix)
    best = matrix[rows, columns].sum() / total
    expected = float((matrix.sum(axis=1) / total) @ (matrix.sum(axis=0) / total))
    moved = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if row != column}
    clear = [
        row
        for row, column in moved.items()
        if matrix[row].sum() and matrix[row, column] >= 0.5 * matrix[row].sum()
    ]
    whole = best >= 0.5 and best - right >= 0.3 and right < max(expected, 1 / size) + 0.05
    swapped = _swapped(matrix)
    if size == 2:
        # Two classes the other way round: below a guess, by far.
        whole = right < 0.3 and matrix.sum(axis=1).min() > 5 and best > 0.7
    if not (whole and len(clear) >= min(2, size)) and not swapped:
        return
    shift = _shift(moved, size)
    if whole:
        named = ", ".join(f"{evidence.name_of(r)}→{evidence.name_of(moved[r])}" for r in clear[:5])
        proof = (
            f"The diagonal holds {right:.1%} of {int(total):,} samples, but {best:.1%} lie on another "
            f"assignment of columns to rows ({named}{', …' if len(clear) > 5 else ''})"
            + (
                f": predicted index = true index {shift:+d}."
                if shift
                else ": the same classes under other indices."
            )
        )
    else:
        pairs = ", ".join(f"{evidence.name_of(a)}⇄{evidence.name_of(b)}" for a, b in swapped)
        proof = (
            f"Classes are exchanged one for the other: {pairs}; each is nearly always predicted as its "
            "partner."
        )
    yield Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.7 if whole and size == 2 and _may_shuffle(evidence) else 0.93 if whole else 0.8,
        proof,
        _RECODE,
        refuted_by="single samples whose prediction is really the other class",
        excluded=(
            "chance: rows are concentrated in one column each",
            "shuffled order: it would spread the rows",
        ),
        details={
            "diagonal": round(float(right), 4),
            "best_assignment": round(float(best), 4),
            "shift": shift,
            "moved": {
                evidence.name_of(row): evidence.name_of(column) for row, column in list(moved.items())[:20]
            },
        },
    )


def _may_shuffle(evidence: Evidence) -> bool:
    return evidence.setup.says(r"generator", r"shuffl") and not evidence.setup.says(r"shuffle\s*=\s*false")


def _swapped(matrix: NDArray[Any]) -> list[tuple[int, int]]:
    support = matrix.sum(axis=1)
    if len(matrix) < 3:
        return []
    shares = np.divide(matrix, support[:, None], out=np.zeros_like(matrix), where=support[:, None] > 0)
    return [
        (first, second)
        for first in range(len(matrix))
        for second in range(first + 1, len(matrix))
        if min(support[first], support[second]) >= 5
        and min(shares[first, second], shares[second, first]) >= 0.6
    ]


def _shift(moved: dict[int, int], size: int) -> int | None:
    steps = [column - row for row, column in moved.items()]
    for step in (1, -1):
        if steps.count(step) >= max(2, 0.5 * min(len(steps), size - 1)):
            return step
    return None


def _inverted_scores(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.evaluations:
        area = one.area
        if area is not None and area < 0.35:
            yield _inverted(
                f"The area under the ROC on {one.split or 'the evaluated set'} is {area:.3f}", area
            )
            return
    given = evidence.predictions
    if given is None or given.y_true is None or given.y_prob is None or given.y_prob.ndim != 1:
        return
    labels = sorted(set(given.y_true.tolist()), key=str)
    if len(labels) != 2 or len(given.y_prob) != len(given.y_true):
        return
    if (
        given.y_pred is not None
        and np.mean([a == b for a, b in zip(given.y_true, given.y_pred, strict=False)]) > 0.6
    ):
        # The answers are right: the probabilities alone are of the other class.
        return
    positive = np.array([value == labels[1] for value in given.y_true.tolist()])
    ranks = given.y_prob.argsort().argsort() + 1.0
    n = int(positive.sum())
    area = (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n))
    spread = np.sqrt((len(positive) + 1) / (12 * n * (len(positive) - n)))
    if area < 0.4 and (0.5 - area) / spread > 3.5:
        yield _inverted(
            f"P(class {labels[1]}) orders the {len(positive)} samples with an area of {area:.3f}", area
        )


def _inverted(start: str, area: float) -> Finding:
    return Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.75,
        f"{start}, far below the .5 of a guess: the model knows the classes, but labels or scores are the "
        f"other way round (turned, the area is {1 - area:.3f}).",
        "Check which class the score belongs to (class_indices are alphabetical) and which label is 1.",
        refuted_by="the samples with the highest scores being of the class that the score names",
        details={"auc": round(float(area), 4)},
    )


def _predictions_offset(evidence: Evidence) -> Iterator[Finding]:
    given = evidence.predictions
    if given is None or given.y_true is None or given.y_pred is None or len(given.y_true) < 10:
        return
    if len(given.y_true) != len(given.y_pred):
        return
    true, predicted = given.y_true.tolist(), given.y_pred.tolist()
    if not all(isinstance(value, int | float) for value in (*true, *predicted)):
        shared = {type(value) for value in true} & {type(value) for value in predicted}
        if not shared and {str(value) for value in true} & {str(value) for value in predicted}:
            yield Finding(
                Code.LABEL_ENCODING_MISMATCH,
                Severity.WARNING,
                0.8,
                f"True labels are {type(true[0]).__name__}, predicted ones {type(predicted[0]).__name__}: "
                "they never compare as equal.",
                _RECODE,
            )
        return
    if found := _other_values(true, predicted):
        yield found
        return
    a, b = np.array(true, float), np.array(predicted, float)
    right = float(np.mean(a == b))
    for step in (1, -1):
        moved = float(np.mean(a + step == b))
        if moved >= 0.5 and moved - right >= 0.3:
            yield Finding(
                Code.LABEL_ENCODING_MISMATCH,
                Severity.ERROR,
                0.9,
                f"{right:.1%} of {len(a)} predictions equal the label, but {moved:.1%} equal the label "
                f"{step:+d}: one counts from 0, the other from 1.",
                _RECODE,
                details={"shift": step},
            )
            return


def _other_values(true: list[float], predicted: list[float]) -> Finding | None:
    """A value that only the labels have stands where the answers have one that only they have: −1/+1
    against 0/1.
    """
    only_true, only_predicted = set(true) - set(predicted), set(predicted) - set(true)
    if len(only_true) != len(only_predicted) or not only_true or len(set(true)) > 20:
        return None
    for value in only_true:
        answers = [other for one, other in zip(true, predicted, strict=True) if one == value]
        common = max(set(answers), key=answers.count)
        if common not in only_predicted or answers.count(common) < 0.7 * len(answers):
            return None
    return Finding(
        Code.LABEL_ENCODING_MISMATCH,
        Severity.ERROR,
        0.92,
        f"Labels have the values {sorted(set(true))[:6]}, answers {sorted(set(predicted))[:6]}: "
        f"{sorted(only_true)[:3]} and {sorted(only_predicted)[:3]} stand for the same classes.",
        _RECODE,
        details={"only_true": sorted(only_true)[:10], "only_predicted": sorted(only_predicted)[:10]},
    )


_RANGE = (
    r"(labels?|targets?|classes|y|numbered|coded|encoded)[^.\n]{0,40}?"
    r"\b(1|one)\s*(\.\.+|…|to|-|–|through)\s*\d+"
)


def _by_setup(evidence: Evidence) -> Iterator[Finding]:
    setup = evidence.setup
    loss, reasons = setup.loss, []
    units = setup.output.units
    if loss == "sparse_categorical_crossentropy" and setup.says(
        r"one-?\s?hot", r"to_categorical", r"class_mode\s*=?\s*['\"]?categorical"
    ):
        reasons.append("sparse categorical cross-entropy expects integers, but labels are one-hot")
    if loss == "categorical_crossentropy" and setup.says(
        r"integer (labels|targets|class)",
        r"(labels?|targets?) (are|as) integers",
        r"class_mode\s*=?\s*['\"]?(sparse|binary)",
        r"(not|without|no) one-?\s?hot",
        r"labels? not one-?hot",
    ):
        reasons.append("categorical cross-entropy expects one-hot labels, but they are integers")
    if loss == "binary_crossentropy" and setup.says(
        r"labels?[^.\n]{0,30}(-1|−1)\s*(and|,|/|or)\s*\+?1",
        r"labels?[^.\n]{0,25}\b1\s*(and|,|/|or)\s*2\b",
        r"labels?[^.\n]{0,30}(0\s*(and|,|/|or)\s*255)",
    ):
        reasons.append("binary cross-entropy expects labels 0 and 1")
    if units == 1 and setup.says(r"class_mode\s*=?\s*['\"]?categorical"):
        reasons.append("one output unit, but the generator yields one-hot labels")
    if loss == "sparse_categorical_crossentropy" and (found := re.search(_RANGE, setup.text)):
        top = re.search(r"\d+$", found[0])
        if units is not None and top is not None and int(top[0]) >= units:
            reasons.append(f"labels run to {top[0]}, but {units} outputs have the indices 0 to {units - 1}")
    if reasons:
        yield Finding(
            Code.LABEL_ENCODING_MISMATCH,
            Severity.ERROR,
            0.85,
            "By the notes " + "; ".join(reasons) + ".",
            _RECODE,
            refuted_by="labels of another coding than the notes say",
        )
