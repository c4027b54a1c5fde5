"""Errors so lopsided that another operating point serves better."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence, PrintedReport, spoken_class
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_figures import better_threshold, class_table, two_class_counts
from lifesign.evaluation.diagnosis.statistics import sampling_error

__all__ = ["decision_threshold", "lopsided"]

_Floats = NDArray[np.float64]


def decision_threshold(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Errors of two classes so lopsided that another operating point serves better."""
    table = class_table(evidence)
    if table is not None and len(table[0]) in (3, 4) and np.sum(table[0] > 0) == 2:
        # Two classes and a column for abstaining.
        seen = np.flatnonzero(table[0] > 0)
        table = (table[0][seen], table[1][seen], tuple(table[2][one] for one in seen))
    if table is not None and len(table[0]) == 2 and table[0].min() > 0:
        yield from lopsided(evidence, table)
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
        area = one.area
        if abs(precision - recall) >= 0.2 and max(precision, recall) >= 0.6 and (area is None or area >= 0.7):
            lower = precision > recall
            yield Finding(
                Code.DECISION_THRESHOLD,
                Severity.WARNING,
                0.75,
                f"Precision {precision:.2f} against recall {recall:.2f} at the default threshold"
                + ("" if area is None else f", with an area under the curve of {area:.3f}")
                + ": there is room to trade one for the other.",
                f"{'Lower' if lower else 'Raise'} the threshold on the development set, by the costs of the "
                "errors.",
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
        f"{int(silent.sum())} of {int(seen.sum())} labels are answered rarely but rightly "
        f"({report.names[lowest]}: precision {report.precision[lowest]:.2f}, recall "
        f"{report.recall[lowest]:.2f}), {int(never.sum())} never: the threshold is too high.",
        "Choose a threshold per label on a development set, by the costs of its errors.",
        refuted_by="precision falling to nothing below the threshold",
        details={"labels": int(silent.sum())},
    )


def lopsided(
    evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]
) -> Iterator[Finding]:
    support, recall, names = table
    missed = np.round((1 - recall) * support)
    cells = two_class_counts(evidence)
    if evidence.evaluated_matrix is None and cells is not None and len(cells) == 2:
        # A recall of 1.00 of many is known to the cases only through the other class's precision.
        missed = np.maximum(missed, [cells[1][1], cells[0][1]])
        missed = np.array(
            [cells[1][1] if recall[0] >= 0.99 else missed[0], cells[0][1] if recall[1] >= 0.99 else missed[1]]
        )
    gain = better_threshold(evidence)
    if gain is None and (min(recall) < 0.02 or (missed / support).sum() >= 0.95):
        return
    rates = missed / support
    worse = int(rates.argmax())
    other = 1 - worse
    smoothed = (missed + 0.5) / (support + 1)
    ratio = smoothed[worse] / smoothed[other]
    errors = [sampling_error(float(rate), int(n)) for rate, n in zip(rates, support, strict=True)]
    z = (rates[worse] - rates[other]) / math.hypot(*errors)
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
        f"{int(missed[worse]):,} of {int(support[worse]):,} of {spoken_class(names[worse])} are missed "
        f"({rates[worse]:.1%}), but only {int(missed[other]):,} of {int(support[other]):,} of "
        f"{spoken_class(names[other])} ({rates[other]:.2%}): {ratio:.0f} to 1"
    )
    if gain is not None:
        sentence += (
            f"; at a threshold of {gain[0]:.3g} in place of .5 the mean recall is {gain[2]:.1%} in place of "
            f"{gain[1]:.1%}"
        )
    yield Finding(
        Code.DECISION_THRESHOLD,
        Severity.WARNING,
        0.95 if gain is not None else 0.85 if ratio > 8 else 0.75,
        sentence + ".",
        f"{verb.capitalize()} the threshold for {spoken_class(names[1])}, on a development set, to the point "
        "where the costs of both errors balance; state both error rates.",
        refuted_by="a curve of both error rates without a better balanced point",
        excluded=("collapse: both classes are answered",),
        details={
            "direction": f"{verb} the threshold for {names[1]}",
            "fpr_class1": round(float(rates[0]), 4),
            "fnr_class1": round(float(rates[1]), 4),
        },
    )


def _flooded(evidence: Evidence, table: tuple[NDArray[np.int64], _Floats, tuple[str, ...]]) -> Finding | None:
    """The rare class is found, but most of its answers are false: the threshold is too low for its share."""
    cells = two_class_counts(evidence)
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
        f"{hits:,} of {int(table[0][rare]):,} {table[2][rare]} are found, with {false:,} false alarms: "
        f"precision {precision:.2f}, {false / max(1, missed):.0f} false alarms for each one missed.",
        f"Raise the threshold for {table[2][rare]} on a development set with the natural shares.",
        refuted_by="a precision-recall curve without a better point",
        details={"direction": f"raise the threshold for {table[2][rare]}", "precision": round(precision, 4)},
    )
