"""Unequal and missing classes, and the accuracy that they feign."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, spoken_class
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_figures import better_threshold, class_table, two_class_counts
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["accuracy_paradox", "class_imbalance", "missing_class"]

_Floats = NDArray[np.float64]
_SETS = {"all": "In all data", "train": "In the training set"}


def missing_class(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Classes without a true sample in the evaluated set."""
    table = class_table(evidence)
    missing: list[str] = []
    where = "the evaluated set"
    if table is not None and len(table[0]) >= 2:
        missing = [name for name, support in zip(table[2], table[0].tolist(), strict=True) if not support]
    if not missing and evidence.report is not None and evidence.report.n and len(evidence.report.names) >= 2:
        pairs = zip(evidence.report.names, evidence.report.support.tolist(), strict=True)
        missing = [name for name, support in pairs if not support]
    if not missing and evidence.evaluated_matrix is None and evidence.report is not None:
        missing = _unlisted(evidence, evidence.report.names)
    if not missing and (found := _only_class(evidence)):
        yield found
        return
    if not missing:
        for name in ("test", "validation"):
            by_class = evidence.counts.get(name)
            if by_class is not None and by_class.by_class:
                known = {other for counts in evidence.counts.values() for other in counts.by_class}
                empty = [one for one in sorted(known) if not by_class.by_class.get(one)]
                if empty and len(empty) < len(known):
                    missing, where = empty, f"the {name} set"
                    break
    given = evidence.predictions
    if (
        not missing
        and given is not None
        and given.y_true is not None
        and evidence.classes
        and evidence.classes >= 3
    ):
        seen = {str(value) for value in given.y_true.tolist()}
        names = evidence.class_names or tuple(str(index) for index in range(evidence.classes))
        if len(given.y_true) >= 5 * evidence.classes and seen <= set(names):
            missing = [name for name in names if name not in seen]
    if missing:
        yield Finding(
            Code.MISSING_CLASS_IN_EVALUATION,
            Severity.WARNING,
            0.85,
            f"No sample of {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} is in {where}: its "
            "recall is undefined and macro averages are void.",
            "Evaluate on a set with every class, or leave the class out of the averages and say so.",
            refuted_by="samples of the class in the set",
            details={"missing": missing[:50]},
        )


def _only_class(evidence: Evidence) -> Finding | None:
    """A report of one row: scikit-learn lists every class that is true or answered anywhere."""
    report = evidence.report
    if report is None or len(report.names) != 1 or report.n < 10 or evidence.evaluated_matrix is not None:
        return None
    name = spoken_class(report.names[0])
    return Finding(
        Code.MISSING_CLASS_IN_EVALUATION,
        Severity.WARNING,
        0.85,
        f"All {report.n:,} samples are {name}, the only class of the report: figures of "
        f"{report.precision[0]:.2f} and {report.recall[0]:.2f} say nothing of any other.",
        "Evaluate on a set with every class.",
        refuted_by="rows that were cut off the report",
        details={"only": report.names[0]},
    )


def _unlisted(evidence: Evidence, listed: tuple[str, ...]) -> list[str]:
    if not evidence.class_names or len(listed) >= len(evidence.class_names) or len(listed) < 2:
        return []
    return (
        [name for name in evidence.class_names if name not in listed]
        if set(listed) <= set(evidence.class_names)
        else []
    )


def class_imbalance(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Class sizes that need weights, resampling or per-class figures."""
    best: tuple[float, str, list[tuple[str, int]]] | None = None
    sources = [
        (name, list(counts.by_class.items())) for name, counts in evidence.counts.items() if counts.by_class
    ]
    table = class_table(evidence)
    if table is not None:
        sources.append(("evaluated", list(zip(table[2], table[0].tolist(), strict=True))))
    for name, counts in sources:
        sizes = [(one, size) for one, size in counts if size > 0]
        if len(sizes) < 2 or sum(size for _, size in sizes) < 20:
            continue
        most, least = max(size for _, size in sizes), min(size for _, size in sizes)
        if most - least < 4 * math.sqrt(most + least):
            # Equal shares give such a difference of counts by chance.
            continue
        ratio = most / least
        if best is None or ratio > best[0]:
            best = (ratio, name, sizes)
    if best is None or best[0] < 1.8:
        rare = evidence.setup.minority_share
        if rare is not None and rare < 0.2:
            yield Finding(
                Code.CLASS_IMBALANCE,
                Severity.WARNING,
                0.7,
                f"By the notes only {rare:.2%} are of the rare class; always answering the other is right in "
                f"{1 - rare:.2%}.",
                "Judge by recall and precision of the rare class; weight the classes or resample the "
                "training data only.",
                details={"majority_share": round(1 - rare, 4)},
            )
            return
        if evidence.setup.says(
            r"im-?balanced (data|class|set)",
            r"(highly|heavily|very|strongly) (un|im-?)balanced",
            r"class imbalance",
        ):
            yield Finding(
                Code.CLASS_IMBALANCE,
                Severity.WARNING,
                0.6,
                "The notes say that the classes are unbalanced: "
                f"{evidence.setup.quote('balanced', 'imbalance')}.",
                "Weight the classes or resample, and judge by figures per class.",
            )
        return
    ratio, name, sizes = best
    handled = _is_handled(evidence)
    largest, smallest = max(sizes, key=lambda one: one[1]), min(sizes, key=lambda one: one[1])
    share = largest[1] / sum(size for _, size in sizes)
    yield Finding(
        Code.CLASS_IMBALANCE,
        Severity.WARNING if ratio >= 4 and not handled else Severity.INFO,
        min(
            0.7 if handled else 0.99 if ratio >= 100 and len(sizes) == 2 else 0.75,
            0.5 + 0.1 * math.log2(ratio),
        ),
        f"{_SETS.get(name, f'In the {name} set')} {spoken_class(largest[0])} has {largest[1]:,} samples and "
        f"{spoken_class(smallest[0])} {smallest[1]:,}, {ratio:.3g} times fewer; always answering "
        f"{spoken_class(largest[0])} is right in {share:.1%}.",
        "Judge by figures per class, balanced accuracy or the area under the precision–recall curve; weight "
        "the classes (n / (K·n_c)) or resample the training data only.",
        refuted_by="equal sizes in the data that the model was trained on",
        details={"ratio": round(float(ratio), 2), "majority_share": round(share, 4), "largest": largest[0]},
    )


def _is_handled(evidence: Evidence) -> bool:
    """Whether every class is found well and surely in spite of unequal sizes."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.sum() >= 50:
        rows, columns, hits = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
        return bool(np.all(rows > 0) and np.all(hits >= 0.75 * rows) and np.all(hits >= 0.75 * columns))
    if report is not None and report.n >= 50:
        return bool(np.all(report.support > 0) and min(report.recall.min(), report.precision.min()) >= 0.75)
    return False


def accuracy_paradox(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Accuracy at or barely above the share of the largest class."""
    found, table = _accuracy_and_majority(evidence, course), class_table(evidence)
    if found is None:
        return
    accuracy, majority, classes, n = found
    if majority < (0.6 if classes == 2 else max(0.4, 1.5 / classes)) or majority >= 1:
        return
    lift = (accuracy - majority) / (1 - majority)
    if lift > 0.25 or accuracy < majority - 0.05:
        return
    lowest = 0.0 if table is None else float(np.nanmin(table[1]))
    significant = n is not None and accuracy - majority > 3 * sampling_error(majority, n)
    yield Finding(
        Code.ACCURACY_PARADOX,
        Severity.INFO if lift > 0.1 else Severity.WARNING,
        0.65 if significant or _rare_is_found(evidence) or (lift > 0 and lowest > 0.15) else 0.9,
        f"The accuracy is {accuracy:.4f}; always answering the largest class gives {majority:.4f}. The model "
        f"gains {lift:.0%} of what is left.",
        "Report recall per class, balanced accuracy and the precision–recall area instead of accuracy.",
        refuted_by="a balanced set of the same kind giving the same accuracy",
        details={"accuracy": round(accuracy, 4), "majority_share": round(majority, 4)},
    )


def _rare_is_found(evidence: Evidence) -> bool:
    """Whether the rare class of two is found often enough, and surely enough, that the threshold is the
    point.
    """
    table, cells = class_table(evidence), two_class_counts(evidence)
    if table is None or cells is None or len(table[0]) != len(cells):
        return False
    if better_threshold(evidence) is not None:
        return True
    rare = int(table[0].argmin())
    hits, false = cells[rare][0], cells[rare][1]
    recall = hits / max(1, table[0][rare])
    return recall > 0.5 or (recall > 0.15 and hits / max(1, hits + false) > 0.5)


def _accuracy_and_majority(
    evidence: Evidence, course: Course | None
) -> tuple[float, float, int, int | None] | None:
    table = class_table(evidence)
    if table is not None and table[0].sum():
        support, recall, _ = table
        tested = int(support.sum())
        right = float(np.nansum(recall * support)) / tested
        return right, float(support.max() / tested), int(np.sum(support > 0)), tested
    majority: float | None = None
    classes = 2
    n: int | None = None
    for name in ("test", "validation", "all", "train"):
        counts = evidence.counts.get(name)
        if counts is not None and len(counts.by_class) >= 2 and counts.size:
            n = counts.size
            majority, classes = max(counts.by_class.values()) / counts.size, len(counts.by_class)
            break
    if majority is None and evidence.setup.minority_share is not None:
        majority = 1 - evidence.setup.minority_share
    if majority is None and (rates := _by_rates(evidence)) is not None:
        return rates
    if majority is None:
        return None
    shown = [one.accuracy for one in evidence.evaluations if one.accuracy is not None]
    if not shown and course is not None:
        values = course.val_accuracy if course.val_accuracy is not None else course.accuracy
        shown = [] if values is None else [float(values[np.isfinite(values)][-1])]
    return (shown[-1], majority, classes, n) if shown else None


def _by_rates(evidence: Evidence) -> tuple[float, float, int, int | None] | None:
    """Return what ``_accuracy_and_majority`` does, of two classes by accuracy, precision and recall.

    With p positives of all, a share 1 - R of them is missed and p R (1 - P) / P are falsely answered:
    1 - accuracy = p (1 - R + R (1 - P) / P).
    """
    if evidence.classes not in (None, 2):
        return None
    for one in evidence.evaluations:
        rates = {name.lower(): value for name, value in one.metrics.items()}
        precision, recall, right = rates.get("precision"), rates.get("recall"), one.accuracy
        if one.is_of_training or not precision or not recall or right is None or not 0 < right < 1:
            continue
        cost = 1 - recall + recall * (1 - precision) / precision
        positives = (1 - right) / cost if cost > 0 else 0.0
        # A rare class that is found is a matter of the threshold.
        if 0 < positives < 1 and (positives > 0.5 or recall < 0.5):
            return right, max(positives, 1 - positives), 2, one.n
    return None
