"""Predictions as people have them: scores of bona fide, outputs of a sigmoid, one column a class."""

from pathlib import Path

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.inputs.files import read_cases

RNG = np.random.default_rng(5)


def _table(path: Path, header: str, rows: list[tuple[object, ...]]) -> Evidence:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    (evidence,), problems = read_cases([path])
    assert problems == []
    return evidence


def _found(evidence: Evidence, code: Code) -> Finding | None:
    return next((one for one in diagnose(evidence) if one.code == code), None)


@pytest.mark.parametrize(
    ("column", "bona_fide", "attack"),
    [
        ("label", "live", "spoof"),
        ("label", "real", "spoof"),
        ("label", "genuine", "attack"),
        ("label", "real", "fake"),
        ("label", "bona_fide", "attack"),
        ("is_attack", "0", "1"),
        ("is_attack", "False", "True"),
    ],
)
def test_a_score_is_of_bona_fide_whatever_the_labels_are_called(tmp_path, column, bona_fide, attack):
    high, low = RNG.beta(4, 2, 200).round(2), RNG.beta(2, 4, 200).round(2)
    rows = [(bona_fide, score) for score in high] + [(attack, score) for score in low]
    evidence = _table(tmp_path / "scores.csv", f"{column},score", rows)
    right = np.mean(np.r_[high >= 0.5, low < 0.5])
    assert evidence.matrix_accuracy == pytest.approx(right)
    assert _found(evidence, Code.LABEL_ENCODING_MISMATCH) is None


def test_a_probability_of_other_classes_is_of_the_second(tmp_path):
    rows = [("live wire", 0.1)] * 30 + [("spoof", 0.9)] * 30
    assert _table(tmp_path / "scores.csv", "label,probability", rows).matrix_accuracy == 1


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (("cat", "dog", "eel"), ""),
        (("Zebra", "apple", "Mouse"), ""),
        (("big cat", "Dog-x", "eel"), ""),
        (("cat", "dog", "eel", "hen"), "hen"),
    ],
)
@pytest.mark.parametrize("confidence", ["true", "too low", "too high"])
def test_calibration_is_of_the_named_columns(tmp_path, names, left_out, confidence):
    present = [name for name in names if name != left_out]
    rows = []
    for index in range(900):
        true = present[index % len(present)]
        chosen = true if RNG.random() < 0.8 else names[(names.index(true) + 1) % len(names)]
        top = {"true": 0.8, "too low": 0.45, "too high": 0.99}[confidence]
        others = (1 - top) / (len(names) - 1)
        rows.append((true, *(top if name == chosen else others for name in names)))
    header = "label," + ",".join(f"score_{name}" for name in names)
    evidence = _table(tmp_path / "scores.csv", header, rows)
    assert evidence.matrix_accuracy == pytest.approx(0.8, abs=0.05)
    found = _found(evidence, Code.MISCALIBRATION)
    if confidence == "true":
        assert found is None
    else:
        assert found is not None
        assert found.evidence.endswith({"too low": "too unsure.", "too high": "too sure."}[confidence])


def test_outputs_of_a_sigmoid_are_no_class_names():
    true = [0, 1] * 50
    given = {"y_true": true, "y_pred": [0.83 if one else 0.21 for one in true]}
    evidence = evidence_of_inputs({"predictions": given})
    assert evidence.classes == 2
    assert evidence.matrix_accuracy == 1


def test_answers_of_0_and_1_are_classes():
    given = {"y_true": [0, 1] * 50, "y_pred": [0.0, 1.0] * 50}
    evidence = evidence_of_inputs({"predictions": given})
    assert evidence.predictions is not None
    assert evidence.predictions.y_prob is None


def test_rows_that_fill_each_others_gaps_are_one_epoch(tmp_path):
    rows: list[tuple[object, ...]] = []
    for epoch in range(6):
        rows.append((epoch, 50, 1.4 / (epoch + 1), 0.4 + epoch / 20, "", ""))
        rows.append((epoch, 99, "", "", 1.5 / (epoch + 1), 0.38 + epoch / 20))
    evidence = _table(tmp_path / "metrics.csv", "epoch,step,train_loss,train_acc,val_loss,val_acc", rows)
    assert evidence.curves is not None
    assert len(evidence.curves) == 6
    assert evidence.curves.run_starts == (0,)
    np.testing.assert_allclose(evidence.curves.val_loss, [1.5 / (epoch + 1) for epoch in range(6)])


def test_rows_of_a_second_run_are_not_joined(tmp_path):
    rows = [(epoch, 1.4 / (epoch + 1)) for epoch in (0, 1, 2, 0, 1, 2)]
    evidence = _table(tmp_path / "metrics.csv", "epoch,loss", rows)
    assert evidence.curves is not None
    assert (len(evidence.curves), evidence.curves.run_starts) == (6, (0, 3))


def test_rounded_figures_of_a_dictionary_do_not_contradict_each_other():
    cat = {"precision": 0.9, "recall": 0.92, "f1-score": 0.91, "support": 100}
    dog = {"precision": 0.91, "recall": 0.89, "f1-score": 0.9, "support": 100}
    evidence = evidence_of_inputs({"classification_report": {"cat": cat, "dog": dog, "accuracy": 0.905}})
    assert [one.code for one in diagnose(evidence)] == [Code.NO_PROBLEM]


@pytest.mark.parametrize("inputs", [{"confusion_matrix": [[0, 0], [0, 0]]}, {"notes": ["two classes"]}, {}])
def test_where_nothing_can_be_judged_the_verdict_says_so(inputs):
    (found,) = diagnose(evidence_of_inputs(inputs))
    assert (found.code, found.confidence) == (Code.NO_PROBLEM, 0.3)
    assert "no figures" in found.evidence


def test_a_validation_every_few_epochs_is_read_where_it_is():
    losses = [1.5 / (epoch + 1) for epoch in range(20)]
    validated: list[float | None] = [
        loss + 0.1 if epoch % 5 == 4 else None for epoch, loss in enumerate(losses)
    ]
    found = _found(
        evidence_of_inputs({"history": {"loss": losses, "val_loss": validated}}), Code.STILL_IMPROVING
    )
    assert found is not None
    assert "nan" not in found.evidence
    assert "best at epoch 20 of 20" in found.evidence
    assert "over the last 11 epochs" in found.evidence
