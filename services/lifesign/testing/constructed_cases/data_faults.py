"""Trainings whose data or set-up are at fault."""

import numpy as np

from lifesign.testing.constructed_cases.curves import Inputs, Random, falling, history_of, sample_count
from lifesign.testing.constructed_cases.trainings import healthy

__all__ = [
    "empty_validation",
    "generator_exhausted",
    "metric_task_mismatch",
    "preprocess_mismatch",
    "suspected_leakage",
    "unshuffled_validation_split",
    "validation_test_mismatch",
    "validation_too_small",
    "wrong_loss_activation_pair",
]


def unshuffled_validation_split(random: Random) -> Inputs:
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
    loss = falling(random, epochs, start=0.7, end=0.05)
    shown = np.floor(ceiling * random.uniform(0.8, 1.0, epochs) * n_validation) / n_validation
    counts = {"all": {str(index): size for index, size in enumerate(sizes)}}
    return history_of(
        loss,
        1 - loss / 2.5,
        np.linspace(3, 7, epochs),
        shown,
        class_counts=counts,
        notes=[f"fit(x, y, validation_split={share}, shuffle=True)", "rows are stored class by class"],
    )


def validation_too_small(random: Random) -> Inputs:
    """The accuracy moves by one or two of a handful of samples."""
    n, epochs = int(random.integers(20, 120)), int(random.integers(6, 30))
    loss = falling(random, epochs, start=0.4, end=0.05)
    level = random.uniform(0.85, 0.95)
    hits = np.clip(round(level * n) + random.integers(-1, 2, epochs), 0, n)
    return history_of(
        loss,
        1 - loss / 3,
        np.full(epochs, 0.3) + random.normal(0, 0.01, epochs),
        hits / n,
        class_counts={"validation": {"total": n}},
    )


def empty_validation(random: Random) -> Inputs:
    """Validation figures are 0 at once."""
    inputs = healthy(random)
    history = inputs["history"]
    history["val_loss"] = [0.0] * len(history["loss"])
    history["val_accuracy"] = [0.0] * len(history["loss"])
    return inputs


def generator_exhausted(random: Random) -> Inputs:
    """Some epochs compute nothing."""
    inputs = healthy(random)
    history = inputs["history"]
    for row in range(1, len(history["loss"]), 2):
        for values in history.values():
            values[row] = 0.0
    return inputs


def suspected_leakage(random: Random) -> Inputs:
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


def validation_test_mismatch(random: Random) -> Inputs:
    """Validation is far better than the test set of the same model."""
    n = sample_count(random)
    validated = random.uniform(0.88, 0.97)
    tested = validated - random.uniform(0.12, 0.35)
    shown = [
        {"split": "validation", "n": n, "metrics": {"accuracy": round(float(validated), 4)}},
        {"split": "test", "n": n, "metrics": {"accuracy": round(float(tested), 4)}},
    ]
    return {"evaluations": shown, "n_classes": int(random.choice([2, 5, 10]))}


def preprocess_mismatch(random: Random) -> Inputs:
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


def wrong_loss_activation_pair(random: Random) -> Inputs:
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


def metric_task_mismatch(random: Random) -> Inputs:
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
