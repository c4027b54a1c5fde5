"""Trainings and evaluations constructed to have one known fault each; sizes, classes, noise are random.

Every generator takes a random generator and returns the ``inputs`` of a diagnosis case. They follow the
definitions of the codes, not the rules that look for them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.diagnosis.finding import Code

__all__ = ["CONSTRUCTED", "Inputs"]

Inputs = dict[str, Any]
_Floats = NDArray[np.float64]
_Random = np.random.Generator


def _history(
    loss: _Floats, accuracy: _Floats, val_loss: _Floats, val_accuracy: _Floats, **more: Any
) -> Inputs:
    def column(values: _Floats) -> list[float]:
        return [round(float(value), 4) for value in values]

    history = {
        "loss": column(loss),
        "accuracy": column(np.clip(accuracy, 0, 1)),
        "val_loss": column(val_loss),
        "val_accuracy": column(np.clip(val_accuracy, 0, 1)),
    }
    return {"history": history, **more}


def _classes(random: _Random) -> int:
    return int(random.choice([2, 3, 5, 10, 20, 100]))


def _size(random: _Random) -> int:
    return int(random.choice([800, 1500, 4000, 10000]))


def _accuracy(loss: _Floats, classes: int) -> _Floats:
    """An accuracy that goes with a cross-entropy: 1/K at a guess, 1 at 0."""
    return 1 - (1 - 1 / classes) * np.clip(loss / math.log(classes), 0, 1)


def _drawn(random: _Random, share: _Floats, n: int) -> _Floats:
    return random.binomial(n, np.clip(share, 0, 1)) / n


def _falling(random: _Random, epochs: int, *, start: float, end: float, pace: float = 0.25) -> _Floats:
    time = np.arange(epochs)
    clean = end + (start - end) * np.exp(-time / max(1.0, pace * epochs))
    return np.asarray(clean * np.exp(random.normal(0, 0.01, epochs)), float)


def healthy(random: _Random) -> Inputs:
    """Both curves fall together and level off at a good figure."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(3, 50))
    loss = _falling(
        random, epochs, start=0.9 * math.log(classes), end=random.uniform(0.03, 0.2) * math.log(classes)
    )
    validation = loss * np.exp(random.normal(random.uniform(-0.05, 0.06), 0.02, epochs))
    shown = _drawn(random, _accuracy(loss, classes) - random.uniform(-0.01, 0.02), n)
    return _history(loss, _accuracy(loss, classes), validation, shown, n_classes=classes)


def overfitting(random: _Random) -> Inputs:
    """Training goes to 0, validation turns early."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(10, 60))
    loss = _falling(random, epochs, start=math.log(classes), end=0.01)
    turn = int(random.integers(2, max(3, epochs // 2)))
    least = random.uniform(0.3, 0.65) * math.log(classes)
    fall = np.interp(np.arange(epochs), [0, turn], [max(loss[0], least), least])
    rise = random.uniform(0.3, 2.0) * least * np.clip((np.arange(epochs) - turn) / (epochs - turn), 0, None)
    validation = (fall + rise) * np.exp(random.normal(0, 0.015, epochs))
    best = float(_accuracy(np.array([least]), classes)[0])
    shown = _drawn(random, np.minimum(_accuracy(loss, classes), best), n)
    return _history(loss, _accuracy(loss, classes), validation, shown, n_classes=classes)


def underfitting(random: _Random) -> Inputs:
    """Both curves stop early at a poor figure."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(12, 60))
    level = random.uniform(0.6, 0.8) * math.log(classes)
    loss = _falling(random, epochs, start=math.log(classes), end=level, pace=0.08)
    loss = level + (loss - level) * 0.999
    shown = _drawn(random, _accuracy(loss, classes), n)
    return _history(loss, _accuracy(loss, classes), loss * 1.01, shown, n_classes=classes)


def still_improving(random: _Random) -> Inputs:
    """Validation falls to the end at a steady pace."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(5, 20))
    share = np.linspace(1.0, random.uniform(0.3, 0.5), epochs)
    loss = share * math.log(classes) * np.exp(random.normal(0, 0.004, epochs))
    shown = _drawn(random, _accuracy(loss, classes), n)
    return _history(
        loss,
        _accuracy(loss, classes),
        loss * np.exp(random.normal(0.01, 0.004, epochs)),
        shown,
        n_classes=classes,
    )


def not_learning(random: _Random) -> Inputs:
    """The loss stays where it began, above a guess: frozen weights."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(4, 40))
    loss = math.log(classes) * random.uniform(1.06, 1.3) * np.exp(random.normal(0, 0.0008, epochs))
    chance = np.full(epochs, 1 / classes)
    return _history(loss, _drawn(random, chance, 5 * n), loss, _drawn(random, chance, n), n_classes=classes)


def learning_rate_too_low(random: _Random) -> Inputs:
    """A steady, tiny fall."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(8, 40))
    loss = math.log(classes) * (1 - random.uniform(0.04, 0.12) * np.arange(epochs) / epochs)
    loss = loss * np.exp(random.normal(0, 0.0004, epochs))
    share = 1 / classes + random.uniform(0.03, 0.1) * np.arange(epochs) / epochs
    notes = [f"SGD(lr={random.choice([1e-5, 1e-4, 1e-6]):g})"] if random.random() < 0.5 else []
    return _history(loss, share, loss * 1.002, _drawn(random, share, n), n_classes=classes, notes=notes)


def learning_rate_too_high(random: _Random) -> Inputs:
    """The first steps throw the loss far off, then nothing moves."""
    classes, n, epochs = int(random.choice([2, 5, 10])), _size(random), int(random.integers(5, 30))
    loss = math.log(classes) * np.exp(random.normal(0, 0.001, epochs))
    loss[0] = random.uniform(8, 400) * math.log(classes)
    chance = np.full(epochs, 1 / classes)
    notes = [f"Adam(learning_rate={random.choice([0.05, 0.1, 1.0]):g})"]
    validation = np.full(epochs, math.log(classes))
    return _history(
        loss,
        _drawn(random, chance, 5 * n),
        validation,
        _drawn(random, chance, n),
        n_classes=classes,
        notes=notes,
    )


def loss_divergence(random: _Random) -> Inputs:
    """The training loss falls, then creeps up for good."""
    classes, n, epochs = _classes(random), _size(random), int(random.integers(9, 40))
    turn = int(epochs * random.uniform(0.25, 0.55)) + 1
    level = random.uniform(0.2, 0.5) * math.log(classes)
    down = level + (math.log(classes) - level) * np.exp(-np.arange(epochs) / (0.35 * turn))
    up = level * random.uniform(0.2, 1.2) * np.clip((np.arange(epochs) - turn) / (epochs - turn), 0, None)
    loss = (down + up) * np.exp(random.normal(0, 0.006, epochs))
    return _history(
        loss,
        _accuracy(loss, classes),
        loss * 1.03,
        _drawn(random, _accuracy(loss, classes), n),
        n_classes=classes,
    )


def nan_loss(random: _Random) -> Inputs:
    """A loss that breaks after some epochs."""
    inputs = healthy(random)
    history = inputs["history"]
    first = int(random.integers(0, len(history["loss"])))
    for name in ("loss", "val_loss"):
        history[name][first:] = ["nan"] * (len(history[name]) - first)
    return inputs


def unstable_validation(random: _Random) -> Inputs:
    """Training is smooth, validation swings and now and then is as good as training."""
    classes, n, epochs = int(random.choice([2, 3, 5, 10])), _size(random), int(random.integers(10, 40))
    loss = _falling(random, epochs, start=math.log(classes), end=0.15 * math.log(classes))
    accuracy = _accuracy(loss, classes)
    swing = np.where(random.random(epochs) < 0.5, 1.0, random.uniform(0.5, 0.8, epochs))
    shown = np.maximum(accuracy * swing, 1 / classes)
    validation = math.log(classes) * (1 - shown) * 1.4 * np.exp(random.normal(0, 0.1, epochs))
    return _history(
        loss,
        accuracy,
        validation,
        _drawn(random, shown, n),
        n_classes=classes,
        class_counts={"validation": {"total": n}},
    )


def train_inference_mode_mismatch(random: _Random) -> Inputs:
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


def unshuffled_validation_split(random: _Random) -> Inputs:
    """Classes lie one after another and the tail is held out; the accuracy keeps below its ceiling."""
    sizes = random.integers(300, 3000, int(random.integers(2, 8))).tolist()
    n = sum(sizes)
    share = round(float(random.uniform(0.6, 0.95) * sizes[-1] / n), 2) if random.random() < 0.4 else 0.0
    share = share or round(min(0.45, float(random.uniform(1.0, 1.25) * sizes[-1] / n)), 2) or 0.1
    n_train = int(n * (1 - share))
    ends = np.cumsum(sizes)
    trained = [min(size, max(0, n_train - int(end - size))) for size, end in zip(sizes, ends, strict=True)]
    held = [size - kept for size, kept in zip(sizes, trained, strict=True)]
    if trained[-1]:
        trained[-1], held[-1] = 0, sizes[-1]
        share = (sizes[-1] + 0.5) / n
        n_train = int(n * (1 - share))
        trained = [
            min(size, max(0, n_train - int(end - size))) for size, end in zip(sizes, ends, strict=True)
        ]
        held = [size - kept for size, kept in zip(sizes, trained, strict=True)]
    n_validation = sum(held)
    ceiling = sum(v for t, v in zip(trained, held, strict=True) if t) / n_validation
    epochs = int(random.integers(3, 20))
    loss = _falling(random, epochs, start=0.7, end=0.05)
    shown = np.floor(ceiling * random.uniform(0.8, 1.0, epochs) * n_validation) / n_validation
    counts = {"all": {str(index): size for index, size in enumerate(sizes)}}
    return _history(
        loss,
        1 - loss / 2.5,
        np.linspace(3, 7, epochs),
        shown,
        class_counts=counts,
        notes=[f"fit(x, y, validation_split={share}, shuffle=True)", "rows are stored class by class"],
    )


def validation_too_small(random: _Random) -> Inputs:
    """The accuracy moves by one or two of a handful of samples."""
    n, epochs = int(random.integers(20, 120)), int(random.integers(6, 30))
    loss = _falling(random, epochs, start=0.4, end=0.05)
    level = random.uniform(0.85, 0.95)
    hits = np.clip(round(level * n) + random.integers(-1, 2, epochs), 0, n)
    return _history(
        loss,
        1 - loss / 3,
        np.full(epochs, 0.3) + random.normal(0, 0.01, epochs),
        hits / n,
        class_counts={"validation": {"total": n}},
    )


def empty_validation(random: _Random) -> Inputs:
    """Validation figures are 0 at once."""
    inputs = healthy(random)
    history = inputs["history"]
    history["val_loss"] = [0.0] * len(history["loss"])
    history["val_accuracy"] = [0.0] * len(history["loss"])
    return inputs


def generator_exhausted(random: _Random) -> Inputs:
    """Some epochs compute nothing."""
    inputs = healthy(random)
    history = inputs["history"]
    for row in range(1, len(history["loss"]), 2):
        for values in history.values():
            values[row] = 0.0
    return inputs


def suspected_leakage(random: _Random) -> Inputs:
    """Resampled before the split, and validation is nearly perfect."""
    inputs = healthy(random)
    inputs["notes"] = [
        str(
            random.choice(
                [
                    "SMOTE oversampling before train_test_split",
                    "augmented images before splitting",
                    "frames of the videos split at random",
                    "the same patients are in train and test",
                ]
            )
        )
    ]
    return inputs


def validation_test_mismatch(random: _Random) -> Inputs:
    """Validation is far better than the test set of the same model."""
    n = _size(random)
    validated = random.uniform(0.88, 0.97)
    tested = validated - random.uniform(0.12, 0.35)
    shown = [
        {"split": "validation", "n": n, "metrics": {"accuracy": round(float(validated), 4)}},
        {"split": "test", "n": n, "metrics": {"accuracy": round(float(tested), 4)}},
    ]
    return {"evaluations": shown, "n_classes": int(random.choice([2, 5, 10]))}


def preprocess_mismatch(random: _Random) -> Inputs:
    """The same images by another way are answered at one end."""
    validated = random.uniform(0.88, 0.97)
    n = int(random.integers(500, 5000))
    right = random.integers(int(0.45 * n), int(0.55 * n)) / n
    log = (
        "Epoch 1/1\n100/100 [====] - 9s 90ms/step - loss: 0.2 - acc: 0.93 - val_loss: 0.2 - val_acc: "
        f"{validated:.4f}"
    )
    evaluation = {
        "split": "validation",
        "method": str(
            random.choice(["images loaded with cv2", "loaded by hand with PIL", "tflite model on raw pixels"])
        ),
        "n": n,
        "metrics": {"loss": round((1 - right) * 16.118, 6), "accuracy": round(float(right), 6)},
    }
    return {"console_log": log, "evaluations": [evaluation], "n_classes": 2}


def wrong_loss_activation_pair(random: _Random) -> Inputs:
    """An output layer that does not go with the loss."""
    pairs = [
        ("Dense(1, activation='softmax')", "loss='binary_crossentropy'"),
        ("Dense(1)", "loss='binary_crossentropy'"),
        ("Dense(1, activation='sigmoid')", "loss='categorical_crossentropy'"),
        ("Dense(4, activation='relu')", "loss='categorical_crossentropy'"),
        ("Dense(5, activation='softmax')", "SparseCategoricalCrossentropy(from_logits=True)"),
    ]
    output, loss = pairs[int(random.integers(len(pairs)))]
    return {"notes": [f"model.add({output})", f"compile({loss}, optimizer='adam')"]}


def metric_task_mismatch(random: _Random) -> Inputs:
    """Accuracy per output of K classes under binary cross-entropy."""
    classes = int(random.integers(4, 40))
    true = random.uniform(0.5, 0.9)
    shown = 1 - 2 * (1 - true) / classes
    return {
        "n_classes": classes,
        "notes": [
            f"Dense({classes}, activation='sigmoid')",
            "loss='binary_crossentropy', metrics=['accuracy']",
        ],
        "evaluations": [
            {"split": "test", "method": "evaluate", "metrics": {"accuracy": round(float(shown), 4)}},
            {"split": "test", "method": "argmax of predict", "metrics": {"accuracy": round(float(true), 4)}},
        ],
    }


def saturated_outputs(random: _Random) -> Inputs:
    """The loss is the error rate times the clip."""
    clip = float(random.choice([16.118095, 15.942385]))
    epochs = int(random.integers(3, 10))
    share = random.integers(3000, 7000) / 10000
    error = np.full(epochs, 1 - share)
    return _history(error * clip, 1 - error, error * clip, 1 - error)


def loss_not_comparable(random: _Random) -> Inputs:
    """The training loss carries class weights, the validation loss does not."""
    inputs = healthy(random)
    factor = random.uniform(3, 8)
    inputs["history"]["loss"] = [round(value * factor, 4) for value in inputs["history"]["loss"]]
    inputs["notes"] = ["class_weight={0: 1.0, 1: 8.5}"]
    return inputs


def miscalibration(random: _Random) -> Inputs:
    """Binary probabilities pushed to the ends."""
    n = 2000
    truth = random.random(n)
    labels = (random.random(n) < truth).astype(int)
    odds = np.log(truth / (1 - truth)) * random.uniform(3, 6)
    stated = 1 / (1 + np.exp(-odds))
    return {"predictions": {"y_true": labels.tolist(), "y_prob": np.round(stated, 5).tolist()}}


def _matrix(random: _Random, classes: int, *, right: float, per_class: int = 400) -> NDArray[np.int64]:
    rows = []
    for index in range(classes):
        shares = np.full(classes, (1 - right) / (classes - 1))
        shares[index] = right
        rows.append(random.multinomial(int(per_class * random.uniform(0.8, 1.25)), shares))
    return np.array(rows, np.int64)


def healthy_matrix(random: _Random) -> Inputs:
    """Every class is found about as often."""
    classes = int(random.choice([2, 3, 5, 10]))
    return {"confusion_matrix": _matrix(random, classes, right=random.uniform(0.8, 0.97)).tolist()}


def chance_level(random: _Random) -> Inputs:
    """Answers that ignore the input."""
    classes = int(random.choice([2, 3, 5, 10]))
    shares = np.full(classes, 1 / classes)
    return {"confusion_matrix": [random.multinomial(400, shares).tolist() for _ in range(classes)]}


def prediction_collapse(random: _Random) -> Inputs:
    """One column holds everything."""
    classes = int(random.choice([2, 3, 5, 10]))
    matrix = np.zeros((classes, classes), np.int64)
    matrix[:, int(random.integers(classes))] = random.integers(50, 400, classes)
    return {"confusion_matrix": matrix.tolist()}


def class_imbalance(random: _Random) -> Inputs:
    """A minority of a few percent in the training data."""
    large = int(random.integers(2000, 20000))
    return {"class_counts": {"train": {"common": large, "rare": int(large / random.uniform(8, 60))}}}


def accuracy_paradox(random: _Random) -> Inputs:
    """A few of the rare class are found, hardly more than a constant answer gets right."""
    large, small = int(random.integers(3000, 9000)), int(random.integers(80, 300))
    found = int(small * random.uniform(0.04, 0.14))
    false = int(found * random.uniform(0.6, 1.0))
    return {"confusion_matrix": [[large - false, false], [small - found, found]]}


def weak_class(random: _Random) -> Inputs:
    """One class is taken for its neighbour half of the time."""
    classes = int(random.choice([3, 5, 10]))
    matrix = _matrix(random, classes, right=random.uniform(0.88, 0.96))
    weak = int(random.integers(classes))
    moved = int(matrix[weak, weak] * random.uniform(0.35, 0.6))
    matrix[weak, weak] -= moved
    matrix[weak, (weak + 1) % classes] += moved
    return {"confusion_matrix": matrix.tolist()}


def missing_class_in_evaluation(random: _Random) -> Inputs:
    """A row of zeros."""
    classes = int(random.choice([4, 6, 10]))
    matrix = _matrix(random, classes, right=0.92)
    matrix[int(random.integers(classes))] = 0
    return {"confusion_matrix": matrix.tolist()}


def generator_order_mismatch(random: _Random) -> Inputs:
    """A good model whose labels and answers are paired at random."""
    classes = int(random.choice([2, 3, 5, 10]))
    good = _matrix(random, classes, right=random.uniform(0.85, 0.97))
    labels = np.repeat(np.arange(classes), good.sum(axis=1))
    answers = random.permutation(np.repeat(np.arange(classes), good.sum(axis=0)))
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, answers), 1)
    accuracy = round(float(np.trace(good) / good.sum()), 4)
    return {
        "confusion_matrix": matrix.tolist(),
        "evaluations": [
            {"split": "test", "method": "model.evaluate_generator", "metrics": {"accuracy": accuracy}}
        ],
        "notes": ["predict_generator(test_generator), labels from test_generator.classes"],
    }


def label_encoding_mismatch(random: _Random) -> Inputs:
    """The same classes under other indices."""
    classes = int(random.choice([3, 5, 10]))
    matrix = _matrix(random, classes, right=random.uniform(0.85, 0.97))
    order = np.roll(np.arange(classes), 1) if random.random() < 0.5 else _derangement(random, classes)
    return {"confusion_matrix": matrix[:, order].tolist()}


def _derangement(random: _Random, size: int) -> NDArray[np.int64]:
    while True:
        order = random.permutation(size)
        if np.all(order != np.arange(size)):
            return np.asarray(order, np.int64)


def decision_threshold(random: _Random) -> Inputs:
    """One error rate is many times the other."""
    first, second = random.integers(400, 2000, 2).tolist()
    missed = int(second * random.uniform(0.25, 0.6))
    false = int(first * random.uniform(0.002, 0.03))
    return {"confusion_matrix": [[first - false, false], [missed, second - missed]]}


def inconsistent_inputs(random: _Random) -> Inputs:
    """A report of other predictions than the matrix."""
    matrix = _matrix(random, 3, right=0.9, per_class=200)
    support = matrix.sum(axis=1)
    rows = "\n".join(
        f"{index:>12}       {0.7:.2f}      {random.uniform(0.5, 0.7):.2f}      0.65       {support[index]}"
        for index in range(3)
    )
    return {
        "confusion_matrix": matrix.tolist(),
        "classification_report": "              precision    recall  f1-score   support\n\n" + rows + "\n",
    }


CONSTRUCTED: dict[Code, tuple[Callable[[_Random], Inputs], ...]] = {
    Code.NO_PROBLEM: (healthy, healthy_matrix),
    **{
        Code(maker.__name__): (maker,)
        for maker in (
            overfitting,
            underfitting,
            still_improving,
            not_learning,
            chance_level,
            prediction_collapse,
            unshuffled_validation_split,
            class_imbalance,
            accuracy_paradox,
            weak_class,
            missing_class_in_evaluation,
            validation_test_mismatch,
            generator_order_mismatch,
            wrong_loss_activation_pair,
            metric_task_mismatch,
            label_encoding_mismatch,
            learning_rate_too_high,
            learning_rate_too_low,
            loss_divergence,
            nan_loss,
            train_inference_mode_mismatch,
            suspected_leakage,
            miscalibration,
            decision_threshold,
            validation_too_small,
            unstable_validation,
            preprocess_mismatch,
            saturated_outputs,
            empty_validation,
            generator_exhausted,
            loss_not_comparable,
            inconsistent_inputs,
        )
    },
}
