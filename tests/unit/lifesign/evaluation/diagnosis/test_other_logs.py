"""Logs of other trainers than Keras: tables, boosted trees, records, counted steps, R's summary."""

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.inputs.classification_report import read_classification_report
from lifesign.evaluation.diagnosis.inputs.console_log import read_console_log

_BOTH = {"loss": [0.5, 0.3], "val_loss": [0.6, 0.7]}
_FASTAI = """epoch     train_loss  valid_loss  accuracy  time
0         0.5         0.6         0.75      00:12
1         0.3         0.7         0.76      00:12"""
_SKORCH = """  epoch    train_loss    valid_acc    valid_loss     dur
-------  ------------  -----------  ------------  ------
      1        0.5       0.75        0.6  0.0883
      2        0.3       0.76        0.7  0.0613"""
_PIPES = """| Epoch | Train Loss | Train Acc | Valid Loss | Valid Acc | Time (s) |
|-------|------------|-----------|------------|-----------|----------|
| 1 | 0.5 | 80% | 0.6 | 75% | 16.2 |
| 2 | 0.3 | 90% | 0.7 | 76% | 14.1 |"""
_NOTEBOOK = "Epoch\tTraining Loss\tValidation Loss\tAccuracy\n1\t0.5\t0.6\t0.75\n2\t0.3\t0.7\t0.76"
_RECORDS = """{'loss': 0.9, 'grad_norm': 3.1, 'learning_rate': 2e-05, 'epoch': 0.5}
{'loss': 0.5, 'grad_norm': 3.1, 'learning_rate': 2e-05, 'epoch': 1.0}
{'eval_loss': 0.6, 'eval_accuracy': 0.75, 'eval_runtime': 3.2, 'epoch': 1.0}
{'loss': 0.3, 'grad_norm': 3.1, 'learning_rate': 1e-05, 'epoch': 2.0}
{'eval_loss': 0.7, 'eval_accuracy': 0.76, 'eval_runtime': 3.2, 'epoch': 2.0}
{'train_runtime': 61.5, 'train_loss': 0.4, 'epoch': 2.0}"""
_TUTORIAL = """Epoch 0/1
----------
train Loss: 0.5 Acc: 0.80
val Loss: 0.6 Acc: 0.75

Epoch 1/1
----------
train Loss: 0.3 Acc: 0.90
val Loss: 0.7 Acc: 0.76"""
_LIGHTGBM = """[10]\ttraining's binary_logloss: 0.5\tvalid_1's binary_logloss: 0.6
[20]\ttraining's binary_logloss: 0.3\tvalid_1's binary_logloss: 0.7"""
_XGBOOST = """[0]\tvalidation_0-rmse:0.5\tvalidation_1-rmse:0.6
[1]\tvalidation_0-rmse:0.3\tvalidation_1-rmse:0.7"""

_PYTORCH = """Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.3
Train Epoch: 1 [59520/60000 (99%)]\tLoss: 0.5

Test set: Average loss: 0.6, Accuracy: 7500/10000 (75%)

Train Epoch: 2 [59520/60000 (99%)]\tLoss: 0.3

Test set: Average loss: 0.7, Accuracy: 7600/10000 (76%)"""
_QUICKSTART = """Epoch 1
-------------------------------
loss: 2.3  [   64/60000]
loss: 0.5  [57664/60000]
Test Error:
 Accuracy: 75.0%, Avg loss: 0.6

Epoch 2
-------------------------------
loss: 0.3  [57664/60000]
Test Error:
 Accuracy: 76.0%, Avg loss: 0.7"""
_TFLEARN = """Training Step: 1407  | total loss: 0.48
| Adam | epoch: 001 | loss: 0.5 - acc: 0.80 | val_loss: 0.6 - val_acc: 0.75 -- iter: 90000/90000
--
Training Step: 2813  | total loss: 0.33
| Adam | epoch: 002 | loss: 0.4 - acc: 0.85 -- iter: 64/90000
Training Step: 2814  | total loss: 0.31
| Adam | epoch: 002 | loss: 0.3 - acc: 0.90 | val_loss: 0.7 - val_acc: 0.76 -- iter: 09216/90000"""
_LIGHTNING = """Epoch 0: 100%|███| 469/469 [00:05<00:00, 90.1it/s, loss (batch)=0.5, v_num=3, val_loss=0.6]
Epoch 1: 100%|███| 469/469 [00:05<00:00, 90.1it/s, loss (batch)=0.3, v_num=3, val_loss=0.7]"""


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (_FASTAI, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        (_SKORCH, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        (_PIPES, {**_BOTH, "accuracy": [0.8, 0.9], "val_accuracy": [0.75, 0.76]}),
        (_NOTEBOOK, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        ("epoch,loss,val_loss\n0,0.5,0.6\n1,0.3,0.7", _BOTH),
        (_RECORDS, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        (_TUTORIAL, {**_BOTH, "accuracy": [0.8, 0.9], "val_accuracy": [0.75, 0.76]}),
        (_PYTORCH, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        (_QUICKSTART, {**_BOTH, "val_accuracy": [0.75, 0.76]}),
        (_TFLEARN, {**_BOTH, "accuracy": [0.8, 0.9], "val_accuracy": [0.75, 0.76]}),
        (_LIGHTNING, _BOTH),
        (_LIGHTGBM, _BOTH),
        (_XGBOOST, _BOTH),
        ("[0]\ttrain-logloss:0.5\tvalid-logloss:0.6\n[9]\ttrain-logloss:0.3\tvalid-logloss:0.7", _BOTH),
        ("[501/2000] train loss: 0.5, val_loss: 0.6\n[601/2000] train loss: 0.3, val_loss: 0.7", _BOTH),
        ("step 0: train loss 0.5, val loss 0.6\nstep 250: train loss 0.3, val loss 0.7", _BOTH),
        ("epoch 1, loss 0.5, test loss 0.6\nepoch 2, loss 0.3, test loss 0.7", _BOTH),
    ],
    ids=[
        "fastai",
        "skorch",
        "pipes",
        "hugging face's table",
        "csv within a log",
        "hugging face's records",
        "the line's split is that of its names",
        "pytorch's example",
        "pytorch's quickstart",
        "tflearn",
        "lightning",
        "lightgbm",
        "xgboost, sets by number",
        "xgboost",
        "counted in brackets",
        "steps",
        "nothing between name and figure",
    ],
)
def test_other_trainers_lines_are_epochs(log: str, expected: dict[str, list[float]]) -> None:
    curves = read_console_log(log)

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == expected
    assert curves.run_starts == (0,)


def test_records_of_training_alone_are_kept_each() -> None:
    curves = read_console_log("{'loss': 0.9, 'epoch': 0.5}\n{'loss': nan, 'epoch': 1.0}")

    assert curves is not None
    assert curves.first_broken == ("loss", 1)


def test_a_figure_that_is_no_loss_of_the_trees_stays_what_it_is() -> None:
    assert read_console_log("[0]\ttrain-auc:0.81\tvalid-auc:0.70") is None


def test_steps_within_an_epoch_are_no_epochs() -> None:
    curves = read_console_log(
        "Epoch 1/2\n[100/200] loss: 0.9\nEpoch 2/2\n[100/200] loss: 0.8\n[200/200] loss: 0.7"
    )

    assert curves is not None
    assert curves.epochs == (2,)


def test_the_last_states_of_bars_that_were_never_finished_are_kept() -> None:
    line = "Epoch [{}/2], Step [{}/600], Loss: {}"
    curves = read_console_log("\n".join(map(line.format, [1, 1, 2], [100, 500, 500], [0.9, 0.5, 0.3])))

    assert curves is not None
    assert curves.series["loss"].tolist() == [0.5, 0.3]


def test_the_summary_that_r_prints_is_the_last_epoch() -> None:
    curves = read_console_log(
        "Trained on 48,000 samples, validated on 12,000 samples (batch_size=128, epochs=25)\n"
        "Final epoch (plot to see history):\n"
        "val_loss: 0.15\n     val_acc: 0.97\n        loss: 0.002\n         acc: 0.99"
    )

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == {
        "val_loss": [0.15],
        "val_accuracy": [0.97],
        "loss": [0.002],
        "accuracy": [0.99],
    }
    assert (curves.epochs, curves.train_samples, curves.validation_samples) == ((25,), 48000, 12000)


@pytest.mark.parametrize(
    "text",
    [
        "The loss 0.5 was too high.",
        "epoch and loss are columns",
        "step 3 of the recipe",
        "[1/2] copied 3 files",
    ],
)
def test_prose_is_no_log(text: str) -> None:
    assert read_console_log(text) is None


def test_imbalanced_learns_report_has_columns_of_its_own() -> None:
    report = read_classification_report(
        "             pre       rec       spe        f1       geo       iba       sup\n"
        "  high       0.03      0.82      0.84      0.06      0.83      0.69       101\n"
        "   low       1.00      0.84      0.82      0.91      0.83      0.69     17104\n"
        "avg / total  0.99      0.84      0.82      0.91      0.83      0.69     17205"
    )

    assert report is not None
    assert report.names == ("high", "low")
    assert np.c_[report.precision, report.recall, report.f1, report.support].tolist() == [
        [0.03, 0.82, 0.06, 101],
        [1.0, 0.84, 0.91, 17104],
    ]


def test_an_evaluation_after_a_line_without_heading_is_no_epoch() -> None:
    curves = read_console_log(
        "# 1059/1059 [=====] - 61s 6ms/step - loss: 0.19 - acc: 0.93 - val_loss: 0.69 - val_acc: 0.76\n"
        "83/83 [=====] - 2s 9ms/step - loss: 0.69 - acc: 0.76"
    )

    assert curves is not None
    assert curves.series["loss"].tolist() == [0.19]
    assert curves.steps == 1059


@pytest.mark.parametrize(
    "line",
    [
        "Epoch 1/10 | Train Loss: 0.5 Acc: 0.80 | Val Loss: 0.6 Acc: 0.75",
        "Epoch 1, train loss: 0.5 (acc: 80.0%), val loss: 0.6 (acc: 75.0%)",
        "Epoch 1: Train: loss 0.5 acc 0.8 | Val: loss 0.6 acc 0.75",
        "Epoch 1 [Train] loss=0.5 acc=0.8 [Val] loss=0.6 acc=0.75",
        "Epoch 1 loss: 0.5, val loss: 0.6, acc: 0.8, val acc: 0.75",
        "Ep 1/9: train_loss 0.5 train_acc 0.8 val_loss 0.6 val_acc 0.75",
        "Epoch 1 Train Loss: 0.5 Val Loss: 0.6 Train Acc: 0.8 Val Acc: 0.75 Test Acc: 0.72",
        '{"epoch": 1, "train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.75}',
        "Epoch 1/9\nTraining: 100%|███| 10/10 [00:01<00:00, loss=0.5, acc=0.8]\n"
        "Validation: 100%|███| 3/3 [00:01<00:00, loss=0.6, acc=0.75]",
    ],
    ids=[
        "bar",
        "brackets around accuracies",
        "colon",
        "square brackets",
        "own names after it",
        "ep",
        "test beside validation",
        "json",
        "tqdm",
    ],
)
def test_a_name_has_the_split_of_the_word_before_it(line: str) -> None:
    curves = read_console_log(line)

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == {
        "loss": [0.5],
        "accuracy": [0.8],
        "val_loss": [0.6],
        "val_accuracy": [0.75],
    }


def test_a_line_of_blanks_does_not_take_the_square_of_its_length() -> None:
    assert read_console_log(_FASTAI + "\nepoch" + " " * 1_000_000 + "loss\n2" + " " * 1_000_000) is not None
