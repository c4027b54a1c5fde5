"""Errors and warnings of the frameworks, and configurations that prove a fault by themselves."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.inputs.files import read_cases

LOG = "".join(
    f"Epoch {epoch}/3\n30/30 [====] - 2s 83ms/step - loss: {loss} - accuracy: {right}\n"
    for epoch, loss, right in ((1, 1.1, 0.5), (2, 0.9, 0.6), (3, 0.8, 0.65))
)
SAID = {
    "WARNING:tensorflow:Your input ran out of data; interrupting training.": "generator_exhausted",
    "Local rendezvous is aborting with status: OUT_OF_RANGE: End of sequence": "generator_exhausted",
    "InvalidArgumentError: Received a label value of 10 which is outside the valid range of [0, 10).": (
        "label_encoding_mismatch"
    ),
    "IndexError: index 9 is out of bounds for axis 1 with size 9": "label_encoding_mismatch",
    "IndexError: Target 4 is out of bounds.": "label_encoding_mismatch",
    "ValueError: Shapes (None, 1) and (None, 10) are incompatible": "label_encoding_mismatch",
    'UserWarning: "`sparse_categorical_crossentropy` received `from_logits=True`, but the `output` argument '
    'was produced by a Softmax activation': "wrong_loss_activation_pair",
    "WARNING:tensorflow:Early stopping conditioned on metric `val_loss` which is not available.": (
        "empty_validation"
    ),
    "ValueError: Only one class present in y_true. ROC AUC is not defined": "missing_class_in_evaluation",
    "UndefinedMetricWarning: Recall is ill-defined and being set to 0.0 in labels with no true samples.": (
        "missing_class_in_evaluation"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "code"), SAID.items())
@pytest.mark.parametrize("way", ["log of a case", "notes", "file"])
def test_what_the_framework_says_is_heard(tmp_path, line, code, way):
    if way == "file":
        path = tmp_path / "train.log"
        path.write_text(f"{LOG}{line}\n")
        (evidence,), problems = read_cases([path])
        assert problems == []
    else:
        given = {"console_log": f"{LOG}{line}\n"} if way == "log of a case" else {"notes": [line]}
        evidence = evidence_of_inputs(given)
    found = [one for one in diagnose(evidence) if one.code == code and one.is_alarm]
    assert len(found) == 1
    assert way != "log of a case" or line[:40] in found[0].evidence


@pytest.mark.parametrize(
    "line",
    [
        "IndexError: index 9 is out of bounds for axis 1 with size 5",
        "Epoch 00002: val_loss improved from 0.9 to 0.8, saving model",
        "End of training",
    ],
)
def test_other_lines_say_nothing(line):
    assert not any(one.is_alarm for one in diagnose(evidence_of_inputs({"console_log": f"{LOG}{line}\n"})))


def test_losses_that_are_no_numbers_are_read_from_any_words():
    log = "Training batch 64 ends with loss NaN.\nTraining batch 65 ends with loss NaN.\n"
    assert diagnose(evidence_of_inputs({"console_log": log}))[0].code == "nan_loss"


FROZEN = {"history": {"loss": [16771.46, 16771.44, 16771.44]}}
CONFIGURATIONS = [
    ({"notes": ["labels in the list file are 1, 2, ..., n", "softmax"]}, "label_encoding_mismatch", True),
    ({"notes": ["labels in the list file are 0, 1, ..., n", "softmax"]}, "label_encoding_mismatch", False),
    ({"n_classes": 6, "notes": ["bag of words, the last is Dense(1)"]}, "wrong_loss_activation_pair", True),
    ({"n_classes": 2, "notes": ["bag of words, the last is Dense(1)"]}, "wrong_loss_activation_pair", False),
    ({**FROZEN, "notes": ["Dense(1, tanh)", "mse"]}, "wrong_loss_activation_pair", True),
    ({**FROZEN, "notes": ["Dense(1)", "mse"]}, "wrong_loss_activation_pair", False),
    (
        {"history": {"loss": [0.9, 0.7, 0.6]}, "notes": ["Dense(1, tanh)", "mse"]},
        "wrong_loss_activation_pair",
        False,
    ),
    ({"notes": ["sunspots, time series, mse", "acc is 1.0000"]}, "metric_task_mismatch", True),
    ({"notes": ["sunspots, time series, mse", "mae is 0.1"]}, "metric_task_mismatch", False),
]


@pytest.mark.parametrize(("inputs", "code", "is_proved"), CONFIGURATIONS)
def test_what_a_configuration_proves(inputs, code, is_proved):
    alarms = [one.code.value for one in diagnose(evidence_of_inputs(inputs)) if one.is_alarm]
    assert (code in alarms) == is_proved, alarms
