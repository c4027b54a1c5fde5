"""Layers that act differently in training and evaluation."""

import re
from collections.abc import Iterator

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.stability import roughness
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["is_useless", "train_inference_mode_mismatch"]


def train_inference_mode_mismatch(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Layers that act differently in training and evaluation: good training, wild or constant evaluation."""
    setup = evidence.setup
    forced = setup.says(
        r"learning_phase\s*\(?\s*1",
        r"set_learning_phase\(\s*(1|true)",
        r"training\s*=\s*true",
        r"\.train\(\) (left|still|in) ",
        r"(without|forgot|no|missing)[^.\n]{0,15}(\.eval\(\)|model\.eval)",
    )
    if forced:
        differs = _report_against_log(evidence, course)
        yield Finding(
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
            Severity.WARNING if differs else Severity.INFO,
            0.9 if differs else 0.8,
            "The notes force the training mode at inference "
            f"({setup.quote('learning_phase', 'training', 'eval')}): dropout goes on dropping, normalisation "
            "uses the statistics of the batch, so figures are noisy and pessimistic"
            + (f"; {differs}" if differs else "")
            + ".",
            "Leave the phase to fit, evaluate and predict; set it only where an uncertainty is wanted.",
            refuted_by="two predictions of the same input being equal",
            details={} if differs is None else {"report_and_log": differs},
        )
        return
    if found := _answers_differ(evidence):
        yield found
        return
    if found := _validated_on_training(evidence, course):
        yield found
        return
    same_data = _train_evaluated(evidence, course)
    if same_data is not None:
        shown, again, what = same_data
        yield Finding(
            Code.TRAIN_INFERENCE_MODE_MISMATCH,
            Severity.ERROR,
            0.9,
            f"On the same training data the model gets {shown:.1%} while it trains and {again:.1%} when it "
            f"is evaluated{what}: only the mode of its layers differs.",
            _MODE_REMEDY,
            refuted_by="training and inference mode giving equal outputs for one batch",
            excluded=("overfitting: the data are those of the training",),
            details={"training": round(shown, 4), "evaluated": round(again, 4)},
        )
        return
    if course is None or course.accuracy is None or course.val_accuracy is None or setup.has_one_mode:
        return
    if len(course) < 3:
        yield from _useless_validation(evidence, course)
        return
    trained, validated = course.accuracy, course.val_accuracy
    last = end_level(trained)
    gap = last - end_level(validated)
    early_gap = float(trained[0] - validated[0])
    level = course.constant_answer
    named = setup.has_batch_normalisation
    # A network in training mode well above a guess, and in inference mode at or below it.
    lost = (
        named and level is not None and last - level > 0.25 and float(np.nanmedian(validated)) < 1.15 * level
    )
    good = (last > 0.75 and gap > 0.2) or lost
    if not good:
        return
    swings = roughness(course)
    wild = swings is not None and swings[0] > max(0.03, 3 * swings[1]) and swings[2] >= 1
    kept = validated[np.isfinite(validated)]
    error = course.validation_error(float(kept[0]))
    # Of a few dozen samples a spread within sampling error tells nothing.
    constant = len(kept) >= 3 and float(np.ptp(kept)) < max(0.012, 2 * error if error < 0.03 else 0.0)
    level = course.constant_answer
    at_guess = (
        level is not None
        and course.validation_error(level) < 0.03
        and abs(float(np.median(kept)) - level) < max(0.03, 3 * course.validation_error(level))
    )
    losses = course.val_loss
    grown = (
        losses is not None
        and course.loss is not None
        and float(np.nanmedian(losses)) > 5 * float(np.nanmedian(course.loss))
    )
    named = setup.has_batch_normalisation
    if not (
        lost
        or (wild and early_gap > 0.1 and grown)
        or (constant and (at_guess or named or (grown and early_gap > 0.15)))
        or (named and early_gap > 0.15 and grown and (wild or constant))
    ):
        return
    confidence = 0.88 if named and (wild or constant or lost) else 0.72 if wild and early_gap > 0.2 else 0.6
    state = (
        f"jumps between {kept.min():.1%} and {kept.max():.1%}"
        if wild
        else f"stays at {float(np.median(kept)):.1%}"
    )
    yield Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        confidence,
        f"Training is smooth and reaches {last:.1%}, yet validation {state} from the first epoch on "
        f"({trained[0]:.1%} against {validated[0]:.1%})"
        + (", and the model has batch normalisation" if named else "")
        + ": it is evaluated on other statistics than it was trained on.",
        _MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        excluded=("overfitting: the gap does not grow with the epochs, it is there at once",),
        details={"first_gap": round(early_gap, 4), "last_gap": round(gap, 4)},
    )


def _answers_differ(evidence: Evidence) -> Finding | None:
    """The same rows asked again and again give other figures each time: something random is on at
    inference.
    """
    asked: dict[tuple[str, int | None, str], list[float]] = {}
    for one in evidence.evaluations:
        if one.accuracy is not None and re.search(
            r"\b(call|pass|again|time|predict\w*)\b", one.method.lower()
        ):
            key = (one.split, one.n, re.sub(r"\d+|first|second|third", "", one.method.lower()))
            asked.setdefault(key, []).append(one.accuracy)
    for (split, n, _), shown in asked.items():
        if len(shown) >= 2 and len(set(shown)) > 1:
            return Finding(
                Code.TRAIN_INFERENCE_MODE_MISMATCH,
                Severity.ERROR,
                0.9,
                f"The same {n or ''} rows of {split} give {', '.join(f'{value:.2%}' for value in shown)} "
                "when asked again: dropout or another random layer is on at inference.",
                _MODE_REMEDY,
                refuted_by="two predictions of the same input being equal",
                details={"accuracies": shown},
            )
    return None


def _validated_on_training(evidence: Evidence, course: Course | None) -> Finding | None:
    """The validation data are the training data: a gap between the two is one of mode."""
    if not evidence.setup.validates_on_training or course is None:
        return None
    if course.accuracy is None or course.val_accuracy is None:
        return _losses_on_training(course)
    shown, again = end_level(course.accuracy, 2), end_level(course.val_accuracy, 2)
    if shown - again < 0.1:
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.95,
        f"Validation is on the training data themselves, and yet {shown:.1%} become {again:.1%}: only layers "
        "that act differently in training and inference can do that.",
        _MODE_REMEDY,
        refuted_by="validation data that differ from the training data after all",
        excluded=("overfitting: the data are the same", "leakage: the overlap is intended here"),
        details={"training": round(shown, 4), "evaluated": round(again, 4)},
    )


def _losses_on_training(course: Course) -> Finding | None:
    if course.loss is None or course.val_loss is None:
        return None
    low, high = end_level(course.loss, 2), end_level(course.val_loss, 2)
    if high < 3 * max(low, 1e-3):
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.ERROR,
        0.95,
        f"Validation is on the training data themselves, and yet a loss of {low:.3g} becomes {high:.3g}: "
        "only layers that act differently in training and inference can do that.",
        _MODE_REMEDY,
        refuted_by="validation data that differ from the training data after all",
        excluded=("overfitting: the data are the same",),
        details={"loss": low, "val_loss": high},
    )


def is_useless(course: Course) -> bool:
    """Whether validation is at or below a guess, with a loss that unsure answers never cost, at a good
    training.
    """
    if course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return False
    last = end_level(course.val_accuracy)
    level = max(1.3 * (course.constant_answer or 0.0), 0.2)
    usual = max(course.chance_loss or 2.3, 1.0)
    return (
        end_level(course.accuracy) > 0.75
        and last < level
        and float(np.nanmax(course.val_loss[-3:])) > 1.5 * usual
    )


def _useless_validation(evidence: Evidence, course: Course) -> Iterator[Finding]:
    """One or two epochs only: told by a network with batch normalisation whose validation is useless."""
    if not evidence.setup.has_batch_normalisation or not is_useless(course):
        return
    if course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return
    yield Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.75,
        f"Training is at {course.accuracy[-1]:.1%}, validation at {course.val_accuracy[-1]:.1%} with a loss "
        f"of {course.val_loss[-1]:.3g}, no better than a guess, and the model has batch normalisation: its "
        "stored statistics do not fit the data.",
        _MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        details={"accuracy": float(course.accuracy[-1]), "val_accuracy": float(course.val_accuracy[-1])},
    )


_MODE_REMEDY = (
    "Evaluate on the training data: if that is as bad, it is the mode. Keep frozen BatchNormalization "
    "layers in inference mode (training=False), lower their momentum (.9) for short trainings, use larger "
    "batches."
)


def _report_against_log(evidence: Evidence, course: Course | None) -> str | None:
    report = evidence.report
    if report is None or course is None or course.val_accuracy is None or not report.n:
        return None
    by_log = float(course.val_accuracy[-1]) * report.n
    exact = np.all(report.support <= 10**report.decimals)
    right = report.correct
    if not exact or abs(right - round(right)) > 0.05 * len(report.names) or abs(right - by_log) < 1.5:
        return None
    return (
        f"the report's recalls add up to {round(right):,} right of {report.n:,}, the log's accuracy to "
        f"{round(by_log):,}"
    )


def _train_evaluated(evidence: Evidence, course: Course | None) -> tuple[float, float, str] | None:
    for one in evidence.evaluations:
        if not one.is_of_training or one.accuracy is None:
            continue
        method = one.method.lower()
        if any(
            word in method
            for word in ("fit", "train mode", "training mode", "training=true", "last epoch", "log")
        ):
            continue
        shown = None
        if course is not None and course.accuracy is not None:
            shown = float(np.nanmax(course.accuracy[-2:]))
        else:
            shown = next(
                (
                    other.accuracy
                    for other in evidence.evaluations
                    if other is not one
                    and other.split == one.split
                    and other.accuracy is not None
                    and other.accuracy > one.accuracy
                ),
                None,
            )
        if shown is not None and shown - one.accuracy > 0.12:
            return shown, one.accuracy, f" ({one.method})" if one.method else ""
    return None
