"""Outputs at the clip of the loss."""

import math
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity

__all__ = ["saturated_outputs"]

# −ln of the clip of a probability: Keras' 1e-7; float32's 1 − 1e-7 as it is rounded; TensorFlow's
# log(p + 1e-7) in its variants; scikit-learn's 1e-15 and float64's epsilon; Caffe's least float32;
# PyTorch's limit.
_OF_FLOAT32 = (15.249, 16.118)
CLIPS = (16.118, 15.942, 15.425, 15.333, 15.249, 34.539, 36.044, 87.3365, 100.0)


def saturated_outputs(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Loss over error rate equal to a clip constant: every wrong answer is given with probability 0."""
    pairs = _loss_and_error(evidence, course)
    if found := _frozen_at_a_clip(course):
        yield found
        return
    where: dict[str, list[tuple[float, float]]] = {}
    for name, loss, error, slack in pairs:
        if _clip(loss, error, slack):
            where.setdefault(name, []).append((loss, error))
    for name, hits in where.items():
        total = sum(1 for one in pairs if one[0] == name)
        if len(hits) < max(1, math.ceil(total / 2)):
            continue
        loss, error = hits[-1]
        ratio = loss / error
        clip = min(CLIPS, key=lambda value: abs(value - ratio))
        yield Finding(
            Code.SATURATED_OUTPUTS,
            Severity.WARNING,
            0.9 if len(hits) > 1 or error > 0.05 else 0.7,
            f"On {name} the loss is the error rate times {clip:g}: {loss:.6g} / {error:.6g} = {ratio:.4f} = "
            f"−ln {math.exp(-clip):.1g}, the clip. Every wrong answer is given with certainty: outputs are "
            "exactly 0 or 1.",
            "Look for what drives the outputs to the ends: inputs that are not scaled, a wrong output "
            "activation, steps too large.",
            refuted_by="probabilities between 0 and 1 among the wrong answers",
            details={"loss_over_error_rate": round(ratio, 4), "clip": clip, "where": name},
        )
        return
    if found := _between_the_clips(course):
        yield found


def _between_the_clips(course: Course | None) -> Finding | None:
    """Both losses are the same number of nats per error, epoch by epoch, between float32's clips."""
    if course is None or course.loss is None or course.val_loss is None or len(course) < 2:
        return None
    if course.accuracy is None or course.val_accuracy is None:
        return None
    pairs = ((course.loss, course.accuracy), (course.val_loss, course.val_accuracy))
    if any(float(np.nanmin(1 - right[1:])) < 0.05 for _, right in pairs):
        return None
    ratios = np.concatenate([cost[1:] / (1 - right[1:]) for cost, right in pairs])
    middle = float(np.median(ratios))
    if not min(_OF_FLOAT32) <= middle <= max(_OF_FLOAT32) or np.ptp(ratios) > 0.005 * middle:
        return None
    return Finding(
        Code.SATURATED_OUTPUTS,
        Severity.WARNING,
        0.85,
        f"In every epoch, on training and on validation, the loss is {middle:.2f} nats per error, between "
        f"the clips of the logarithm ({min(_OF_FLOAT32):g} and {max(_OF_FLOAT32):g}): every wrong answer is "
        "given with certainty.",
        "Look for what drives the outputs to the ends: inputs that are not scaled, a wrong output "
        "activation, steps too large.",
        refuted_by="probabilities between 0 and 1 among the wrong answers",
        details={"loss_over_error_rate": round(middle, 4)},
    )


def _frozen_at_a_clip(course: Course | None) -> Finding | None:
    """A loss that stays at half a clip, or at the clip times 1 − 1/K: one hard answer; no accuracy is
    needed. In a log of one or two rows the validation loss must be the same.
    """
    if course is None or course.loss is None or course.accuracy is not None:
        return None
    tail = course.loss[-max(3, len(course) // 2) :]
    if len(course) < 3:
        if course.val_loss is None or course.classes is None:
            return None
        tail = np.array([course.loss[-1], course.val_loss[-1]])
    level = float(np.median(tail))
    if np.ptp(tail) > 1e-4 * level or level < 1:
        return None
    for share in {0.5, 1 - 1 / (course.classes or 2)}:
        clip = next((one for one in CLIPS if abs(level / (one * share) - 1) < 4e-4), None)
        if clip is not None:
            return Finding(
                Code.SATURATED_OUTPUTS,
                Severity.WARNING,
                0.88,
                f"The loss stays at {level:.4f} = {share:.3g} · {clip:g}, the clip of the logarithm: the "
                f"wrong answers, {share:.0%} of all, are given with certainty, and a clipped loss has no "
                "gradient.",
                "Look for what drives the outputs to the ends: inputs that are not scaled, a wrong output "
                "activation, steps too large.",
                refuted_by="probabilities between 0 and 1 among the wrong answers",
                details={"loss": round(level, 4), "clip": clip},
            )
    return None


def _loss_and_error(evidence: Evidence, course: Course | None) -> list[tuple[str, float, float, float]]:
    """Return (where, loss, error rate, rounding of the error rate) of all pairs with enough errors."""
    pairs = []
    for one in evidence.evaluations:
        if one.loss is not None and one.accuracy is not None:
            pairs.append((one.split or "the evaluated set", one.loss, 1 - one.accuracy, 5e-5))
    if course is not None:
        half = 0.5 * 10.0 ** -(course.curves.decimals or 4)
        for name, loss, accuracy in (
            ("validation", course.val_loss, course.val_accuracy),
            ("training", course.loss, course.accuracy),
        ):
            if loss is not None and accuracy is not None:
                pairs += [
                    (name, float(cost), float(1 - right), half)
                    for cost, right in zip(loss, accuracy, strict=True)
                ]
    return [one for one in pairs if np.isfinite(one[1]) and one[2] > 0.01 and one[1] > 0.1]


def _clip(loss: float, error: float, slack: float) -> float | None:
    ratio = loss / error
    tolerance = 0.0004 + slack / error
    return next((clip for clip in CLIPS if abs(ratio / clip - 1) <= tolerance), None)
