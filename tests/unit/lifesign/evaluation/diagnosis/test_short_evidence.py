"""One line, a few epochs, or figures alone: what they prove, and what they do not."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

BAR = "30/30 [==============================] - 2s 83ms/step - "
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
