"""What one figure says of another: the same loss, no correlation, a share of positives, another order."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs


def _codes(inputs):
    return [finding.code.value for finding in diagnose(evidence_of_inputs(inputs))]


def _evaluations(*metrics, split="test"):
    return [
        {"split": split, "method": f"way {place}", "n": 10000, "metrics": one}
        for place, one in enumerate(metrics)
    ]


def _report(*rows):
    """Return scikit-learn's report of (name, precision, recall, support)."""
    lines = [
        f"{name:>12}{p:10.2f}{r:10.2f}{2 * p * r / max(p + r, 1e-9):10.2f}{n:10d}" for name, p, r, n in rows
    ]
    total = sum(n for *_, n in rows)
    right = sum(r * n for _, _, r, n in rows) / total
    head = "              precision    recall  f1-score   support\n\n"
    return head + "\n".join(lines) + f"\n\n    accuracy{right:30.2f}{total:10d}\n"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"loss": 0.0616209, "accuracy": 0.0977}, {"loss": 0.0616209, "accuracy": 0.9825}, True),
        ({"loss": 0.0616209, "accuracy": 0.9824}, {"loss": 0.0616209, "accuracy": 0.9825}, False),
        ({"loss": 0.0616209, "accuracy": 0.0977}, {"loss": 0.0716209, "accuracy": 0.9825}, False),
        ({"loss": 0.06, "accuracy": 0.0977}, {"loss": 0.06, "accuracy": 0.9825}, False),
    ],
    ids=["same", "same accuracy", "other loss", "too few digits"],
)
def test_one_loss_with_two_accuracies_is_another_metric(first, second, told):
    inputs = {"evaluations": _evaluations(first, second), "n_classes": 10}

    assert ("metric_task_mismatch" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"evaluations": _evaluations({"mcc": 0.0, "accuracy": 0.7})}, True),
        ({"evaluations": _evaluations({"kappa": 0.0, "accuracy": 0.7})}, True),
        ({"evaluations": _evaluations({"mcc": 0.02, "accuracy": 0.7})}, False),
        ({"evaluations": _evaluations({"mcc": 0.0}), "confusion_matrix": [[900, 100], [0, 0]]}, False),
        ({"console_log": "\n".join(f"Ep {row} Loss= 0.6{row} mcc= 0.000" for row in range(1, 6))}, True),
        ({"console_log": "\n".join(f"Ep {row} Loss= 0.6{row} mcc= 0.{row}" for row in range(1, 6))}, False),
    ],
)
def test_no_correlation_at_all_is_one_answer(inputs, told):
    assert ("prediction_collapse" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("accuracy", "precision", "recall", "told"),
    [
        # 684 of 1000 are positive: 591 of them found, 231 falsely answered.
        (0.676, 0.719, 0.864, True),
        # Half are positive: 0.9 found, 0.1 falsely answered.
        (0.9, 0.9, 0.9, False),
        # 5 % are positive, and nearly all of them are found: a matter of the threshold.
        (0.95, 0.5, 0.98, False),
    ],
)
def test_accuracy_precision_and_recall_give_the_share_of_positives(accuracy, precision, recall, told):
    metrics = {"accuracy": accuracy, "precision": precision, "recall": recall}
    found = diagnose(evidence_of_inputs({"evaluations": _evaluations(metrics), "n_classes": 2}))
    paradox = [one for one in found if one.code.value == "accuracy_paradox"]

    assert bool(paradox) is told
    if told:
        assert paradox[0].details["majority_share"] == pytest.approx(0.684, abs=0.003)


@pytest.mark.parametrize(
    ("rows", "weak"),
    [
        ([("a", 0.55, 0.02, 1136), ("b", 0.51, 0.31, 3555), ("c", 0.60, 0.87, 5486)], ["a"]),
        (
            [("a", 0.5, 0.86, 4000), ("b", 0.6, 0.09, 210), ("c", 0.0, 0.0, 310), ("d", 0.65, 0.6, 3000)],
            ["b", "c"],
        ),
        ([("a", 0.55, 0.62, 1136), ("b", 0.61, 0.61, 3555), ("c", 0.60, 0.64, 5486)], []),
    ],
)
def test_classes_hardly_ever_found_are_weak_even_where_others_are_not_good(rows, weak):
    found = diagnose(evidence_of_inputs({"classification_report": _report(*rows)}))
    told = [sorted(one.details["classes"]) for one in found if one.code.value == "weak_class"]

    assert told == ([weak] if weak else [])


@pytest.mark.parametrize(("recalls", "told"), [((0.6, 0.41), False), ((0.95, 0.41), True)])
def test_of_two_classes_guessed_at_none_is_the_weak_one(recalls, told):
    report = _report(("no", 0.5, recalls[0], 12500), ("yes", 0.5, recalls[1], 12500))

    assert ("weak_class" in _codes({"classification_report": report})) is told


def test_a_report_in_another_order_of_the_classes_contradicts_nothing():
    matrix = [[386493, 225], [1823, 462]]
    rows = [("1", 0.67, 0.2, 2285), ("0", 1.0, 1.0, 386718)]
    inputs = {"confusion_matrix": matrix, "class_names": ["0", "1"], "classification_report": _report(*rows)}
    other = {**inputs, "classification_report": _report(("1", 0.67, 0.2, 2000), rows[1])}

    assert "inconsistent_inputs" not in _codes(inputs)
    assert "inconsistent_inputs" in _codes(other)


def _keras(rows, *, first=1, head=True):
    lines = []
    for number, row in enumerate(rows, start=first):
        if head or number > first:
            lines.append(f"Epoch {number}/50")
        figures = " - ".join(f"{name}: {value}" for name, value in row.items())
        lines.append(f"100/100 [======] - 9s 9ms/step - {figures}")
    return "\n".join(lines)


_SWINGS = (0.08, 0.23, 0.07, 0.02, 0.21, 0.01, 0.29, 0.78, 0.03, 0.5)


def test_a_callback_that_waits_for_another_name_is_no_empty_validation():
    rows = [
        {"loss": 0.02, "accuracy": 0.993, "val_loss": value, "val_accuracy": round(1 - value / 4, 4)}
        for value in _SWINGS
    ]
    waits = "WARNING:tensorflow:Can save best model only with val_acc available, skipping."
    alone = [{"loss": row["loss"], "accuracy": row["accuracy"]} for row in rows]

    assert "empty_validation" not in _codes({"console_log": f"{_keras(rows)}\n{waits}"})
    assert "empty_validation" in _codes({"console_log": f"{_keras(alone)}\n{waits}"})


@pytest.mark.parametrize(("classes", "told"), [(100, False), (10, True)])
def test_a_tail_that_is_better_than_a_guess_is_no_other_population(classes, told):
    row = {"loss": 0.3, "accuracy": 0.91, "val_loss": 15.9, "val_accuracy": 0.123}
    inputs = {
        "console_log": _keras([row]),
        "n_classes": classes,
        "notes": ["model.fit(validation_split=0.2)"],
    }

    assert ("unshuffled_validation_split" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("tested", "loss", "told"), [(0.926, 0.308, True), (0.926, 0.1, False), (0.97, 0.308, False)]
)
def test_a_test_loss_many_times_that_of_training_shows_a_smaller_gap(tested, loss, told):
    rows = [{"loss": round(0.08 - 0.01 * row, 3), "accuracy": 0.97 + 0.0035 * row} for row in range(5)]
    evaluations = _evaluations({"loss": loss, "accuracy": tested})

    assert ("overfitting" in _codes({"console_log": _keras(rows), "evaluations": evaluations})) is told


def test_a_log_whose_first_number_was_cut_off_begins_before_the_next():
    rows = [{"loss": 0.5 - 0.1 * row, "val_loss": 0.4} for row in range(4)]
    evidence = evidence_of_inputs({"console_log": _keras(rows, first=14, head=False)})

    assert evidence.curves.epochs == (14, 15, 16, 17)


def test_splits_may_be_written_into_the_name():
    log = "\n".join(
        f"Epoch {row}, TrainLoss: 0.{9 - row}, ValLoss: 0.{8 - row}, ValAcc: 0.{row}" for row in (1, 2, 3)
    )
    curves = evidence_of_inputs({"console_log": log}).curves

    assert curves.loss.tolist() == [0.8, 0.7, 0.6]
    assert curves.val_loss.tolist() == [0.7, 0.6, 0.5]
    assert curves.val_accuracy.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(("labels", "told"), [("1 and -1", True), ("-1 and 1", True), ("0 and 1", False)])
def test_labels_of_both_signs_do_not_go_with_cross_entropy(labels, told):
    notes = [f"labels are {labels}", "Dense(1, activation sigmoid), loss binary_crossentropy"]

    assert ("label_encoding_mismatch" in _codes({"notes": notes, "n_classes": 2})) is told


@pytest.mark.parametrize(("accuracy", "told"), [(0.997, False), (0.6, True)])
def test_a_loss_that_jumps_where_nothing_is_left_to_gain_is_no_fault(accuracy, told):
    losses = (0.0094, 0.0167, 0.0062, 0.0191, 0.0050, 0.0156, 0.0069, 0.0174, 0.0085)
    rows = [{"loss": loss, "accuracy": accuracy} for loss in losses]

    assert ("learning_rate_too_high" in _codes({"console_log": _keras(rows), "n_classes": 10})) is told


@pytest.mark.parametrize(("rest", "told"), [(5, True), (3, False)])
def test_answers_that_come_to_rest_at_the_share_of_a_class_are_one_answer(rest, told):
    moving = (0.58, 0.5045, 0.59, 0.4991, 0.53, 0.61, 0.5272)
    shown = (*moving[: 12 - rest], *[0.4973] * rest)
    rows = [{"loss": 0.69, "accuracy": value, "val_loss": 0.7, "val_accuracy": value} for value in shown]
    inputs = {"console_log": _keras(rows), "n_classes": 2}

    assert ("prediction_collapse" in _codes(inputs)) is told


def test_an_accuracy_above_1_shows_no_overfitting():
    row = {
        "loss": 8.7,
        "sparse_categorical_accuracy": 4.96,
        "val_loss": 1.09,
        "val_sparse_categorical_accuracy": 0.63,
    }
    codes = _codes({"console_log": _keras([row])})

    assert codes[0] == "inconsistent_inputs"
    assert "overfitting" not in codes


def test_three_epochs_of_accuracies_that_part_show_the_turn():
    history = {"epoch": [4, 5, 6], "accuracy": [0.549, 0.578, 0.601], "val_accuracy": [0.407, 0.404, 0.380]}

    assert _codes({"history": history, "n_classes": 1000})[0] == "overfitting"


@pytest.mark.parametrize(("accuracy", "told"), [(0.83, True), (0.76, False)])
def test_a_higher_loss_with_a_higher_accuracy_is_on_another_scale(accuracy, told):
    row = {"loss": 0.62, "accuracy": accuracy, "val_loss": 0.5, "val_accuracy": 0.77}

    assert ("loss_not_comparable" in _codes({"console_log": _keras([row] * 5), "n_classes": 2})) is told


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "history",
    [
        {"accuracy": [0.9, None, 0.95, None], "val_accuracy": [None, 0.0, None, 0.0]},
        {"loss": [1.0, 0.0, 0.0], "accuracy": [0.0, 1.0, 1.0], "val_accuracy": [3e-254, 0.0, 0.0]},
    ],
    ids=["in rows of their own", "next to nothing"],
)
def test_no_rule_fails_at_odd_accuracies(history):
    assert _codes({"history": history, "n_classes": 10})


def test_a_bare_accuracy_beside_that_of_training_is_of_other_data():
    log = "\n".join(
        f"epoch {row:2d}, train_acc {30 + 6 * row}.32, acc 3{9 - row % 3}.63" for row in range(1, 11)
    )
    evidence = evidence_of_inputs({"console_log": log, "n_classes": 5})

    assert evidence.curves.accuracy[-1] == pytest.approx(0.9032)
    assert evidence.curves.val_accuracy[-1] == pytest.approx(0.3863)
    assert _codes({"console_log": log, "n_classes": 5})[0] == "overfitting"


def test_a_log_of_test_accuracies_alone_is_read():
    log = "\n".join(f"Epoch {row}: Test accuracy 0.113" for row in range(10))

    assert "prediction_collapse" in _codes({"console_log": log, "n_classes": 10})


@pytest.mark.parametrize(("loss", "told"), [(5.27, True), (5.2, False), (4.1, False)])
def test_a_loss_alone_that_a_guess_costs_is_a_guess(loss, told):
    inputs = {"evaluations": _evaluations({"loss": loss}, split="train"), "n_classes": 196}

    assert ("chance_level" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ("confusion matrix on training rows: 20387 and 483, 150 and 26125", False),
        ("the confusion matrix is of the training set", True),
        ("the report was made on the full training data", True),
    ],
)
def test_figures_of_training_shown_beside_those_of_the_test_leak_nothing(note, told):
    inputs = {"evaluations": _evaluations({"accuracy": 0.91}), "notes": [note]}

    assert ("suspected_leakage" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("matrix", "told"),
    [([[55475, 1389], [8, 90]], False), ([[55475, 1389], [96, 2]], True)],
    ids=["found", "guessed"],
)
def test_a_rare_class_that_is_found_is_no_guess(matrix, told):
    assert ("chance_level" in _codes({"confusion_matrix": matrix})) is told


@pytest.mark.parametrize(
    ("loss", "accuracy", "told"), [(0.0, 0.774, True), (0.0, 1.0, False), (0.4, 0.774, False)]
)
def test_no_loss_with_wrong_answers_is_of_a_single_output(loss, accuracy, told):
    inputs = {"evaluations": _evaluations({"loss": loss, "accuracy": accuracy}), "n_classes": 3}

    assert ("wrong_loss_activation_pair" in _codes(inputs)) is told


@pytest.mark.parametrize(
    ("train", "test", "told"), [(0.987, 0.91, True), (0.95, 0.88, False), (0.999, 0.96, False)]
)
def test_many_times_the_errors_show_a_smaller_gap(train, test, told):
    evaluations = [*_evaluations({"accuracy": train}, split="train"), *_evaluations({"accuracy": test})]

    assert ("overfitting" in _codes({"evaluations": evaluations})) is told
