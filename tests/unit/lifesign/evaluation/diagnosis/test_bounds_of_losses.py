"""What the value of a loss or of a metric proves by arithmetic, whatever the course of the training."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

BAR = "30/30 [==============================] - 2s 83ms/step - "


def _log(*rows: str) -> dict[str, object]:
    return {"console_log": "\n".join(f"Epoch {n}/9\n{BAR}{row}" for n, row in enumerate(rows, 1))}


def _tested(loss: float, accuracy: float, split: str = "test") -> dict[str, object]:
    return {"evaluations": [{"split": split, "metrics": {"loss": loss, "accuracy": accuracy}}]}


def _falling(rest: str, *, start: float = 0.9, step: float = 0.2, rows: int = 4) -> dict[str, object]:
    losses = [start - step * row for row in range(rows)]
    return _log(*[f"loss: {loss:.4f} - {rest} - val_loss: {loss + 0.02:.4f}" for loss in losses])


SPARSE = {"n_classes": 10, "notes": ["sparse_categorical_crossentropy, softmax"]}
SQUARED = {"n_classes": 10, "notes": ["one-hot digits, mean_squared_error, SGD"]}
NEGATIVE = _falling("acc: 0.9417 - val_acc: 0.9500", start=0.3)
REPORT_OF_ONE = (
    "              precision    recall  f1-score   support\n\n"
    "           {}       1.00      1.00      1.00      {}\n"
)

CASES = {
    "ln 10 and a tenth": ({**_tested(2.3037, 0.0994), "n_classes": 10}, "chance_level", True),
    "ln 10 and a fifth": ({**_tested(2.3037, 0.2194), "n_classes": 10}, "chance_level", False),
    "ln 10 of training alone": ({**_tested(2.3037, 0.0994, "train"), "n_classes": 10}, "chance_level", False),
    "both losses above ln 10": ({**_log("loss: 2.41 - val_loss: 2.52"), **SPARSE}, "chance_level", True),
    "one loss below ln 10": ({**_log("loss: 2.21 - val_loss: 2.52"), **SPARSE}, "chance_level", False),
    "above ln 10 with a penalty": (
        {**_log("loss: 2.41 - val_loss: 2.52"), "n_classes": 10,
         "notes": ["sparse_categorical_crossentropy, l2 regularizer"]},
        "chance_level", False,
    ),
    "squared error of 1/K": (
        {**_falling("acc: 0.1500 - val_acc: 0.1500", start=0.1, step=0.003), **SQUARED}, "chance_level", True
    ),
    "squared error far below": (
        {**_falling("acc: 0.1500 - val_acc: 0.1500", start=0.06, step=0.003), **SQUARED},
        "chance_level", False,
    ),
    "squared error, but right": (
        {**_falling("acc: 0.6135 - val_acc: 0.6135", start=0.1, step=0.003), **SQUARED},
        "chance_level", False,
    ),
    "area of exactly one half": (
        _log(*["loss: 0.6652 - val_loss: 0.6650 - val_auc: 0.5000"] * 2), "chance_level", True
    ),
    "area near one half": (
        _log(*["loss: 0.6652 - val_loss: 0.6650 - val_auc: 0.5341"] * 2), "chance_level", False
    ),
    "mean recall of a third": (
        {"classification_report":
            "              precision    recall  f1-score   support\n\n"
            "          -1       0.90      0.21      0.34       207\n"
            "           0       0.10      0.40      0.16        25\n"
            "           1       0.08      0.44      0.13        18\n\n"
            "    accuracy                           0.25       250\n"},
        "chance_level", True,
    ),
    "mean recall of a third, always the largest": (
        {"classification_report":
            "              precision    recall  f1-score   support\n\n"
            "          -1       0.84      1.00      0.91       209\n"
            "           0       0.00      0.00      0.00        25\n"
            "           1       0.00      0.00      0.00        16\n\n"
            "    accuracy                           0.84       250\n"},
        "chance_level", False,
    ),
    "squared error of 1/K, loss not named": (
        {**_falling("acc: 0.1100 - val_acc: 0.1100", start=0.1, step=0.003), "n_classes": 10},
        "metric_task_mismatch", False,
    ),
    "errors of another scale from the start": (
        _log("loss: 1.28 - mse: 1.28 - val_loss: 271016.1 - val_mse: 271016.1",
             "loss: 0.99 - mse: 0.99 - val_loss: 110464.5 - val_mse: 110464.5"),
        "preprocess_mismatch", True,
    ),
    "errors of a fit too close": (
        _log("loss: 1.28 - mse: 1.28 - val_loss: 2.16 - val_mse: 2.16",
             "loss: 0.001 - mse: 0.001 - val_loss: 4.5 - val_mse: 4.5"),
        "preprocess_mismatch", False,
    ),
    "images read by hand": (
        {"n_classes": 26, "notes": ["training: ImageDataGenerator(rescale=1/255), grayscale"],
         "evaluations": [
             {"split": "validation", "metrics": {"accuracy": 0.91}},
             {"split": "test", "method": "predictions on images by cv2", "metrics": {"accuracy": 0.08}},
         ]},
        "generator_order_mismatch", False,
    ),
    "a matrix of all cats beside an evaluation of the same images": (
        {"evaluations": [{"split": "test", "n": 1203, "metrics": {"accuracy": 0.9933}}],
         "confusion_matrix": [[601, 0], [602, 0]]},
        "inconsistent_inputs", True,
    ),
    "the same, of other images": (
        {"evaluations": [{"split": "test", "n": 800, "metrics": {"accuracy": 0.9933}}],
         "confusion_matrix": [[601, 0], [602, 0]]},
        "prediction_collapse", True,
    ),
    "trained by heart, tested at a guess": (
        {"classification_report":
            "              precision    recall  f1-score   support\n\n"
            "           0       0.47      0.57      0.52       220\n"
            "           1       0.56      0.46      0.50       259\n\n"
            "    accuracy                           0.51       479\n",
         "evaluations": [{"split": "train", "metrics": {"accuracy": 0.99}},
                         {"split": "test", "n": 479, "metrics": {"accuracy": 0.505}}]},
        "chance_level", False,
    ),
    "less than ln 2 per error": ({**_tested(0.5459, 0.0993), **SPARSE}, "metric_task_mismatch", True),
    "more than ln 2 per error": ({**_tested(0.7459, 0.0993), **SPARSE}, "metric_task_mismatch", False),
    "less than ln 2 per error, weighted": (
        {**_tested(0.5459, 0.0993), "n_classes": 10,
         "notes": ["sparse_categorical_crossentropy, class_weight"]},
        "metric_task_mismatch", False,
    ),
    "accuracy of a price": (
        {**_tested(16.86, 0.0138, "train"), "notes": ["house prices, Dense(1), mean_squared_error"]},
        "metric_task_mismatch", True,
    ),
    "accuracy of a class by squared error": (
        {**_tested(0.09, 0.0138, "train"), "notes": ["digits, Dense(10, softmax), mean_squared_error"]},
        "metric_task_mismatch", False,
    ),
    "top-k of 1 throughout": (
        _falling("top_k_categorical_accuracy: 1.0000 - val_top_k_categorical_accuracy: 1.0000"),
        "metric_task_mismatch", True,
    ),
    "top-k of 1 at the end": (
        _log("loss: 0.9 - top_5_accuracy: 0.9120", "loss: 0.4 - top_5_accuracy: 1.0000"),
        "metric_task_mismatch", False,
    ),
    "cross-entropy below 0": (NEGATIVE, "label_encoding_mismatch", True),
    "minus the Dice coefficient": (
        _log(*[f"loss: -{dice} - dice_coef: {dice} - acc: 0.9" for dice in (0.75, 0.78, 0.81)]),
        "label_encoding_mismatch", False,
    ),
    "a loss without a bound, in words": (
        {**NEGATIVE, "notes": ["hinge Kantorovich-Rubinstein loss"]}, "label_encoding_mismatch", False
    ),
    "a score below 0 that nobody judges": (
        _falling("mean_score: 4.2", start=0.3), "label_encoding_mismatch", False
    ),
    "90 labels for one unit": (
        {**_log(*["loss: -634.4 - acc: 0.0125 - val_loss: -642.1 - val_acc: 0.0104"] * 3), "n_classes": 90,
         "notes": ["one output unit, binary_crossentropy"]},
        "metric_task_mismatch", False,
    ),
    "nine tenths of the clip, nothing else": (
        {**_log("loss: 14.5063 - val_loss: 14.5063"), "n_classes": 10}, "saturated_outputs", True
    ),
    "near nine tenths of the clip": (
        {**_log("loss: 14.5063 - val_loss: 14.3063"), "n_classes": 10}, "saturated_outputs", False
    ),
    "a report of one class": (
        {"classification_report": REPORT_OF_ONE.format(0, 6554)}, "missing_class_in_evaluation", True
    ),
    "a report of one class of three samples": (
        {"classification_report": REPORT_OF_ONE.format(0, 3)}, "missing_class_in_evaluation", False
    ),
}  # fmt: skip


@pytest.mark.parametrize(("inputs", "code", "is_proved"), CASES.values(), ids=CASES)
def test_what_a_figure_proves(inputs, code, is_proved):
    alarms = [one.code.value for one in diagnose(evidence_of_inputs(inputs)) if one.is_alarm]
    assert (code in alarms) == is_proved, alarms


@pytest.mark.filterwarnings("error")
def test_counts_that_an_epoch_lacks_break_no_rule():
    counted = "loss: 1.4 - val_loss: 1.6 - val_tp: 0.0 - val_fp: 0.0 - val_tn: 1000.0 - val_fn: 100.0"
    findings = diagnose(evidence_of_inputs(_log(counted, counted, "loss: 6.2 - val_loss: 5.1")))
    assert findings


def _parts(whole: float) -> dict[str, object]:
    trained = "loss: 0.8277 - a_loss: 0.4277 - b_loss: 0.4000"
    return _log(*[f"{trained} - val_loss: {whole} - val_a_loss: 0.5 - val_b_loss: 0.5"] * 2)


CONTRADICTIONS = {
    "parts of a loss that make another sum": (_parts(0.6929), "inconsistent_inputs", True),
    "parts of a loss that make their sum": (_parts(1.0), "inconsistent_inputs", False),
    "an accuracy above 1 beside one below": (
        _log("loss: 8.70 - accuracy: 4.9620 - val_loss: 1.0865 - val_accuracy: 0.6331"),
        "inconsistent_inputs",
        True,
    ),
    "accuracies in per cent": (
        _log("loss: 8.70 - accuracy: 49.620 - val_loss: 1.0865 - val_accuracy: 63.31"),
        "inconsistent_inputs",
        False,
    ),
    "an overlap below 0": (
        _log("loss: -10.63 - iou_score: -1.209", "loss: -10.71 - iou_score: -1.312"),
        "label_encoding_mismatch",
        True,
    ),
    "minus an overlap as the loss": (
        _log("loss: -0.63 - iou_score: 0.63", "loss: -0.71 - iou_score: 0.71"),
        "label_encoding_mismatch",
        False,
    ),
    "a class lost where all others are found": (
        {
            "classification_report": "              precision    recall  f1-score   support\n\n"
            "           1       1.00      1.00      1.00       126\n"
            "           2       1.00      1.00      1.00       116\n"
            "           3       0.00      0.00      0.00        87\n"
        },
        "weak_class",
        True,
    ),
    "labels of -1 for a cross-entropy over tanh": (
        _log(*["loss: -2.71 - accuracy: 0.32 - val_loss: -4.0 - val_accuracy: 0.35"] * 2)
        | {"notes": ["Dense(1, tanh), binary_crossentropy"]},
        "label_encoding_mismatch",
        True,
    ),
    "evaluated on the training rows after fit": (
        _log(*["loss: 0.02 - acc: 0.98 - val_loss: 3.3 - val_acc: 0.69"] * 2)
        | {
            "evaluations": [{"split": "train", "method": "evaluate after fit", "metrics": {"accuracy": 0.45}}]
        },
        "train_inference_mode_mismatch",
        True,
    ),
    "evaluated on the training rows in fit": (
        _log(*["loss: 0.02 - acc: 0.98 - val_loss: 3.3 - val_acc: 0.69"] * 2)
        | {"evaluations": [{"split": "train", "method": "while fit runs", "metrics": {"accuracy": 0.45}}]},
        "train_inference_mode_mismatch",
        False,
    ),
    "all right, none right, all right of a cut": (
        {
            "console_log": "Train on 168 samples, validate on 72 samples\n"
            "Epoch 1/9\n168/168 - loss: 377.1 - accuracy: 0.4762 - val_loss: 0.0 - val_accuracy: 1.0\n"
            "Epoch 2/9\n168/168 - loss: 146.2 - accuracy: 0.5595 - val_loss: 262.4 - val_accuracy: 0.0\n"
            "Epoch 3/9\n168/168 - loss: 149.9 - accuracy: 0.4762 - val_loss: 1.6e-09 - val_accuracy: 1.0\n",
            "notes": ["validation_split=0.3"],
        },
        "unshuffled_validation_split",
        True,
    ),
    "frames of videos as such": (
        _log(*["loss: 0.9 - accuracy: 0.7 - val_loss: 0.95 - val_accuracy: 0.68"] * 3)
        | {"notes": ["frames of videos, CNN and LSTM"]},
        "suspected_leakage",
        False,
    ),
    "recall of exactly 0 and 1": (
        _log(
            "loss: 0.10 - acc: 0.87 - val_loss: 0.69 - val_acc: 0.5 - val_precision: 0.5 - val_recall: 1.0",
            "loss: 0.07 - acc: 0.90 - val_loss: 0.69 - val_acc: 0.5 - val_precision: 0.0 - val_recall: 0.0",
        ),
        "prediction_collapse",
        True,
    ),
    "recall of 0 in one epoch only": (
        _log(
            "loss: 0.10 - acc: 0.87 - val_loss: 0.69 - val_acc: 0.5 - val_precision: 0.5 - val_recall: 0.4",
            "loss: 0.07 - acc: 0.90 - val_loss: 0.69 - val_acc: 0.5 - val_precision: 0.0 - val_recall: 0.0",
        ),
        "prediction_collapse",
        False,
    ),
    "means over no batch": (
        {"history": {"loss": [0.9, 0.8], "val_loss": ["nan", "nan"], "val_accuracy": ["nan", "nan"]}},
        "empty_validation",
        True,
    ),
    "means over no batch are no broken loss": (
        {"history": {"loss": [0.9, 0.8], "val_loss": ["nan", "nan"], "val_accuracy": ["nan", "nan"]}},
        "nan_loss",
        False,
    ),
    "a broken loss with an accuracy": (
        {"history": {"loss": [0.9, 0.8], "val_loss": ["nan", "nan"], "val_accuracy": [0.1, 0.1]}},
        "nan_loss",
        True,
    ),
    "a loss of nothing on training too": (
        {"history": {"loss": [0.0, 0.0], "val_loss": [0.0, 0.0]}, "notes": ["Dense(1, softmax)"]},
        "empty_validation",
        False,
    ),
    "a validation loss of nothing": (
        {"history": {"loss": [0.9, 0.8], "val_loss": [0.0, 0.0]}},
        "empty_validation",
        True,
    ),
    "a cost that comes apart": (
        {
            "history": {
                "epoch": [13, 14, 15, 16, 17, 18],
                "train_L": [0.006, 0.0062, 0.0069, 0.0085, 0.41, 2.6],
                "train_acc": [25.1, 19.3, 8.3, 0.5, 0.2, 0.2],
            }
        },
        "loss_divergence",
        True,
    ),
    "an accuracy of one of several heads": (
        {
            "evaluations": [
                {"split": "validation", "metrics": {"class_accuracy": 0.8794}},
                {"split": "test", "n": 5344, "metrics": {"class_accuracy": 0.1334}},
            ]
        },
        "validation_test_mismatch",
        True,
    ),
}


@pytest.mark.parametrize(("inputs", "code", "is_proved"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_figures_prove_together(inputs, code, is_proved):
    alarms = [one.code.value for one in diagnose(evidence_of_inputs(inputs)) if one.is_alarm]
    assert (code in alarms) == is_proved, alarms


@pytest.mark.parametrize(
    ("seconds", "is_proved"),
    [
        ((2, 0, 2, 0, 2, 0, 2), True),
        ((2, 0, 2, 0, 2, 0, 2, 0), True),
        ((60, 0, 61, 60, 60, 61, 60), True),
        ((2, 0, 2, 2, 2, 0, 2), False),
        ((1, 0, 1, 0, 1, 0, 1), False),
        ((60, 58, 61, 60, 60, 61, 60), False),
    ],
)
def test_an_epoch_of_a_moment_is_a_left_over_batch(seconds, is_proved):
    rows = [
        f"Epoch {n}/9\n71/71 [====] - {taken}s 30ms/step - loss: {0.9 / n:.4f} - acc: {1 - 0.3 / n:.4f}"
        for n, taken in enumerate(seconds, 1)
    ]
    codes = [one.code.value for one in diagnose(evidence_of_inputs({"console_log": "\n".join(rows)}))]
    assert ("generator_exhausted" in codes) == is_proved
