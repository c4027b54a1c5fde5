"""The size of the steps: too large, too small, or a training that comes apart."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.statistics import end_level, longest_rise, noise, trend

__all__ = ["learning_rate_too_high", "learning_rate_too_low", "loss_divergence"]

_Floats = NDArray[np.float64]
_LN_TEN = 2.302585
_USUAL_EPOCHS = 30  # where nothing tells how many were planned

# Losses that are no cross-entropy: what unsure answers cost is no measure of them.
_OTHER_SCALES = (
    r"hinge",
    r"wasserstein",
    r"kantorovich",
    r"\bctc\b",
    r"\belbo\b",
    r"custom(ised|ized)? loss",
)
# A lower rate that changed nothing: the rate is not at fault.
_TRIED_LOWER = (
    r"(lower|reduc|decreas|smaller)\w*[^.\n]{0,50}(without (effect|success|change)|"
    r"no (effect|difference|better|change)|(did|does) not (help|change|matter))",
)
# Above these a first training rarely works; far below them it rarely moves.
_HIGH = {
    "adam": 0.01,
    "nadam": 0.01,
    "adamax": 0.02,
    "adamw": 0.01,
    "rmsprop": 0.01,
    "sgd": 0.5,
    "adagrad": 0.5,
}
_LOW = {
    "adam": 2e-5,
    "nadam": 2e-5,
    "adamax": 2e-5,
    "adamw": 2e-5,
    "rmsprop": 2e-5,
    "sgd": 5e-4,
    "adagrad": 5e-4,
    "adadelta": 0.01,
}


def loss_divergence(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """The TRAINING loss rises for good after having fallen."""
    if course is None or course.loss is None or len(course) < 2:
        return
    finite = np.isfinite(course.loss)
    loss, epochs = course.loss[finite], np.asarray(course.epochs)[finite].tolist()
    if len(loss) < 2:
        return
    least = int(loss.argmin())
    # A log that begins later, or whose first epoch is good already, has fallen before.
    begun = course.begins_after(2)
    good = course.accuracy is not None and bool(course.accuracy[0] > 0.75)
    fell = (least > 0 and loss[least] < loss[0]) or begun or good
    after = loss[least:]
    if not fell or len(after) < 2:
        return
    rise = float(np.median(after[-2:]) - loss[least]) if len(after) > 2 else float(after[-1] - loss[least])
    scale = max(abs(float(loss[least])), 0.05 * abs(float(loss[0])), 1e-6)
    rough = noise(loss)
    exploded = loss[-1] > 2 * loss[least] and loss[-1] > 0.8 * loss[0] and rise > 4 * rough
    exploded = exploded and (len(loss) >= 4 or loss[-1] > 8 * loss[least] > 0)
    crept = (
        len(after) >= 4
        and trend(after) >= 0.6
        and longest_rise(after) >= 3
        and rise > max(0.04 * scale, 3 * rough)
    )
    jumped = (
        len(after) >= 4
        and rise > max(1.0 * scale, 6 * rough)
        and float(np.min(after[1:])) > loss[least] + 0.5 * rise
    )
    forgotten = _is_forgotten(course, loss, least) or _is_lost_at_once(course, loss)
    thrown = _thrown_at(loss)
    if thrown is not None and not (exploded or crept or jumped or forgotten):
        yield _thrown(epochs, loss, thrown)
        return
    if not (exploded or crept or jumped or forgotten):
        return
    # A loss near 0 wobbles by factors that mean nothing.
    if loss[least] < 0.02 * loss[0] and loss[-1] < 0.1 * loss[0]:
        return
    validated = course.val_loss
    with_validation = validated is not None and np.isfinite(validated[-1]) and validated[-1] <= 1.3 * loss[-1]
    yield Finding(
        Code.LOSS_DIVERGENCE,
        Severity.ERROR if exploded or jumped or forgotten else Severity.WARNING,
        0.9 if exploded or (crept and len(after) >= 5) or jumped or forgotten else 0.75,
        f"The training loss falls to {loss[least]:.4g} at epoch {epochs[least]} and then rises to "
        f"{loss[-1]:.4g} ({rise / scale:+.0%}), {longest_rise(after)} steps in a row: the optimiser, "
        "not the data, is at fault.",
        "Lower the learning rate (tenfold, or by a schedule from that epoch on), clip gradients, go back to "
        f"the weights of epoch {epochs[least]}.",
        refuted_by="a training loss that goes on falling with a tenth of the learning rate being no lower",
        excluded=("overfitting: it lowers the training loss",)
        + (("a gap: validation is not worse than training",) if with_validation else ()),
        details={
            "start_epoch": epochs[least + 1],
            "best_epoch": epochs[least],
            "rise": round(rise / scale, 4),
        },
    )


def _is_lost_at_once(course: Course, loss: _Floats) -> bool:
    """Whether one epoch doubles the loss and takes 10 points of accuracy, and none brings them back."""
    right = course.accuracy
    if right is None or len(right) != len(loss) or len(loss) < 4:
        return False
    row = int(np.argmax(right[:-1] - right[1:])) + 1
    before, after = float(np.max(right[:row])), right[row:]
    doubled = loss[row] > 2 * loss[row - 1] > 0
    return (
        doubled
        and len(after) >= 3
        and before - float(right[row]) > 0.1
        and float(np.max(after)) < before - 0.03
    )


def _is_forgotten(course: Course, loss: _Floats, least: int) -> bool:
    """Whether at the end, far above the least loss, half of what training got right is lost as well."""
    right = course.accuracy
    if right is None or len(right) != len(loss) or len(loss) - least < 3:
        return False
    constant = course.constant_answer or 0.0
    learned = course.lift(float(right[least]), constant=constant)
    kept = course.lift(float(right[-1]), constant=constant)
    rises = loss[-1] > 1.5 * loss[least] > 0 and trend(loss[least:]) >= 0.6
    return rises and learned > 0.3 and kept < 0.5 * learned


def _thrown_at(loss: _Floats) -> int | None:
    """Return the row at which the loss is thrown to many times what it was, if it does not come back."""
    for row in range(1, len(loss)):
        before = float(np.median(loss[max(0, row - 3) : row]))
        if loss[row] > 8 * before > 0 and loss[row] - before > 0.3 and loss[-1] > 2.5 * before:
            return row
    return None


def _thrown(epochs: list[int], loss: _Floats, row: int) -> Finding:
    return Finding(
        Code.LOSS_DIVERGENCE,
        Severity.ERROR,
        0.88,
        f"At epoch {epochs[row]} the training loss is thrown from {loss[row - 1]:.4g} to "
        f"{loss[row]:.4g}, and ends at {loss[-1]:.4g}: a step of the optimiser has lost what was learned.",
        "Clip gradients, lower the learning rate late in training, and keep the weights of the epoch before.",
        refuted_by="a change of the data at that epoch",
        excluded=("overfitting: it lowers the training loss",),
        details={"start_epoch": epochs[row], "best_epoch": epochs[int(loss[:row].argmin())]},
    )


def learning_rate_too_high(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """Exploding, jumping or dead from the first steps."""
    rate, optimizer = evidence.setup.learning_rate, evidence.setup.optimizer
    limit = _HIGH.get(optimizer or "", 0.05)
    tried = evidence.setup.says(*_TRIED_LOWER)
    stated = rate is not None and rate >= limit and not tried
    lowered = evidence.setup.says(
        r"(lower|reduc|decreas|smaller)\w*[^.\n]{0,20}(learning "
        r"rate|\blr\b)[^.\n]{0,40}(help|work|fix|solv|learn|train|converg)",
        r"(learning rate|\blr\b)[^.\n]{0,25}too (high|large|big)",
    )
    reason, confidence = _by_course(evidence, course)
    if reason is None and evidence.curves is not None and evidence.curves.first_broken:
        # Any rate that is named beside a loss which breaks is suspected from 0.01 on.
        stated = stated or (rate is not None and rate >= 0.01)
        reason, confidence = "the loss breaks: it is no number any more", 0.5
    if reason is None:
        if not (stated and _is_poor(evidence, course)):
            return
        reason, confidence = "training does not get on", 0.6
    if stated:
        confidence = max(0.88, confidence)
    elif lowered:
        confidence = max(0.8, confidence)
    elif confidence < 0.55:
        return
    named = (
        f" at a learning rate of {rate:g}{f' with {optimizer}' if optimizer else ''}"
        if rate is not None
        else ""
    )
    yield Finding(
        Code.LEARNING_RATE_TOO_HIGH,
        Severity.WARNING,
        confidence,
        f"{reason[0].upper()}{reason[1:]}{named}.",
        "Divide the learning rate by ten until the first epochs fall smoothly (a learning-rate finder takes "
        "one epoch), or warm it up.",
        refuted_by="the same course at a tenth of the learning rate",
        details={} if rate is None else {"learning_rate": rate},
    )


def _is_poor(evidence: Evidence, course: Course | None) -> bool:
    if course is None:
        shown = [one.accuracy for one in evidence.evaluations if one.accuracy is not None]
        return bool(shown and evidence.classes) and max(shown) < 1.6 / (evidence.classes or 2)
    if course.loss is not None and len(course) >= 5 and trend(course.loss) < -0.8:
        # A smooth fall is not thrown about.
        return False
    values = course.accuracy if course.accuracy is not None else course.val_accuracy
    return values is not None and float(np.nanmax(values)) < 1.6 * (course.constant_answer or 0.5)


def _by_course(evidence: Evidence, course: Course | None) -> tuple[str | None, float]:
    if course is None or course.loss is None:
        return None, 0.0
    loss = course.loss[np.isfinite(course.loss)]
    if not len(loss):
        return None, 0.0
    guess = course.chance_loss
    start, end = float(loss[0]), float(loss[-1])
    flat = len(loss) >= 3 and np.ptp(loss[1:]) < 0.02 * abs(loss[1:].mean())
    if guess is not None and start > 3 * guess and flat and abs(end - guess) < 0.05 * guess:
        return (
            f"the first epoch throws the loss to {start:.4g} ({start / guess:.0f} times a guess), then it "
            f"stays at a guess ({end:.4g}): the network is dead",
            0.75,
        )
    if (absurd := _absurd_loss(course)) is not None and not evidence.setup.says(*_OTHER_SCALES):
        return (
            f"a loss of {absurd:.3g} in the first epochs, where unsure answers cost about "
            f"{guess or _LN_TEN:.2g} nats: the first steps threw the weights far off, or the inputs are not "
            "scaled",
            0.6,
        )
    if len(loss) >= 4 and guess is not None and start > 20 * guess and end > 2 * guess:
        return f"the loss is {start:.4g} in the first epoch and never comes near a guess ({guess:.3g})", 0.6
    if _is_above_a_guess(course, loss):
        return (
            f"after {len(loss)} epochs the training loss is {end:.4g}, above the {guess:.4g} of a guess, and "
            "was there from the second on: steps too large keep throwing the weights about",
            0.75,
        )
    all_right = course.accuracy is not None and end_level(course.accuracy) > 0.98
    if len(loss) >= 6 and not course.begins_after(5) and not all_right:
        # Late in a training nothing more to gain is no fault.
        steps = np.diff(loss)
        turns = float(np.mean(np.sign(steps[1:]) != np.sign(steps[:-1])))
        swing = float(np.median(np.abs(steps)))
        level = float(np.median(np.abs(loss)))
        gained = start - float(np.median(loss[-3:]))
        if turns >= 0.6 and swing > 0.15 * level and gained < 2 * swing:
            return (
                f"the training loss jumps by {swing:.3g} from epoch to epoch around {level:.3g} and gains "
                "nothing",
                0.7,
            )
    if len(loss) >= 3 and end > 3 * start and trend(loss) > 0.5:
        return f"the training loss rises from the first epoch on, {start:.4g} to {end:.4g}", 0.85
    return None, 0.0


def _is_above_a_guess(course: Course, loss: _Floats) -> bool:
    """Whether a loss stays 3 % above ln K, without falling, at the accuracy of a guess."""
    guess, right, chance = course.chance_loss, course.accuracy, course.chance
    if guess is None or right is None or chance is None or len(loss) < 5:
        return False
    moves = float(np.ptp(loss[1:])) > 0.01 * guess  # frozen weights are as far off, and still
    stays = moves and float(np.min(loss[1:])) > 1.03 * guess and float(np.max(loss)) < 3 * guess
    return stays and trend(loss[1:]) > -0.3 and end_level(right) < 1.25 * chance


def _absurd_loss(course: Course) -> float | None:
    """Return a cross-entropy of the first two epochs that is a thousand times what a guess costs."""
    shown = [values for values in (course.accuracy, course.val_accuracy) if values is not None]
    if course.begins_after(2) or not shown or max(float(np.nanmax(values)) for values in shown) < 0.01:
        # Without an accuracy above 0 it may be the error of a number.
        return None
    first = [values[:2] for values in (course.loss, course.val_loss) if values is not None]
    worst = max((float(np.nanmax(values)) for values in first if np.isfinite(values).any()), default=0.0)
    negative = course.loss is not None and float(np.nanmin(course.loss)) < 0
    return worst if worst > 1000 * max(course.chance_loss or _LN_TEN, _LN_TEN) and not negative else None


def learning_rate_too_low(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """The loss falls steadily but far too slowly for the epochs given."""
    if course is None or course.loss is None or len(course) < 4:
        return
    rate, optimizer = evidence.setup.learning_rate, evidence.setup.optimizer
    stated = rate is not None and rate <= _LOW.get(optimizer or "", 1e-5)
    loss = course.loss[np.isfinite(course.loss)]
    if len(loss) < 4 or loss[0] <= 0:
        return
    begun = course.begins_after(5)
    if begun and course.classes is None and not stated:
        # A late part of a training falls slowly as it should.
        return
    total = float(loss[0] - loss[-1])
    half = len(loss) // 2
    early, late = float(loss[0] - loss[half]), float(loss[half] - loss[-1])
    steady = trend(loss) <= -0.85 and late > 0.35 * early * (len(loss) - 1 - half) / max(half, 1)
    rough = noise(loss)
    slow = 0 < total / loss[0] < (0.3 if stated else 0.2)
    guess = course.chance_loss
    far = guess is None or loss[-1] > 0.65 * guess
    best = course.accuracy if course.accuracy is not None else course.val_accuracy
    constant = course.constant_answer or 0.0
    poor = best is None or course.lift(float(np.nanmax(best)), constant=constant) < 0.4
    held = course.val_loss
    # Validation that has turned is not waiting for larger steps.
    turned = held is not None and len(held) - 1 - int(np.nanargmin(held)) >= 2 and not stated
    apart = turned or (held is not None and float(held[-1]) > 1.2 * float(np.nanmin(held)))
    if not (steady and slow and far and (poor or stated) and total > 3 * rough) or apart:
        return
    per_epoch = total / (len(loss) - 1)
    if loss[0] / 2 / per_epoch < (course.curves.planned_epochs or _USUAL_EPOCHS):
        # Half of it is gone within the epochs given.
        return
    yield Finding(
        Code.LEARNING_RATE_TOO_LOW,
        Severity.WARNING,
        0.9 if stated else 0.7,
        f"The training loss falls in nearly every epoch, {loss[0]:.4g} to {loss[-1]:.4g} in {len(loss)}, but "
        f"only by {per_epoch / loss[0]:.2%} of its start per epoch, and does not slow down: at this pace "
        f"half of it takes {loss[0] / 2 / per_epoch:,.0f} epochs"
        + (f" (learning rate {rate:g}{f', {optimizer}' if optimizer else ''})." if rate is not None else "."),
        "Raise the learning rate three- to tenfold; a learning-rate finder shows how far.",
        refuted_by="a tenfold rate falling no faster",
        excluded=("a plateau: the second half falls as fast as the first",),
        details={
            "loss_per_epoch": round(per_epoch, 6),
            **({} if rate is None else {"learning_rate": rate}),
        },
    )
