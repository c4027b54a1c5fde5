"""Labels that the other samples contradict: confident learning on cheap features.

C. Northcutt, L. Jiang and I. Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels (JAIR
70, 2021): a sample labelled i is counted for class j when its out-of-fold probability of j is at least
the mean self-confidence of class j.
"""

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.audit.findings import (
    MAX_EXAMPLES,
    Example,
    Finding,
    FindingCode,
    Severity,
    SuspectRow,
)
from lifesign.evaluation.audit.folds import grouped_folds, linear_probabilities, out_of_fold
from lifesign.evaluation.audit.measurements import COLOURS, NUMBERS, Measurements
from lifesign.evaluation.audit.table import AuditTable
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS

__all__ = ["confident_suspects", "find_label_noise"]

_MIN_PER_CLASS = 40
_MIN_GROUPS = 10
_MAX_CLASSES = 50
_MAX_SUSPECTS = 60
# Under this the cheap features do not tell the classes apart, and disagreement is the rule, not a sign.
_STRONG_ACCURACY = 0.9
_SURE = 0.9
# A handful among thousands is worth a look; more are worth a warning.
_WORTH_A_WARNING = 0.005


def find_label_noise(
    table: AuditTable, measured: Measurements
) -> tuple[list[Finding], tuple[SuspectRow, ...], str]:
    """Return the finding, the suspects (the surest first), and why there could be none.

    Only where a linear rule on cheap features is right in 90 % of each class on average are its
    disagreements told, and of those only the confident ones; elsewhere silence is the honest answer.
    """
    rows = np.flatnonzero(measured.readable)
    labels, groups = table.label_codes()[rows], table.group_codes()[rows]
    classes = len(table.class_names)
    counts = np.bincount(labels, minlength=classes) if len(rows) else np.zeros(1)
    if classes > _MAX_CLASSES:
        return [], (), f"more than {_MAX_CLASSES} classes"
    if counts.min() < _MIN_PER_CLASS or len(np.unique(groups)) < _MIN_GROUPS:
        return [], (), f"needs {_MIN_PER_CLASS} samples per class and {_MIN_GROUPS} subjects or images apart"
    folds = grouped_folds(np.unique(groups, return_inverse=True)[1], labels)
    features = _features(measured)[rows]
    probabilities = out_of_fold(folds, classes, linear_probabilities(features, labels, classes))
    accuracy = _balanced_accuracy(probabilities, labels)
    if accuracy < _STRONG_ACCURACY:
        reason = (
            f"cheap features tell the classes apart in {accuracy:.0%} only (balanced), too little to doubt a "
            f"label by ({_STRONG_ACCURACY:.0%} needed)"
        )
        return [], (), reason
    suspected = confident_suspects(probabilities, labels)
    if not len(suspected):
        return [], (), ""
    best = probabilities[suspected].argmax(axis=1)
    suspects = tuple(
        SuspectRow(
            sample_id=table.sample_ids[rows[row]],
            path=table.paths[rows[row]],
            label=table.labels[rows[row]],
            suggested=table.class_names[other],
            probability=round(float(probabilities[row, other]), 4),
        )
        for row, other in zip(suspected.tolist(), best.tolist(), strict=True)
    )
    finding = Finding(
        code=FindingCode.SUSPECTED_LABEL_ERRORS,
        severity=Severity.WARNING if len(suspects) >= _WORTH_A_WARNING * len(rows) else Severity.INFO,
        blocks=False,
        count=len(suspects),
        sentence=f"{len(suspects):,} of {len(rows):,} labels ({len(suspects) / len(rows):.1%}) are "
        "contradicted with confidence by models that did not see their subjects (balanced accuracy "
        f"{accuracy:.0%}).",
        examples=tuple(
            Example(
                samples=(one.sample_id,),
                note=f"{one.label}, looks like {one.suggested} ({one.probability:.2f})",
            )
            for one in suspects[:MAX_EXAMPLES]
        ),
        remedy="Look at them; correct the labels that are wrong.",
    )
    return [finding], suspects[:_MAX_SUSPECTS], ""


def confident_suspects(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows off the diagonal of the confident joint, by normalised margin, the worst first.

    ``probabilities`` ``(n, classes)`` out of fold, ``labels`` ``(n,)``. Of those only rows with at least
    0.9 for the other class are told: near the border between classes anyone errs.
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = np.array(
        [own[labels == one].mean() if (labels == one).any() else np.inf for one in range(classes)]
    )
    confident = np.where(probabilities >= thresholds, probabilities, -np.inf)
    counted = confident.argmax(axis=1)
    off = (confident.max(axis=1) >= _SURE) & (counted != labels)
    rows = np.flatnonzero(off)
    margin = own[rows] - probabilities[rows, counted[rows]]
    return rows[np.lexsort((rows, margin))]


def _features(measured: Measurements) -> NDArray[np.float64]:
    columns = [NUMBERS.index(name) for name in (*IMAGE_STATISTICS, *COLOURS)]
    return np.concatenate([measured.numbers[:, columns], measured.texture], axis=1).astype(np.float64)


def _balanced_accuracy(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    right = probabilities.argmax(axis=1) == labels
    return float(np.mean([right[labels == one].mean() for one in np.unique(labels)]))
