"""One line, a few epochs, or figures alone: what they prove, and what they do not."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

BAR = "30/30 [==============================] - 2s 83ms/step - "
LOSSES = (2.41, 2.73, 2.57, 2.62, 2.48, 2.8, 2.85)
COUNTS = "val_tp: {} - val_fp: {} - val_tn: {} - val_fn: {} - val_accuracy: 0.3750 - val_loss: 5.18"


def _log(*rows: str) -> dict[str, str]:
    return {"console_log": "\n".join(f"Epoch {n}/9\n{BAR}{row}" for n, row in enumerate(rows, 1))}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        (
            _log("loss: 2.3028 - accuracy: 0.0994 - val_loss: 2.3026 - val_accuracy: 0.1000"),
            "chance_level",
        ),
        (
            _log("loss: 13.87 - accuracy: 0.0556 - val_loss: 4652004352.0 - val_accuracy: 0.1000"),
            "learning_rate_too_high",
        ),
        (
            _log("loss: 0.39 - accuracy: 0.8621 - " + COUNTS.format("9.0", "15.0", "0.0", "0.0")),
            "prediction_collapse",
        ),
        (
            {"history": {"loss": [1.1, 1.5, "nan"]}, "notes": ["Adam, learning rate 0.05"]},
            "nan_loss",
        ),
        (
            _log(
                "accuracy: 0.7186 - loss: 4.5130 - val_accuracy: 0.7251 - val_loss: 4.4116",
                *["accuracy: 0.7663 - loss: 3.7539 - val_accuracy: 0.7251 - val_loss: 4.4116"] * 3,
            ),
            "saturated_outputs",
        ),
        (
            _log("accuracy: 0.0 - loss: 1.16 - mean_squared_logarithmic_error: 1.16"),
            "metric_task_mismatch",
        ),
        (
            _log("loss: 0.0023 - acc: 0.9994 - val_loss: 0.1512 - val_acc: 0.9773")
            | {"class_counts": {"validation": {"total": 12000}}},
            "overfitting",
        ),
        (
            _log(*["loss: 1.0e-17 - accuracy: 1.0 - val_loss: 2.7563 - val_accuracy: 0.9770"] * 4)
            | {"class_counts": {"validation": {"total": 1000}}},
            "miscalibration",
        ),
        (
            _log(*[f"loss: {loss} - acc: 0.33 - val_loss: 2.1 - val_acc: 0.0" for loss in (1.36, 1.31, 1.27)])
            | {"n_classes": 4, "class_counts": {"validation": {"total": 32}}},
            "unshuffled_validation_split",
        ),
        (
            _log("loss: 2.8 - acc: 0.15 - val_loss: 6.7 - val_acc: 0.0")
            | _log(*[f"loss: 0.2 - acc: {acc} - val_loss: 16.1 - val_acc: 0.19" for acc in (0.92, 0.95)])
            | {"n_classes": 20, "evaluations": [{"split": "test", "n": 7505, "metrics": {"accuracy": 0.72}}]},
            "unshuffled_validation_split",
        ),
        (
            {
                "evaluations": [
                    {"split": "train", "metrics": {"accuracy": 0.02, "loss": 0.01}},
                    {"split": "validation", "metrics": {"accuracy": 0.0, "loss": 0.01}},
                ]
            },
            "metric_task_mismatch",
        ),
        (
            _log(*[f"loss: {loss} - acc: 0.09 - val_loss: 2.5 - val_acc: 0.1" for loss in LOSSES])
            | {"n_classes": 10},
            "learning_rate_too_high",
        ),
        (
            {
                "evaluations": [
                    {"split": "train", "metrics": {"accuracy": 0.99}},
                    {"split": "validation", "metrics": {"accuracy": 0.55}},
                ],
                "n_classes": 2,
                "notes": ["ResNet with batch normalisation"],
            },
            "train_inference_mode_mismatch",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_short_evidence_is_enough(inputs, code):
    assert diagnose(evidence_of_inputs(inputs, identifier="short"))[0].code.value == code


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        # Some answers are of either class.
        (
            _log("loss: 0.39 - accuracy: 0.8621 - " + COUNTS.format("8.0", "15.0", "0.0", "1.0")),
            "prediction_collapse",
        ),
        # A single share is of any multiple of its denominator.
        (_log("loss: 0.40 - accuracy: 0.82 - val_loss: 0.41 - val_accuracy: 0.8000"), "validation_too_small"),
        # As large on training: a penalty is part of the loss.
        (
            _log(*["loss: 2.5 - accuracy: 0.98 - val_loss: 2.7563 - val_accuracy: 0.9770"] * 4),
            "miscalibration",
        ),
        # All is right and nothing moves any more.
        (
            _log(*["loss: 0.001 - accuracy: 1.0 - val_loss: 0.05 - val_accuracy: 0.9937"] * 6),
            "prediction_collapse",
        ),
        # Three samples near a guess tell nothing.
        (
            {
                "evaluations": [{"split": "validation", "n": 3, "metrics": {"accuracy": 0.667}}],
                "n_classes": 3,
            },
            "chance_level",
        ),
        # A smooth fall is not thrown about, whatever the rate.
        (
            _log(*[f"loss: {0.64 - 0.002 * n:.4f} - acc: 0.6" for n in range(9)])
            | {"notes": ["Adam, learning rate 0.01"], "n_classes": 2},
            "learning_rate_too_high",
        ),
        # Frozen weights are as far above a guess, and still.
        (
            _log(*["loss: 2.61 - acc: 0.09 - val_loss: 2.6 - val_acc: 0.1"] * 7) | {"n_classes": 10},
            "learning_rate_too_high",
        ),
        # Five of six and all of an unknown number: no more than sampling explains.
        (
            _log(*["loss: 0.16 - acc: 0.93 - val_loss: 0.41 - val_acc: 0.9167"] * 2)
            | {"evaluations": [{"split": "test", "metrics": {"accuracy": 1.0}}]},
            "validation_test_mismatch",
        ),
        # The error of a number, not a cross-entropy.
        (
            _log("loss: 90000.0 - accuracy: 0.0 - val_loss: 90000.0 - val_accuracy: 0.0"),
            "learning_rate_too_high",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_short_evidence_is_not_stretched(inputs, code):
    found = {one.code.value for one in diagnose(evidence_of_inputs(inputs, identifier="short"))}
    assert code not in found
