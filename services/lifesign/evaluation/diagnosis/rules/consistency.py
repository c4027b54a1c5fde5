"""Figures that contradict each other."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["inconsistent_inputs"]

# Of what else than a slip such a contradiction would be, there is nothing.
_CERTAIN = ("exchanged", "asked for other", "of the same")


def inconsistent_inputs(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Matrix against report, label against probability, evaluation against matrix, report against itself."""
    reasons = [
        *_matrix_against_report(evidence),
        *_labels_against_probabilities(evidence),
        *_evaluations_against_matrix(evidence),
        *_report_against_itself(evidence),
        *_sizes(evidence),
        *_counts_against_matrix(evidence),
        *_loss_of_nothing(course),
        *_rates_against_matrix(evidence),
        *_single_rows(course),
        *_sums_of_parts(course),
        *_share_of_one_set_above_1(course),
    ]
    if not reasons:
        return
    yield Finding(
        Code.INCONSISTENT_INPUTS,
        Severity.WARNING,
        0.95 if len(reasons) > 1 or any(word in reasons[0] for word in _CERTAIN) else 0.8,
        "; ".join(reasons[:4]) + ".",
        "Find out which figure is of which run, split and epoch, and make them again from one set of "
        "predictions.",
        refuted_by="both figures worked out again from the same predictions agreeing",
        details={"contradictions": len(reasons)},
    )


def _matrix_against_report(evidence: Evidence) -> Iterator[str]:
    matrix, report = evidence.matrix, evidence.report
    if matrix is None or report is None or len(matrix) != len(report.names):
        return
    support = matrix.sum(axis=1)
    if not np.array_equal(support, report.support):
        if np.array_equal(np.sort(support), np.sort(report.support)) and len(set(support.tolist())) == len(
            support
        ):
            # The same classes in another order.
            return
        if np.array_equal(matrix.sum(axis=0), report.support):
            yield "the report's support is the column sums of the matrix: the matrix is transposed"
        else:
            yield (
                f"the matrix has {support.tolist()[:6]} samples per class, the report "
                f"{report.support.tolist()[:6]}"
            )
        return
    hits = np.diag(matrix)
    half = 0.5 * 10.0**-report.decimals + 1e-9
    recall = np.divide(hits, support, out=np.zeros(len(hits)), where=support > 0)
    columns = matrix.sum(axis=0)
    precision = np.divide(hits, columns, out=np.zeros(len(hits)), where=columns > 0)
    for name, counted, printed in (
        ("recall", recall, report.recall),
        ("precision", precision, report.precision),
    ):
        off = np.flatnonzero(np.abs(counted - printed) > half + 0.5 * 10.0**-report.decimals)
        if len(off):
            first = int(off[0])
            yield (
                f"{name} of {evidence.called(first)} is {counted[first]:.3f} by the matrix and "
                f"{printed[first]:.2f} by the report"
            )


def _labels_against_probabilities(evidence: Evidence) -> Iterator[str]:
    given = evidence.predictions
    if (
        given is None
        or given.y_pred is None
        or given.y_prob is None
        or len(given.y_pred) != len(given.y_prob)
    ):
        return
    predicted = given.y_pred.tolist()
    n = len(predicted)
    if n < 5:
        return
    if given.y_prob.ndim == 2:
        width = given.y_prob.shape[1]
        names: list[object] = list(range(width))
        if evidence.class_names and len(evidence.class_names) == width and not set(predicted) <= set(names):
            names = list(evidence.class_names)
        chosen = [names[index] for index in given.y_prob.argmax(axis=1)]
        wrong = sum(str(one) != str(other) for one, other in zip(chosen, predicted, strict=True))
        if wrong > 0.02 * n:
            yield f"{wrong} of {n} predicted labels are not the class of the largest probability"
        sums = given.y_prob.sum(axis=1)
        if np.mean(np.abs(sums - 1) > 0.02) > 0.05 and width > 2:
            yield f"probabilities add up to {np.median(sums):.3g} per sample, not 1"
        return
    labels = sorted({*predicted, *(given.y_true.tolist() if given.y_true is not None else [])}, key=str)
    if len(labels) != 2:
        return
    positive = np.array([value == labels[1] for value in predicted])
    high, low = given.y_prob[positive], given.y_prob[~positive]
    if not len(high) or not len(low):
        return
    # Any threshold would do: but every positive must lie above every negative.
    overlap = int(np.sum(high < low.max())) if high.min() < low.max() else 0
    if high.max() < low.min():
        yield f"the {len(high)} samples predicted {labels[1]} have the lower probabilities of it"
    elif overlap > 0.05 * n:
        yield (
            f"predicted labels do not follow the probabilities: {overlap} of {len(high)} samples predicted "
            f"{labels[1]} have a lower one than a sample predicted {labels[0]}"
        )


def _evaluations_against_matrix(evidence: Evidence) -> Iterator[str]:
    matrix, given = evidence.evaluated_matrix, evidence.predictions
    matrix_accuracy, n = evidence.matrix_accuracy, 0 if matrix is None else int(matrix.sum())
    if matrix_accuracy is None and evidence.report is not None and evidence.report.n:
        matrix_accuracy, n = evidence.report.correct / evidence.report.n, evidence.report.n
    if matrix_accuracy is None or (given is not None and evidence.matrix is None and evidence.report is None):
        return
    shown = [one for one in evidence.scored if one.n is None or one.n == n]
    if any(abs((one.accuracy or 0) - matrix_accuracy) <= 0.006 for one in shown):
        # Of several evaluations the matrix belongs to the one that it agrees with.
        return
    for one in evidence.evaluations:
        if one.accuracy is None or one.is_of_training:
            continue
        if one.n is not None and one.n != n:
            continue
        if abs(one.accuracy - matrix_accuracy) > max(
            0.006, 4 * sampling_error(matrix_accuracy, n) if one.n is None else 0.006
        ):
            same = " of the same" if one.n == n else " of"
            yield (
                f"{one.split or 'the evaluation'} says {one.accuracy:.2%} right, the matrix "
                f"{matrix_accuracy:.2%}{same} {n:,}"
            )


def _report_against_itself(evidence: Evidence) -> Iterator[str]:
    report = evidence.report
    if report is None:
        return
    half = 0.5 * 10.0**-report.decimals
    for index, name in enumerate(report.names):
        p, r, f = float(report.precision[index]), float(report.recall[index]), float(report.f1[index])
        low, high = (_f1(max(0, p + s * half), max(0, r + s * half)) for s in (-1, 1))
        if np.isfinite([p, r, f]).all() and not low - half - 1e-6 <= f <= high + half + 1e-6:
            yield f"F1 of {name} is {f:.2f}, but precision {p:.2f} and recall {r:.2f} make {_f1(p, r):.2f}"
    if report.accuracy is not None and report.n:
        right = report.correct / report.n
        if abs(right - report.accuracy) > 2 * half + 1e-6:
            yield f"the report's recalls make an accuracy of {right:.3f}, it prints {report.accuracy:.2f}"


def _counts_against_matrix(evidence: Evidence) -> Iterator[str]:
    matrix, report = evidence.matrix, evidence.report
    if report is not None and not report.n and any((one.accuracy or 0) > 0 for one in evidence.evaluations):
        yield (
            "the report has no sample of any class, but the evaluation has an accuracy: it was asked for "
            "other labels"
        )
    for name in ("test", "validation"):
        counts = evidence.counts.get(name)
        if matrix is None or counts is None or len(counts.by_class) != len(matrix):
            continue
        sizes = np.array(list(counts.by_class.values()))
        rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
        if not np.array_equal(sizes, rows) and np.array_equal(sizes, columns):
            yield (
                f"the columns of the matrix, not its rows, are the {name} counts ({sizes.tolist()[:6]}): "
                "labels and predictions were exchanged"
            )


def _single_rows(course: Course | None) -> Iterator[str]:
    """One epoch whose loss and accuracy cannot both be true, among others that can."""
    if course is None or course.val_loss is None or course.val_accuracy is None or len(course) < 3:
        return
    wrong = 1 - course.val_accuracy
    odd = np.flatnonzero((course.val_loss < 1e-3) & (course.val_loss > 0) & (wrong > 0.2))
    if 0 < len(odd) < 0.5 * len(course):
        row = int(odd[0])
        yield (
            f"in row {course.rows[row]} the validation loss is {course.val_loss[row]:.3g}, that of perfect "
            f"answers, with {wrong[row]:.1%} of them wrong"
        )


def _sums_of_parts(course: Course | None) -> Iterator[str]:
    """The losses of several outputs add up to the whole in training, and in validation they do not."""
    if course is None or course.loss is None or course.val_loss is None:
        return
    names = [name for name in course.curves.series if name.endswith("_loss") and not name.startswith("val_")]
    if len(names) < 2 or any(f"val_{name}" not in course.curves.series for name in names):
        return
    series = course.curves.series
    trained = np.sum([series[name][-1] for name in names])
    held = float(np.sum([series[f"val_{name}"][-1] for name in names]))
    whole, shown = float(course.loss[-1]), float(course.val_loss[-1])
    if abs(trained - whole) < 0.002 * abs(whole) and abs(held - shown) > 0.05 * abs(held):
        yield (
            f"the {len(names)} parts of the validation loss add up to {held:.4g}, it is printed as "
            f"{shown:.4g}, while those of training make its {whole:.4g}"
        )


def _share_of_one_set_above_1(course: Course | None) -> Iterator[str]:
    """An accuracy above 1 in training beside one below in validation: a sum over devices, say."""
    if course is None or course.accuracy is None or course.val_accuracy is None:
        return
    trained, held = float(course.accuracy[-1]), float(course.val_accuracy[-1])
    if trained > 1.5 and 0 < held <= 1 and trained < 64 * held:
        yield (
            f"the training accuracy is {trained:.4g}, and no share is above 1, the validation accuracy "
            f"{held:.4g}: divided by {trained / held:.0f} both are of a kind, as where figures of several "
            "devices are added up"
        )


def _rates_against_matrix(evidence: Evidence) -> Iterator[str]:
    """Printed precision and recall that no class and no average of the matrix has."""
    matrix = evidence.matrix
    if matrix is None or not matrix.sum():
        return
    rows, columns, hits = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
    rates = {
        "recall": np.divide(hits, rows, out=np.zeros(len(hits)), where=rows > 0),
        "precision": np.divide(hits, columns, out=np.zeros(len(hits)), where=columns > 0),
    }
    for one in evidence.evaluations:
        if one.n != matrix.sum():
            continue
        for name, counted in rates.items():
            printed = one.metrics.get(name)
            allowed = [*counted, counted.mean(), float(counted @ rows / rows.sum()), hits.sum() / rows.sum()]
            if printed is not None and min(abs(printed - value) for value in allowed) > 0.006:
                yield (
                    f"{name} {printed:.4f} is that of no class of the matrix "
                    f"({', '.join(f'{value:.4f}' for value in counted[:4])})"
                )
                return


def _loss_of_nothing(course: Course | None) -> Iterator[str]:
    if course is None or course.loss is None or len(course) < 2:
        return
    others = [
        (name, values)
        for name, values in course.curves.series.items()
        if name in ("r_square", "r2", "r2_score", "mean_absolute_error", "mean_squared_error")
    ]
    zero = course.loss == 0
    for name, values in others:
        wrong = values[zero] < 0.99 if name.startswith("r") else values[zero] > 0
        if zero.sum() >= 2 and np.all(wrong):
            yield (
                f"the training loss is 0 in {int(zero.sum())} epochs, but {name} of the same rows is "
                f"{values[zero][-1]:.4g}"
            )
            return


def _f1(precision: float, recall: float) -> float:
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def _sizes(evidence: Evidence) -> Iterator[str]:
    matrix = evidence.matrix
    for one in evidence.evaluations:
        if (
            matrix is not None
            and one.n
            and one.n != matrix.sum()
            and one.split.lower().startswith(("test", "val"))
        ):
            counts = {name: given.size for name, given in evidence.counts.items()}
            if one.n in counts.values() or len(evidence.evaluations) == 1:
                yield f"the evaluation is of {one.n:,} samples, the matrix of {int(matrix.sum()):,}"
                return
