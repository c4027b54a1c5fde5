"""Trainings that went wrong, or well, by their course alone."""

import math

import numpy as np

from lifesign.testing.constructed_cases.curves import (
    Inputs,
    Random,
    accuracy_at,
    class_count,
    drawn,
    falling,
    history_of,
    sample_count,
)

__all__ = [
    "healthy",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "loss_divergence",
    "loss_not_comparable",
    "miscalibration",
    "nan_loss",
    "not_learning",
    "overfitting",
    "saturated_outputs",
    "still_improving",
    "train_inference_mode_mismatch",
    "underfitting",
    "unstable_validation",
]


def healthy(random: Random) -> Inputs:
    """Both curves fall together and level off at a good figure."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(3, 50))
    loss = falling(
        random, epochs, start=0.9 * math.log(classes), end=random.uniform(0.03, 0.2) * math.log(classes)
    )
    validation = loss * np.exp(random.normal(random.uniform(-0.05, 0.06), 0.02, epochs))
    shown = drawn(random, accuracy_at(loss, classes) - random.uniform(-0.01, 0.02), n)
    return history_of(loss, accuracy_at(loss, classes), validation, shown, n_classes=classes)


def overfitting(random: Random) -> Inputs:
    """Training goes to 0, validation turns early."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(10, 60))
    loss = falling(random, epochs, start=math.log(classes), end=0.01)
    turn = int(random.integers(2, max(3, epochs // 2)))
    least = random.uniform(0.3, 0.65) * math.log(classes)
    fall = np.interp(np.arange(epochs), [0, turn], [max(loss[0], least), least])
    rise = random.uniform(0.3, 2.0) * least * np.clip((np.arange(epochs) - turn) / (epochs - turn), 0, None)
    validation = (fall + rise) * np.exp(random.normal(0, 0.015, epochs))
    best = float(accuracy_at(np.array([least]), classes)[0])
    shown = drawn(random, np.minimum(accuracy_at(loss, classes), best), n)
    return history_of(loss, accuracy_at(loss, classes), validation, shown, n_classes=classes)


def underfitting(random: Random) -> Inputs:
    """Both curves stop early at a poor figure."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(12, 60))
    level = random.uniform(0.6, 0.8) * math.log(classes)
    loss = falling(random, epochs, start=math.log(classes), end=level, pace=0.08)
    loss = level + (loss - level) * 0.999
    shown = drawn(random, accuracy_at(loss, classes), n)
    return history_of(loss, accuracy_at(loss, classes), loss * 1.01, shown, n_classes=classes)


def still_improving(random: Random) -> Inputs:
    """Validation falls to the end at a steady pace."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(5, 20))
    share = np.linspace(1.0, random.uniform(0.3, 0.5), epochs)
    loss = share * math.log(classes) * np.exp(random.normal(0, 0.004, epochs))
    shown = drawn(random, accuracy_at(loss, classes), n)
    return history_of(
        loss,
        accuracy_at(loss, classes),
        loss * np.exp(random.normal(0.01, 0.004, epochs)),
        shown,
        n_classes=classes,
    )


def not_learning(random: Random) -> Inputs:
    """The loss stays where it began, above a guess: frozen weights."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(4, 40))
    loss = math.log(classes) * random.uniform(1.06, 1.3) * np.exp(random.normal(0, 0.0008, epochs))
    chance = np.full(epochs, 1 / classes)
    return history_of(loss, drawn(random, chance, 5 * n), loss, drawn(random, chance, n), n_classes=classes)


def learning_rate_too_low(random: Random) -> Inputs:
    """A steady, tiny fall."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(8, 40))
    loss = math.log(classes) * (1 - random.uniform(0.04, 0.12) * np.arange(epochs) / epochs)
    loss = loss * np.exp(random.normal(0, 0.0004, epochs))
    share = 1 / classes + random.uniform(0.03, 0.1) * np.arange(epochs) / epochs
    notes = [f"SGD(lr={random.choice([1e-5, 1e-4, 1e-6]):g})"] if random.random() < 0.5 else []
    return history_of(loss, share, loss * 1.002, drawn(random, share, n), n_classes=classes, notes=notes)


def learning_rate_too_high(random: Random) -> Inputs:
    """The first steps throw the loss far off, then nothing moves."""
    classes, n, epochs = int(random.choice([2, 5, 10])), sample_count(random), int(random.integers(5, 30))
    loss = math.log(classes) * np.exp(random.normal(0, 0.001, epochs))
    loss[0] = random.uniform(8, 400) * math.log(classes)
    chance = np.full(epochs, 1 / classes)
    notes = [f"Adam(learning_rate={random.choice([0.05, 0.1, 1.0]):g})"]
    validation = np.full(epochs, math.log(classes))
    return history_of(
        loss,
        drawn(random, chance, 5 * n),
        validation,
        drawn(random, chance, n),
        n_classes=classes,
        notes=notes,
    )


def loss_divergence(random: Random) -> Inputs:
    """The training loss falls, then creeps up for good."""
    classes, n, epochs = class_count(random), sample_count(random), int(random.integers(9, 40))
    turn = int(epochs * random.uniform(0.25, 0.55)) + 1
    level = random.uniform(0.2, 0.5) * math.log(classes)
    down = level + (math.log(classes) - level) * np.exp(-np.arange(epochs) / (0.35 * turn))
    up = level * random.uniform(0.2, 1.2) * np.clip((np.arange(epochs) - turn) / (epochs - turn), 0, None)
    loss = (down + up) * np.exp(random.normal(0, 0.006, epochs))
    return history_of(
        loss,
        accuracy_at(loss, classes),
        loss * 1.03,
        drawn(random, accuracy_at(loss, classes), n),
        n_classes=classes,
    )


def nan_loss(random: Random) -> Inputs:
    """A loss that breaks after some epochs."""
    inputs = healthy(random)
    history = inputs["history"]
    first = int(random.integers(0, len(history["loss"])))
    for name in ("loss", "val_loss"):
        history[name][first:] = ["nan"] * (len(history[name]) - first)
    return inputs


def unstable_validation(random: Random) -> Inputs:
    """Training is smooth, validation swings and now and then is as good as training."""
    classes, n, epochs = int(random.choice([2, 3, 5, 10])), sample_count(random), int(random.integers(10, 40))
    loss = falling(random, epochs, start=math.log(classes), end=0.15 * math.log(classes))
    accuracy = accuracy_at(loss, classes)
    swing = np.where(random.random(epochs) < 0.5, 1.0, random.uniform(0.5, 0.8, epochs))
    shown = np.maximum(accuracy * swing, 1 / classes)
    validation = math.log(classes) * (1 - shown) * 1.4 * np.exp(random.normal(0, 0.1, epochs))
    return history_of(
        loss,
        accuracy,
        validation,
        drawn(random, shown, n),
        n_classes=classes,
        class_counts={"validation": {"total": n}},
    )


def train_inference_mode_mismatch(random: Random) -> Inputs:
    """The training data evaluate far worse than they trained."""
    classes = int(random.choice([2, 3, 10]))
    shown = random.uniform(0.9, 0.99)
    evaluated = random.uniform(1 / classes, 0.6)
    epochs = int(random.integers(3, 12))
    accuracy = np.linspace(0.7, shown, epochs)
    notes = [
        str(
            random.choice(
                [
                    "BatchNormalization after each convolution",
                    "ResNet50, frozen layers",
                    "InceptionV3 fine-tuning",
                ]
            )
        )
    ]
    evaluations = [
        {"split": "train", "method": "model.evaluate", "metrics": {"accuracy": round(float(evaluated), 4)}}
    ]
    history = {"accuracy": [round(float(value), 4) for value in accuracy]}
    return {"history": history, "evaluations": evaluations, "notes": notes, "n_classes": classes}


def saturated_outputs(random: Random) -> Inputs:
    """The loss is the error rate times the clip."""
    clip = float(random.choice([16.118095, 15.942385]))
    epochs = int(random.integers(3, 10))
    share = random.integers(3000, 7000) / 10000
    error = np.full(epochs, 1 - share)
    return history_of(error * clip, 1 - error, error * clip, 1 - error)


def loss_not_comparable(random: Random) -> Inputs:
    """The training loss carries class weights, the validation loss does not."""
    inputs = healthy(random)
    factor = random.uniform(3, 8)
    inputs["history"]["loss"] = [round(value * factor, 4) for value in inputs["history"]["loss"]]
    inputs["notes"] = ["class_weight={0: 1.0, 1: 8.5}"]
    return inputs


def miscalibration(random: Random) -> Inputs:
    """Binary probabilities pushed to the ends."""
    n = 2000
    truth = random.random(n)
    labels = (random.random(n) < truth).astype(int)
    odds = np.log(truth / (1 - truth)) * random.uniform(3, 6)
    stated = 1 / (1 + np.exp(-odds))
    return {"predictions": {"y_true": labels.tolist(), "y_prob": np.round(stated, 5).tolist()}}
