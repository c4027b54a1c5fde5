"""Gaps between training and validation that only the mode of the layers makes, by the curves alone."""

import numpy as np

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.rules.stability import roughness
from lifesign.evaluation.diagnosis.statistics import end_level

__all__ = [
    "MODE_REMEDY",
    "constant_scores",
    "gap_from_the_start",
    "is_useless",
    "loss_that_comes_back",
    "useless_validation",
]

MODE_REMEDY = (
    "Evaluate on the training data: if that is as bad, it is the mode. Keep frozen BatchNormalization "
    "layers in inference mode (training=False), lower their momentum (.9) for short trainings, use larger "
    "batches."
)
_FEW = 0.03  # standard error of an accuracy: a larger one is that of too few samples
_TIED = 0.0005  # of an area of 0.5: that of scores which are all equal
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
    if course.begins_after(2) and not named:
        # A late part of a log does not show whether the gap was there at once.
        return None
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


def loss_that_comes_back(evidence: Evidence, course: Course | None) -> Finding | None:
    """A validation loss of many times a guess halves by itself while the weights hardly change.

    What a network has learned by heart stays wrong; stored statistics that lag behind catch up.
    """
    if course is None or course.loss is None or course.val_loss is None or len(course) < 3:
        return None
    if course.accuracy is None or course.val_accuracy is None:
        return None
    if evidence.setup.has_one_mode:
        return None
    named = evidence.setup.has_batch_normalisation
    loss, validated = course.loss, course.val_loss
    peak = int(np.nanargmax(validated))
    after = validated[peak:]
    absurd = sum(course.is_absurd(float(value)) for value in validated)
    least = float(np.nanmin(after))
    smooth = float(np.nanmax(loss[peak:])) < 1.2 * float(loss[peak])
    gap = float(course.accuracy[peak] - course.val_accuracy[peak])
    if absurd < len(course) / 3 and end_level(course.accuracy) - end_level(course.val_accuracy) < 0.2:
        # Statistics that catch up in the first epochs of a training do no harm.
        return None
    if not named and course.validation_error(0.5) > 2 * _FEW:
        # The loss of a few samples is that of the worst of them.
        return None
    # Where no layer is named that could do it, only a tenfold fall is taken for one.
    if absurd < 2 or least > (0.5 if named else 0.1) * validated[peak] or not smooth or gap < 0.2:
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.85 if named else 0.7,
        f"The validation loss is {validated[peak]:.3g}, many times what unsure answers cost, and comes back "
        f"to {least:.3g} while the training loss only goes from {loss[peak]:.3g} to {loss[-1]:.3g}"
        + (", and the model has batch normalisation" if named else "")
        + ": stored statistics lag behind the weights.",
        MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        excluded=("overfitting: a loss that it has raised does not come back by itself",),
        details={"peak": float(validated[peak]), "least_after": least},
    )


def constant_scores(evidence: Evidence, course: Course | None) -> Finding | None:
    """The area under the ROC is exactly that of one score for all, on validation alone, at an absurd loss."""
    if course is None or course.val_loss is None or evidence.setup.has_one_mode:
        return None
    trained, shown = course.curves.get("auc"), course.curves.get("val_auc")
    if trained is None or shown is None or len(course) < 2:
        return None
    still = np.abs(shown - 0.5) < _TIED
    if np.sum(still) < max(2, 0.5 * len(shown)) or np.nanmin(trained[still]) < 0.8:
        return None
    if not course.is_absurd(float(np.nanmax(course.val_loss[still]))):
        return None
    return Finding(
        Code.TRAIN_INFERENCE_MODE_MISMATCH,
        Severity.WARNING,
        0.75,
        f"In {int(still.sum())} of {len(shown)} epochs the area under the ROC is 0.5 on validation, that of "
        f"one score for all, at a loss of {np.nanmax(course.val_loss[still]):.3g}, where training has "
        f"{np.nanmin(trained[still]):.3f} and more: in evaluation the network answers without its input.",
        MODE_REMEDY,
        refuted_by="evaluate() on the training data agreeing with what fit printed",
        excluded=("overfitting: what is learned by heart still ranks better than a guess",),
        details={"epochs": int(still.sum())},
    )


def _is_lost(course: Course) -> bool:
    """Whether training is 25 points above a constant answer and validation not 1.15 times as good as it.

    One that stands still may be 1.3 times as good: the largest class is larger than the others.
    """
    level = course.constant_answer
    if level is None or course.accuracy is None or course.val_accuracy is None:
        return False
    factor = 1.3 if course.majority is None and _is_constant(course) else 1.15
    return (
        end_level(course.accuracy) - level > 0.25
        and float(np.nanmedian(course.val_accuracy)) < factor * level
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
