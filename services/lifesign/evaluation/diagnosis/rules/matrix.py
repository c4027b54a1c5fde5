"""What a confusion matrix, a report or predictions tell."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, PrintedReport
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import sampling_error
from lifesign.evaluation.metrics.intervals import clopper_pearson

__all__ = [
    "accuracy_paradox",
    "class_imbalance",
    "decision_threshold",
    "missing_class",
    "prediction_collapse",
    "weak_class",
]

_Floats = NDArray[np.float64]


def class_table(evidence: Evidence) -> tuple[NDArray[np.int64], _Floats, tuple[str, ...]] | None:
    """Return support ``(K,)``, recall ``(K,)`` and names, from the matrix or else the report."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.sum():
        support = matrix.sum(axis=1)
        recall = np.divide(np.diag(matrix), support, out=np.full(len(matrix), np.nan), where=support > 0)
        return support, recall, tuple(evidence.name_of(index) for index in range(len(matrix)))
    if report is not None:
        return report.support, np.where(report.support > 0, report.recall, np.nan), report.names
    return None


def prediction_collapse(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """All or nearly all answers are one class."""
    matrix = evidence.evaluated_matrix
    if matrix is not None and len(matrix) >= 2 and matrix.sum() >= 10 and np.sum(matrix.sum(axis=1) > 0) >= 2:
        columns, rows, n = matrix.sum(axis=0), matrix.sum(axis=1), int(matrix.sum())
        kept = int(columns.argmax())
        others = np.delete(np.diag(matrix), kept).sum() / max(1, np.delete(rows, kept).sum())
        share = columns[kept] / n
        nearly = share >= 0.95 and rows[kept] / n < 0.95 * share or share >= 0.9 and rows[kept] / n < 0.5 * share
        if share == 1 or (nearly and others <= 0.1):
            # Where the scores do tell the classes apart, the answers are one class for want of a threshold.
            told = _better_threshold(evidence)
            yield _collapsed(
                f"{int(columns[kept]):,} of {n:,} answers are {evidence.name_of(kept)}, "
                f"but only {int(rows[kept]):,} samples are; of the other classes {others:.1%} are found.",
                confidence=0.65 if told is not None and told[2] > 0.75 else 0.95,
                name=evidence.name_of(kept),
                share=float(share),
            )
            return
    if matrix is None and evidence.report is not None:
        recall, support = evidence.report.recall, evidence.report.support
        if np.sum(support > 0) >= 2 and recall.max() >= 0.995 and np.sum(recall[support > 0] > 0.005) == 1:
            name = evidence.report.names[int(recall.argmax())]
            yield _collapsed(
                f"Recall is {recall.max():.2f} for {name} and 0 for every other class.",
                confidence=0.93,
                name=name,
                share=1.0,
            )
            return
    if matrix is None and evidence.report is not None and (found := _collapsed_report(evidence.report)):
        yield found
        return
    yield from _constant_predictions(evidence)
    yield from _constant_accuracy(evidence, course)


def _collapsed_report(report: PrintedReport) -> Finding | None:
    """Predicted counts of a report, TP / precision: nearly all in one class."""
    hits = report.recall * report.support
    answered = np.divide(hits, report.precision, out=np.zeros(len(hits)), where=report.precision > 0)
    kept = int(answered.argmax())
    share = float(answered[kept] / max(report.n, 1))
    others = float(np.delete(hits, kept).sum() / max(1, np.delete(report.support, kept).sum()))
    if not 0.88 <= share <= 1.05 or report.support[kept] > 0.75 * report.n or others > 0.25:
        return None
    return _collapsed(
        f"By precision and recall about {answered[kept]:.0f} of {report.n:,} answers are {report.names[kept]}, but only "
        f"{int(report.support[kept]):,} samples are; of the other classes {others:.1%} are found.",
        confidence=0.9,
        name=report.names[kept],
        share=share,
    )


def _constant_predictions(evidence: Evidence) -> Iterator[Finding]:
    given = evidence.predictions
    if given is None or evidence.evaluated_matrix is not None:
        return
    if given.y_pred is not None and len(given.y_pred) >= 10 and len(set(given.y_pred.tolist())) == 1:
        name = str(given.y_pred[0])
        yield _collapsed(f"All {len(given.y_pred)} answers are {name}.", confidence=0.9, name=name, share=1.0)
    elif given.y_prob is not None and len(given.y_prob) >= 10:
        chosen = given.y_prob.argmax(axis=1) if given.y_prob.ndim == 2 else (given.y_prob >= 0.5).astype(int)
        spread = float(np.ptp(given.y_prob, axis=0).max())
        if len(set(chosen.tolist())) == 1 and spread < 0.05:
            yield _collapsed(
                f"All {len(chosen)} probabilities are the same within {spread:.2g}.",
                confidence=0.85,
                name=evidence.name_of(int(chosen[0])),
                share=1.0,
            )


def _constant_accuracy(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Validation accuracy the same to the last digit in each epoch, at the share of a class."""
    if course is None:
        return
    if course.val_accuracy is None or len(course) < 2:
        yield from _frozen_training(course)
        return
    values = course.val_accuracy[np.isfinite(course.val_accuracy)]
    n = course.counted_validation
    slack = 1e-9 if n is None else max(1e-9, 3.1 / n if n > 500 else 1e-9)
    late_values = values[-max(5, len(values) // 2) :]
    if len(values) >= 6 and np.ptp(values) > slack >= np.ptp(late_values):
        # The answers came to rest after some epochs.
        values = late_values
    if len(values) < 2 or np.ptp(values) > slack or not 0 < values[0] < 0.9995:
        yield from _frozen_training(course)
        return
    level = float(np.median(values))
    shares = [] if course.chance is None else [course.chance]
    shares += [1 - share for share in shares if course.classes == 2]
    for counts in evidence.counts.values():
        total = sum(counts.by_class.values())
        shares += [count / total for count in counts.by_class.values()] if total else []
    if evidence.setup.minority_share is not None:
        shares.append(1 - evidence.setup.minority_share)
    at_share = any(abs(level - share) < 0.005 + sampling_error(share, n or 500) for share in shares)
    # A constant answer with the share of one class as its probability has the entropy of that share as loss.
    entropy = -level * math.log(level) - (1 - level) * math.log(1 - level)
    late = None if course.val_loss is None else float(np.nanmedian(course.val_loss[-3:]))
    at_share = at_share or (late is not None and level > 0.5 and abs(late - entropy) < 0.08 * entropy)
    if (len(values) < len(course) or len(values) < 3) and not at_share:
        return
    yield Finding(
        Code.PREDICTION_COLLAPSE,
        Severity.WARNING,
        0.75 if at_share else 0.55,
        f"Validation accuracy is {level:.4f} in each of {len(values)} epochs, the same answers every time"
        + (": the share of one class." if at_share else ": most likely a single class."),
        _COLLAPSE_REMEDY,
        refuted_by="a confusion matrix with more than one column in use",
        details={"val_accuracy": float(values[0])},
    )


def _frozen_training(course: Course) -> Iterator[Finding]:
    """Training loss and accuracy the same to the last digit epoch after epoch: the answers do not move at all."""
    loss, accuracy = course.loss, course.accuracy
    if loss is None or accuracy is None or len(course) < 4:
        return
    if np.ptp(loss[1:]) > 1e-9 or np.ptp(accuracy[1:]) > 1e-9 or not 0 < accuracy[-1] < 0.9995:
        return
    yield Finding(
        Code.PREDICTION_COLLAPSE,
        Severity.WARNING,
        0.65,
        f"Training loss ({loss[-1]:.4g}) and accuracy ({accuracy[-1]:.2%}) are the same to the last digit in {len(course)} "
        "epochs: one answer for every sample, most likely.",
        _COLLAPSE_REMEDY,
        refuted_by="a second class among the answers of the same model",
        details={"accuracy": float(accuracy[-1])},
    )


_COLLAPSE_REMEDY = (
    "Lower the learning rate, check output activation and input scaling, and weight or resample the classes; then "
    "look at the matrix again."
)


def _collapsed(proof: str, *, confidence: float, name: str, share: float) -> Finding:
    return Finding(
        Code.PREDICTION_COLLAPSE,
        Severity.ERROR,
        confidence,
        proof,
        _COLLAPSE_REMEDY,
        refuted_by="a second class among the answers of the same model",
        details={"class": name, "share": round(share, 4)},
    )


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
            f"No sample of {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} is in {where}: its recall is "
            "undefined and macro averages are void.",
            "Evaluate on a set with every class, or leave the class out of the averages and say so.",
            refuted_by="samples of the class in the set",
            details={"missing": missing[:50]},
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
        sources.append(("evaluated set", list(zip(table[2], table[0].tolist(), strict=True))))
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
                f"By the notes only {rare:.2%} are of the rare class; always answering the other is right in {1 - rare:.2%}.",
                "Judge by recall and precision of the rare class; weight the classes or resample the training data only.",
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
                f"The notes say that the classes are unbalanced: {evidence.setup.quote('balanced', 'imbalance')}.",
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
        min(0.7 if handled else 0.99 if ratio >= 100 else 0.75, 0.5 + 0.1 * math.log2(ratio)),
        f"In the {name} set {largest[0]} has {largest[1]:,} samples and {smallest[0]} {smallest[1]:,}, {ratio:.3g} "
        f"times fewer; always answering {largest[0]} is right in {share:.1%}.",
        "Judge by figures per class, balanced accuracy or the area under the precision–recall curve; weight the "
        "classes (n / (K·n_c)) or resample the training data only.",
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
        f"The accuracy is {accuracy:.4f}; always answering the largest class gives {majority:.4f}. The model gains "
        f"{lift:.0%} of what is left.",
        "Report recall per class, balanced accuracy and the precision–recall area instead of accuracy.",
        refuted_by="a balanced set of the same kind giving the same accuracy",
        details={"accuracy": round(accuracy, 4), "majority_share": round(majority, 4)},
    )


def _rare_is_found(evidence: Evidence) -> bool:
    """Whether the rare class of two is found often enough, and surely enough, that the threshold is the point."""
    table, cells = class_table(evidence), _two_class_counts(evidence)
    if table is None or cells is None:
        return False
    if _better_threshold(evidence) is not None:
        return True
    rare = int(table[0].argmin())
    hits, false = cells[rare][0], cells[rare][1]
    recall = hits / max(1, table[0][rare])
    return recall > 0.15 and hits / max(1, hits + false) > 0.5


def _two_class_counts(evidence: Evidence) -> list[tuple[int, int]] | None:
    """Return (right, falsely answered) of each of two classes; a report's come from its precisions."""
    matrix, report = evidence.evaluated_matrix, evidence.report
    if matrix is not None and matrix.shape == (2, 2):
        return [(int(matrix[one, one]), int(matrix[1 - one, one])) for one in (0, 1)]
    if report is None or len(report.names) != 2:
        return None
    cells = []
    for recall, precision, support in zip(report.recall, report.precision, report.support, strict=True):
        hits = float(recall * support)
        cells.append((round(hits), round(hits / precision - hits) if precision > 0 else 0))
    return cells


def _accuracy_and_majority(
    evidence: Evidence, course: Course | None
) -> tuple[float, float, int, int | None] | None:
    table = class_table(evidence)
    if table is not None and table[0].sum():
        support, recall, _ = table
        n = int(support.sum())
        right = float(np.nansum(recall * support)) / n
        return right, float(support.max() / n), int(np.sum(support > 0)), n
    majority, classes, n = None, 2, None
    for name in ("test", "validation", "all", "train"):
        counts = evidence.counts.get(name)
        if counts is not None and len(counts.by_class) >= 2 and sum(counts.by_class.values()):
            n = sum(counts.by_class.values())
            majority, classes = max(counts.by_class.values()) / n, len(counts.by_class)
            break
    if majority is None and evidence.setup.minority_share is not None:
        majority = 1 - evidence.setup.minority_share
    if majority is None:
        return None
    shown = [one.accuracy for one in evidence.evaluations if one.accuracy is not None]
    if not shown and course is not None:
        values = course.val_accuracy if course.val_accuracy is not None else course.accuracy
        shown = [] if values is None else [float(values[np.isfinite(values)][-1])]
    return (shown[-1], majority, classes, n) if shown else None


def weak_class(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Classes whose recall is clearly below that of the rest (three classes or more)."""
    table = class_table(evidence)
    if table is None:
        return
    support, recall, names = table
    seen = np.flatnonzero(support > 0)
    if len(support) == len(seen) == 2:
        yield from _weaker_of_two(evidence, table)
    if len(seen) < 3:
        return
    right = np.round(recall[seen] * support[seen])
    overall = right.sum() / support[seen].sum()
    if overall < 1.3 / len(seen):
        return
    weak = []
    for place, index in enumerate(seen.tolist()):
        n, hits = int(support[index]), int(right[place])
        # Against the middle of the other classes: a huge class must not set the standard.
        found = [value for other, value in enumerate(recall[seen]) if other != place and value > 0]
        others = float(np.median(found)) if found else 0.0
        p = float(special.bdtr(hits, n, others)) if others < 1 else float(hits < n)
        if p < 0.001 / len(seen) and hits / n < 0.85 * others and others - hits / n >= 0.1:
            weak.append((hits / n, index, others))
    if len(weak) > max(2, 0.3 * len(seen)):
        # Many below the middle: only those far below it stand out.
        weak = [one for one in weak if one[0] < 0.7 * one[2]]
    if not weak or len(weak) > 0.5 * len(seen):
        return
    weak.sort()
    lowest, index, others = weak[0]
    limits = clopper_pearson(round(lowest * int(support[index])), int(support[index]))
    sentence = (
        f"{names[index]} is found in {lowest:.1%} of {int(support[index]):,} ({limits.lower:.1%}–{limits.upper:.1%}), "
        f"the other classes in {others:.1%}"
    )
    confused = _confusion_of(evidence, index)
    details = {
        "classes": [names[one] for _, one, _ in weak],
        "recall": {names[one]: round(r, 4) for r, one, _ in weak},
    }
    if confused is not None:
        sentence += f"; it is mostly taken for {confused[0]} ({confused[1]:.0%})"
        details["confused_with"] = confused[0]
    if len(weak) > 1:
        sentence += f"; weak as well: {', '.join(names[one] for _, one, _ in weak[1:6])}"
    yield Finding(
        Code.WEAK_CLASS,
        Severity.WARNING,
        0.95 if lowest < 0.1 else 0.85,
        sentence + ".",
        f"Look at samples of {names[index]}{f' and {confused[0]}' if confused else ''} side by side; add data or "
        "weight for it, and check its labels.",
        refuted_by="a second set of the same size in which the class does as well as the rest",
        details=details,
    )


def _weaker_of_two(
    evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]
) -> Iterator[Finding]:
    """Of two classes one is found clearly less often, though not so that the threshold alone were to blame."""
    support, recall, names = table
    low, high = int(np.nanargmin(recall)), int(np.nanargmax(recall))
    spread = math.hypot(*(sampling_error(float(recall[one]), int(support[one])) for one in (low, high)))
    gap = float(recall[high] - recall[low])
    if gap < 0.15 or gap < 3.3 * spread or not 0.02 < recall[low] < 0.6 or next(_lopsided(evidence, table), None):
        return
    yield Finding(
        Code.WEAK_CLASS,
        Severity.WARNING,
        0.65,
        f"{names[low]} is found in {recall[low]:.1%} of {int(support[low]):,}, {names[high]} in {recall[high]:.1%} of "
        f"{int(support[high]):,}.",
        f"Add data or weight for {names[low]}, look at its errors, and judge by its own precision and recall.",
        refuted_by="a second set of the same size in which the class does as well as the other",
        details={"classes": [names[low]], "recall": {names[low]: round(float(recall[low]), 4)}},
    )


def _confusion_of(evidence: Evidence, index: int) -> tuple[str, float] | None:
    matrix = evidence.evaluated_matrix
    if matrix is None or not matrix[index].sum():
        return None
    row = matrix[index].astype(float)
    row[index] = 0
    return (
        (evidence.name_of(int(row.argmax())), float(row.max() / matrix[index].sum())) if row.max() else None
    )


def decision_threshold(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Errors of two classes so lopsided that another operating point serves better."""
    table = class_table(evidence)
    if table is not None and len(table[0]) in (3, 4) and np.sum(table[0] > 0) == 2:
        # Two classes and a column for abstaining.
        seen = np.flatnonzero(table[0] > 0)
        table = (table[0][seen], table[1][seen], tuple(table[2][one] for one in seen))
    if table is not None and len(table[0]) == 2 and table[0].min() > 0:
        yield from _lopsided(evidence, table)
        return
    if evidence.report is not None and evidence.matrix is None and (found := _silent_labels(evidence.report)):
        yield found
        return
    if table is not None:
        return
    for one in evidence.evaluations:
        precision, recall = one.metrics.get("precision"), one.metrics.get("recall")
        if precision is None or recall is None or min(precision, recall) < 0.02:
            continue
        area = next((value for name, value in one.metrics.items() if "auc" in name.lower()), None)
        if abs(precision - recall) >= 0.2 and max(precision, recall) >= 0.6 and (area is None or area >= 0.7):
            lower = precision > recall
            yield Finding(
                Code.DECISION_THRESHOLD,
                Severity.WARNING,
                0.75,
                f"Precision {precision:.2f} against recall {recall:.2f} at the default threshold"
                + ("" if area is None else f", with an area under the curve of {area:.3f}")
                + ": there is room to trade one for the other.",
                f"{'Lower' if lower else 'Raise'} the threshold on the development set, by the costs of the errors.",
                refuted_by="a precision–recall curve without a better point",
                details={"direction": "lower for class 1" if lower else "higher for class 1"},
            )
            return


def _silent_labels(report: PrintedReport) -> Finding | None:
    """Many labels, each hardly ever answered but then rightly: a threshold too high for all of them."""
    seen = report.support > 0
    if seen.sum() < 5:
        return None
    silent = seen & (report.precision >= 0.6) & (report.recall <= 0.4)
    never = seen & (report.recall == 0)
    if silent.sum() + never.sum() < 0.6 * seen.sum() or silent.sum() < 3:
        return None
    lowest = int(np.flatnonzero(silent)[np.argmin(report.recall[silent])])
    return Finding(
        Code.DECISION_THRESHOLD,
        Severity.WARNING,
        0.97,
        f"{int(silent.sum())} of {int(seen.sum())} labels are answered rarely but rightly ({report.names[lowest]}: precision "
        f"{report.precision[lowest]:.2f}, recall {report.recall[lowest]:.2f}), {int(never.sum())} never: the threshold is too high.",
        "Choose a threshold per label on a development set, by the costs of its errors.",
        refuted_by="precision falling to nothing below the threshold",
        details={"labels": int(silent.sum())},
    )


def _lopsided(
    evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]
) -> Iterator[Finding]:
    support, recall, names = table
    missed = np.round((1 - recall) * support)
    cells = _two_class_counts(evidence)
    if evidence.evaluated_matrix is None and cells is not None and len(cells) == 2:
        # A recall of 1.00 of many is known to the cases only through the other class's precision.
        missed = np.maximum(missed, [cells[1][1], cells[0][1]])
        missed = np.array([cells[1][1] if recall[0] >= 0.99 else missed[0], cells[0][1] if recall[1] >= 0.99 else missed[1]])
    gain = _better_threshold(evidence)
    if gain is None and (min(recall) < 0.02 or (missed / support).sum() >= 0.95):
        return
    rates = missed / support
    worse = int(rates.argmax())
    other = 1 - worse
    smoothed = (missed + 0.5) / (support + 1)
    ratio = smoothed[worse] / smoothed[other]
    errors = [sampling_error(float(rate), int(n)) for rate, n in zip(rates, support, strict=True)]
    z = (rates[worse] - rates[other]) / np.hypot(*errors)
    # By counts as well: with unequal classes equal precision and recall leave unequal rates.
    counts = (missed[worse] + 0.5) / (missed[other] + 0.5)
    flooded = _flooded(evidence, table)
    if not (ratio >= 3.5 and counts >= 3 and rates[worse] - rates[other] >= 0.08 and z > 4) and gain is None:
        if flooded is not None:
            yield flooded
        return
    verb = "lower" if worse == 1 else "raise"
    # The threshold is on the score of class 1: lower it and class 1 is found more often.
    sentence = (
        f"{int(missed[worse]):,} of {int(support[worse]):,} {names[worse]} are missed ({rates[worse]:.1%}), but only "
        f"{int(missed[other]):,} of {int(support[other]):,} {names[other]} ({rates[other]:.2%}): {ratio:.0f} to 1"
    )
    if gain is not None:
        sentence += f"; at a threshold of {gain[0]:.3g} in place of .5 the mean recall is {gain[2]:.1%} in place of {gain[1]:.1%}"
    yield Finding(
        Code.DECISION_THRESHOLD,
        Severity.WARNING,
        0.95 if gain is not None else 0.85 if ratio > 8 else 0.75,
        sentence + ".",
        f"{verb.capitalize()} the threshold for {names[1]}, on a development set, to the point where the costs of both "
        "errors balance; state both error rates.",
        refuted_by="a curve of both error rates without a better balanced point",
        excluded=("collapse: both classes are answered",),
        details={
            "direction": f"{verb} the threshold for {names[1]}",
            "fpr_class1": round(float(rates[0]), 4),
            "fnr_class1": round(float(rates[1]), 4),
        },
    )


def _flooded(
    evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]
) -> Finding | None:
    """The rare class is found, but most of its answers are false: the threshold is too low for its share."""
    cells = _two_class_counts(evidence)
    if cells is None or len(table[0]) != 2:
        return None
    rare = int(table[0].argmin())
    hits, false = cells[rare]
    missed = int(table[0][rare]) - hits
    precision = hits / max(1, hits + false)
    if not (precision < 0.35 and hits > 0.6 * table[0][rare] and false > 8 * max(1, missed) and false >= 20):
        return None
    return Finding(
        Code.DECISION_THRESHOLD,
        Severity.WARNING,
        0.85,
        f"{hits:,} of {int(table[0][rare]):,} {table[2][rare]} are found, with {false:,} false alarms: precision "
        f"{precision:.2f}, {false / max(1, missed):.0f} false alarms for each one missed.",
        f"Raise the threshold for {table[2][rare]} on a development set with the natural shares.",
        refuted_by="a precision-recall curve without a better point",
        details={"direction": f"raise the threshold for {table[2][rare]}", "precision": round(precision, 4)},
    )


def _better_threshold(evidence: Evidence) -> tuple[float, float, float] | None:
    """Return a threshold with a mean recall clearly better than at .5, with both; from binary probabilities."""
    given = evidence.predictions
    if (
        given is None
        or given.y_prob is None
        or given.y_true is None
        or len(given.y_prob) != len(given.y_true)
    ):
        return None
    scores = (
        given.y_prob if given.y_prob.ndim == 1 else given.y_prob[:, 1] if given.y_prob.shape[1] == 2 else None
    )
    labels = sorted(set(given.y_true.tolist()), key=str)
    if scores is None or len(labels) != 2:
        return None
    positive = np.array([value == labels[1] for value in given.y_true.tolist()])
    order = np.sort(np.unique(scores))
    recalls = np.array(
        [((scores >= cut)[positive].mean() + (scores < cut)[~positive].mean()) / 2 for cut in order]
    )
    at_half = ((scores >= 0.5)[positive].mean() + (scores < 0.5)[~positive].mean()) / 2
    best = int(recalls.argmax())
    n = min(int(positive.sum()), int((~positive).sum()))
    clearly = recalls[best] > 0.65 and recalls[best] - at_half > max(0.08, 3 * sampling_error(float(at_half), 2 * n))
    return (float(order[best]), float(at_half), float(recalls[best])) if clearly else None
