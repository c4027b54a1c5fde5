"""What a single answer for every sample looks like: in a matrix, a report, probabilities or curves."""

import math
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, PrintedReport
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_figures import better_threshold
from lifesign.evaluation.diagnosis.statistics import end_level, sampling_error

__all__ = ["prediction_collapse"]

_CORRELATION = re.compile(r"(?:^|_)(?:mcc|matthews\w*|(?:cohens?_)?kappa)(?:_|$)", re.IGNORECASE)

# Of fewer samples than that the same answer for all may be chance.
_FEW = 10


def prediction_collapse(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """All or nearly all answers are one class."""
    matrix = evidence.evaluated_matrix
    if matrix is not None and len(matrix) >= 2 and matrix.sum() >= 4 and np.sum(matrix.sum(axis=1) > 0) >= 2:
        columns, rows, n = matrix.sum(axis=0), matrix.sum(axis=1), int(matrix.sum())
        kept = int(columns.argmax())
        others = np.delete(np.diag(matrix), kept).sum() / max(1, np.delete(rows, kept).sum())
        share = columns[kept] / n
        nearly = (share >= 0.95 and rows[kept] / n < 0.95 * share) or (
            share >= 0.9 and rows[kept] / n < 0.5 * share
        )
        # Of classes that are rare as well: hardly any answer is one of theirs.
        elsewhere, rare = n - int(columns[kept]), n - int(rows[kept])
        nearly = nearly or (share >= 0.9 and rare >= 20 and elsewhere < 0.05 * rare)
        if share == 1 or (nearly and others <= 0.1):
            # Where the scores do tell the classes apart, the answers are one class for want of a threshold.
            told = better_threshold(evidence)
            right = evidence.matrix_accuracy or 0.0
            yield _collapsed(
                f"{int(columns[kept]):,} of {n:,} answers are {evidence.called(kept)}, but only "
                f"{int(rows[kept]):,} samples are; of the other classes {others:.1%} are found.",
                confidence=0.65 if told is not None and told[2] > 0.75 else _certainty(evidence, right, n),
                name=evidence.name_of(kept),
                share=float(share),
            )
            return
    if matrix is None and evidence.report is not None:
        recall, support = evidence.report.recall, evidence.report.support
        if np.sum(support > 0) >= 2 and recall.max() >= 0.995 and np.sum(recall[support > 0] > 0.005) == 1:
            name, n = evidence.report.names[int(recall.argmax())], evidence.report.n
            yield _collapsed(
                f"Recall is {recall.max():.2f} for {name} and 0 for every other class.",
                confidence=_certainty(evidence, evidence.report.correct / n, n),
                name=name,
                share=1.0,
            )
            return
    if matrix is None and evidence.report is not None and (found := _collapsed_report(evidence.report)):
        yield found
        return
    if found := _one_column_of_counts(course) or _all_or_nothing(course):
        yield found
        return
    if found := _without_correlation(evidence, course):
        yield found
        return
    yield from _constant_predictions(evidence)
    yield from _constant_accuracy(evidence, course)


def _certainty(evidence: Evidence, right: float, n: int) -> float:
    """Return how sure a single answer in a table of ``n`` is, a share ``right`` of them right: not where the
    samples are few, or where an evaluation of as many says that the model tells them apart.
    """
    told_apart = any(one.n == n and (one.accuracy or 0) > right + 0.2 for one in evidence.evaluations)
    return 0.5 if n < _FEW or told_apart else 0.94


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
        f"By precision and recall about {answered[kept]:.0f} of {report.n:,} answers are "
        f"{report.names[kept]}, but only {int(report.support[kept]):,} samples are; of the other classes "
        f"{others:.1%} are found.",
        confidence=0.9,
        name=report.names[kept],
        share=share,
    )


def _without_correlation(evidence: Evidence, course: Course | None) -> Finding | None:
    """Matthews' coefficient or Cohen's kappa exactly 0: by convention, and by count, that of one answer.

    B. W. Matthews, 1975; scikit-learn's ``matthews_corrcoef`` returns 0 where a column is empty.
    """
    matrix = evidence.evaluated_matrix
    if matrix is not None and np.sum(matrix.sum(axis=1) > 0) < 2:
        # All samples are of one class: then it is 0 whatever the answers are.
        return None
    shown = [
        (name, [value])
        for one in evidence.evaluations
        if not one.is_of_training
        for name, value in one.metrics.items()
    ]
    if course is not None:
        shown += [
            (name, values[np.isfinite(values)].tolist()) for name, values in course.curves.series.items()
        ]
    for name, values in shown:
        if _CORRELATION.search(name) and values and not any(values[-3:]):
            return _collapsed(
                f"{name} is exactly 0{f' in the last {len(values[-3:])} rows' if len(values) > 1 else ''}: "
                "true classes and answers do not go together at all, as when every answer is the same.",
                confidence=0.85 if len(values) >= 3 else 0.7,
                name="one class",
                share=1.0,
            )
    return None


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


def _one_column_of_counts(course: Course | None) -> Finding | None:
    """True and false positives and negatives beside the loss: the validation answers are one class."""
    if course is None:
        return None
    counts = [course.curves.get(f"val_{name}") for name in ("tp", "fp", "tn", "fn")]
    if any(values is None for values in counts):
        return None
    tp, fp, tn, fn = (float(values[-1]) for values in counts if values is not None)
    positives, negatives = tp + fp, tn + fn
    if (
        not np.isfinite(positives + negatives)
        or positives + negatives < 10
        or min(positives, negatives) > 0
        or min(tp + fn, fp + tn) <= 0
    ):
        return None
    name = "positive" if positives else "negative"
    n = int(positives + negatives)
    wrong = int(fp + fn)
    return _collapsed(
        f"All {n} validation answers are {name}, {wrong} of them wrong.", confidence=0.9, name=name, share=1.0
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
    rest = _at_rest(values, slack)
    if len(values) >= 6 and len(rest) >= max(5, len(values) // 3) and len(rest) < len(values):
        # The answers came to rest after some epochs.
        values = rest
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
    entropy = 0.0 if not 0 < level < 1 else -level * math.log(level) - (1 - level) * math.log(1 - level)
    late = None if course.val_loss is None else end_level(course.val_loss)
    at_share = at_share or (late is not None and level > 0.5 and abs(late - entropy) < 0.08 * entropy)
    if (len(values) < len(course) or len(values) < 3) and not at_share:
        return
    good = course.accuracy is not None and end_level(course.accuracy) > 0.9 and level > 0.9
    if good and not at_share:
        # A training that is done: nothing moves any more because nearly all is right.
        return
    # Frozen weights give the same answers as well, of all classes.
    frozen = course.loss is not None and bool(np.ptp(course.loss) < 2e-3 * abs(np.median(course.loss)))
    yield Finding(
        Code.PREDICTION_COLLAPSE,
        Severity.INFO if frozen and not at_share else Severity.WARNING,
        0.75 if at_share else 0.55,
        f"Validation accuracy is {level:.4f} in each of {len(values)} epochs, the same answers every time"
        + (": the share of one class." if at_share else ": most likely a single class."),
        _COLLAPSE_REMEDY,
        refuted_by="a confusion matrix with more than one column in use",
        details={"val_accuracy": float(values[0])},
    )


def _at_rest(values: NDArray[np.float64], slack: float) -> NDArray[np.float64]:
    """Return the last values as far as they lie within ``slack`` of the very last."""
    moved = np.flatnonzero(np.abs(values - values[-1]) > slack) if len(values) else values
    return values[int(moved[-1]) + 1 :] if len(moved) else values


def _all_or_nothing(course: Course | None) -> Finding | None:
    """Recall on validation is exactly 0, without precision, or exactly 1, in every epoch of several."""
    if course is None or course.val_accuracy is None or len(course) < 2:
        return None
    recall, precision = course.curves.get("val_recall"), course.curves.get("val_precision")
    if recall is None or precision is None:
        return None
    none = (recall == 0) & (precision == 0)
    # All are called positive: as many of the answers are right as of the positive ones.
    every = (recall == 1) & (np.abs(precision - course.val_accuracy) < 1e-3)
    if not np.all(none | every) or not 0 < float(course.val_accuracy[-1]) < 0.9995:
        return None
    name = "negative" if none[-1] else "positive"
    return _collapsed(
        f"Recall on validation is exactly {recall[-1]:.0f} at the end, 0 or 1 in all {len(course)} epochs, "
        f"with {course.val_accuracy[-1]:.2%} of the answers right: every answer is {name}.",
        confidence=0.9,
        name=name,
        share=1.0,
    )


def _frozen_training(course: Course) -> Iterator[Finding]:
    """Training loss and accuracy the same to the last digit epoch after epoch: the answers do not move at
    all.
    """
    loss, accuracy = course.loss, course.accuracy
    if loss is None or accuracy is None or len(course) < 4:
        return
    if np.ptp(loss[1:]) > 1e-9 or np.ptp(accuracy[1:]) > 1e-9 or not 0 < accuracy[-1] < 0.9995:
        return
    yield Finding(
        Code.PREDICTION_COLLAPSE,
        Severity.WARNING,
        0.65,
        f"Training loss ({loss[-1]:.4g}) and accuracy ({accuracy[-1]:.2%}) are the same to the last digit in "
        f"{len(course)} epochs: one answer for every sample, most likely.",
        _COLLAPSE_REMEDY,
        refuted_by="a second class among the answers of the same model",
        details={"accuracy": float(accuracy[-1])},
    )


_COLLAPSE_REMEDY = (
    "Lower the learning rate, check output activation and input scaling, and weight or resample the "
    "classes; then look at the matrix again."
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
