"""Predicted labels and scores, one by one, against labels of other values or the other way round."""

from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.class_indices import RECODE

__all__ = ["inverted_scores", "predictions_offset"]


def inverted_scores(evidence: Evidence) -> Iterator[Finding]:
    """Scores of two classes whose area under the ROC is far below .5, printed or by the samples' ranks."""
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


def predictions_offset(evidence: Evidence) -> Iterator[Finding]:
    """Predicted labels of another type than the true ones, of other values, or one further."""
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
                RECODE,
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
                RECODE,
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
        RECODE,
        details={"only_true": sorted(only_true)[:10], "only_predicted": sorted(only_predicted)[:10]},
    )
