"""Gaps between training and validation that only the mode of the layers makes, by the curves alone."""

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.stability import roughness
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = ["MODE_REMEDY", "gap_from_the_start", "is_useless", "useless_validation"]

MODE_REMEDY = (
    "Evaluate on the training data: if that is as bad, it is the mode. Keep frozen BatchNormalization "
    "layers in inference mode (training=False), lower their momentum (.9) for short trainings, use larger "
    "batches."
)
_FEW = 0.03  # standard error of an accuracy: a larger one is that of too few samples
_GOOD = 0.75  # training accuracy from which a bad validation needs a reason


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
        end_level(course.accuracy) > _GOOD
        and last < level
        and float(np.nanmax(course.val_loss[-3:])) > 1.5 * usual
    )


def useless_validation(evidence: Evidence, course: Course | None) -> Finding | None:
    """One or two epochs only: told by a network with batch normalisation whose validation is useless."""
    setup = evidence.setup
    if course is None:
        return _useless_evaluation(evidence)
    if len(course) > 2 or setup.has_one_mode or not setup.has_batch_normalisation:
        return None
    if course.accuracy is None or course.val_accuracy is None or course.val_loss is None:
        return None
    if not is_useless(course):
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.75,
        f"Training is at {course.accuracy[-1]:.1%}, validation at {course.val_accuracy[-1]:.1%} with a loss "
        f"of {course.val_loss[-1]:.3g}, no better than a guess, and the model has batch normalisation: its "
        "stored statistics do not fit the data.",
        MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        details={"accuracy": float(course.accuracy[-1]), "val_accuracy": float(course.val_accuracy[-1])},
    )


def _useless_evaluation(evidence: Evidence) -> Finding | None:
    """Figures of training and validation alone: good against a guess, with batch normalisation."""
    setup = evidence.setup
    if setup.has_one_mode or not setup.has_batch_normalisation or not evidence.classes:
        return None
    trained = [one.accuracy for one in evidence.scored if one.is_of_training and one.accuracy is not None]
    held = [one.accuracy for one in evidence.scored if one.is_of_validation and one.accuracy is not None]
    if not trained or not held or trained[-1] < 0.9 or held[-1] > 1.2 / evidence.classes:
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.7,
        f"Training is at {trained[-1]:.1%} and validation at {held[-1]:.1%}, where a guess gets "
        f"{1 / evidence.classes:.1%}, and the model has batch normalisation: its stored statistics do not "
        "fit the data.",
        MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        details={"accuracy": trained[-1], "val_accuracy": held[-1]},
    )


def gap_from_the_start(evidence: Evidence, course: Course | None) -> Finding | None:
    """Three epochs or more: validation is lost, wild or constant from the first on, at a good training."""
    if course is None or course.accuracy is None or course.val_accuracy is None:
        return None
    if evidence.setup.has_one_mode or len(course) < 3:
        return None
    trained, validated = course.accuracy, course.val_accuracy
    last = end_level(trained)
    gap, early_gap = last - end_level(validated), float(trained[0] - validated[0])
    named = evidence.setup.has_batch_normalisation
    # At exactly a guess all along while training learns: whatever the layers are called.
    lost = _is_lost(course) and (named or (_is_constant(course) and _is_at_guess(course)))
    if not (lost or (last > _GOOD and gap > 0.2)):
        return None
    wild, constant, grown = _is_wild(course), _is_constant(course), _is_loss_grown(course)
    if not (
        lost
        or (wild and early_gap > 0.1 and grown)
        or (constant and (named or _is_at_guess(course) or (grown and early_gap > 0.15)))
    ):
        return None
    kept = validated[np.isfinite(validated)]
    state = (
        f"jumps between {kept.min():.1%} and {kept.max():.1%}"
        if wild
        else f"stays at {float(np.median(kept)):.1%}"
    )
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.88 if named else 0.72 if wild and early_gap > 0.2 else 0.6,
        f"Training is smooth and reaches {last:.1%}, yet validation {state} from the first epoch on "
        f"({trained[0]:.1%} against {validated[0]:.1%})"
        + (", and the model has batch normalisation" if named else "")
        + ": it is evaluated on other statistics than it was trained on.",
        MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        excluded=("overfitting: the gap does not grow with the epochs, it is there at once",),
        details={"first_gap": round(early_gap, 4), "last_gap": round(gap, 4)},
    )


def _is_lost(course: Course) -> bool:
    """Whether training is 25 points above a constant answer and validation not 1.15 times as good as it."""
    level = course.constant_answer
    if level is None or course.accuracy is None or course.val_accuracy is None:
        return False
    return (
        end_level(course.accuracy) - level > 0.25 and float(np.nanmedian(course.val_accuracy)) < 1.15 * level
    )


def _is_wild(course: Course) -> bool:
    """Whether validation accuracy is rough beyond three sampling errors, with at least one great drop."""
    swings = roughness(course)
    if swings is None:
        return False
    rough, error, drops = swings
    return rough > max(0.03, 3 * error) and drops >= 1


def _is_constant(course: Course) -> bool:
    """Whether validation accuracy spreads by less than 1.2 points, or than two sampling errors."""
    if course.val_accuracy is None:
        return False
    kept = course.val_accuracy[np.isfinite(course.val_accuracy)]
    error = course.validation_error(float(kept[0]))
    # Of a few dozen samples a spread within sampling error tells nothing.
    return len(kept) >= 3 and float(np.ptp(kept)) < max(0.012, 2 * error if error < _FEW else 0.0)


def _is_at_guess(course: Course) -> bool:
    """Whether validation accuracy is that of a constant answer, to 3 points or three sampling errors."""
    level = course.constant_answer
    if level is None or course.val_accuracy is None:
        return False
    error = course.validation_error(level)
    return error < _FEW and abs(float(np.nanmedian(course.val_accuracy)) - level) < max(0.03, 3 * error)


def _is_loss_grown(course: Course) -> bool:
    """Whether the validation loss is usually above five times the training loss."""
    if course.loss is None or course.val_loss is None:
        return False
    return float(np.nanmedian(course.val_loss)) > 5 * float(np.nanmedian(course.loss))
