"""Training and matrix are diagnosed: of the matrix what no alert says, and nothing that a threshold means."""

import numpy as np
import pytest

from lifesign.evaluation.analysis.diagnosis import (
    SourcedFinding,
    diagnosis_rows,
    matrix_findings,
    training_findings,
)
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding, Severity
from lifesign.evaluation.diagnosis.inputs.run_folders import training_curves
from lifesign.evaluation.report.document import Alert, AlertSeverity, ConfusionDocument

_WEAK = ((95, 3, 2), (2, 96, 2), (60, 10, 30))
_LOPSIDED = ((140, 60), (1, 199))


def _confusion(counts: tuple[tuple[int, ...], ...]) -> ConfusionDocument:
    names = tuple(f"kind {index}" for index in range(len(counts)))
    return ConfusionDocument(
        class_names=names, counts=counts, no_response=(0,) * len(counts), decision="argmax"
    )


def _alert(kind: str) -> Alert:
    return Alert.model_validate(
        {
            "kind": kind,
            "severity": AlertSeverity.WARNING,
            "title": "t",
            "sentence": "s",
            "remedy": "r",
            "evidence": {},
        }
    )


@pytest.mark.parametrize(
    ("counts", "alerts", "has_chosen_threshold", "expected"),
    [
        (_WEAK, (), False, ["weak_class"]),
        (_WEAK, (), True, []),
        (_LOPSIDED, (), False, ["decision_threshold"]),
        (_LOPSIDED, (), True, []),
        (((0, 100), (0, 100)), (), False, ["prediction_collapse", "chance_level"]),
        (((0, 100), (0, 100)), ("constant_scores",), False, []),
        (((95, 5), (5, 95)), (), False, []),
        (((0, 0), (0, 0)), (), False, []),
    ],
    ids=[
        "weak class",
        "weak on purpose",
        "lopsided",
        "lopsided on purpose",
        "collapse",
        "said by an alert",
        "healthy",
        "nothing answered",
    ],
)
def test_findings_are_those_that_no_alert_tells(counts, alerts, has_chosen_threshold, expected) -> None:
    found = matrix_findings(
        _confusion(counts), [_alert(kind) for kind in alerts], has_chosen_threshold=has_chosen_threshold
    )
    rows = diagnosis_rows(found)

    assert [row.code for row in rows] == expected


def test_a_row_states_its_proof_and_what_to_do() -> None:
    (row,) = diagnosis_rows(matrix_findings(_confusion(_WEAK), (), has_chosen_threshold=False))

    assert row.source == "evaluation"
    assert "30" in row.evidence
    assert "kind 2" in row.evidence
    assert row.remedy


_EPOCHS = np.arange(12)
_FALLING = 1.1 * np.exp(-0.25 * _EPOCHS) + 0.05
_TURNED = np.concatenate([np.linspace(1.0, 0.5, 5), np.linspace(0.58, 1.1, 7)])


def _training(dev_loss, dev_accuracy=None):
    """A training of 12 epochs on three classes, 1,000 samples to learn from and 500 to choose by."""
    shown = np.linspace(0.6, 0.9, 12) if dev_accuracy is None else dev_accuracy
    columns = {
        "train_loss": _FALLING,
        "train_accuracy": np.linspace(0.6, 0.95, 12),
        "dev_loss": dev_loss,
        "dev_accuracy": shown,
    }
    records = [{"epoch": row + 1, **{name: one[row] for name, one in columns.items()}} for row in range(12)]
    sizes = {"train": 999, "validation": 501, "test": 300}
    names = ("kind 0", "kind 1", "kind 2")
    counts = {split: ClassCounts(dict.fromkeys(names, size // 3)) for split, size in sizes.items()}
    return Evidence(curves=training_curves(records), class_names=names, n_classes=3, counts=counts)


@pytest.mark.parametrize("kept", [5, 11, 12], ids=["the best epoch", "a late epoch", "the last epoch"])
def test_a_turn_is_a_warning_only_where_later_weights_were_kept(kept) -> None:
    found = training_findings(_training(_TURNED), kept_epoch=kept, tested=None)
    turn = next(one.finding for one in found if one.finding.code is Code.OVERFITTING)

    is_before = kept == 5
    assert {one.source for one in found} == {"training"}
    assert turn.severity is (Severity.INFO if is_before else Severity.WARNING)
    assert ("has the weights of epoch 5, from before that" in turn.evidence) == is_before
    assert turn.remedy.startswith("Nothing for this version.") == is_before


def test_a_fault_of_the_whole_training_stays_a_warning_whichever_epoch_was_kept() -> None:
    swinging = 0.7 + 0.2 * np.tile([1, -1], 6)
    found = training_findings(_training(1.2 - swinging, dev_accuracy=swinging), kept_epoch=2, tested=None)

    [unstable] = [one.finding for one in found if one.finding.code is Code.UNSTABLE_VALIDATION]
    assert unstable.severity is Severity.WARNING


_GOOD_CURVES = {"dev_loss": _FALLING + 0.05, "dev_accuracy": np.linspace(0.62, 0.93, 12)}
_MUCH_WORSE = ((60, 22, 18), (20, 58, 22), (21, 19, 60))
_AS_GOOD = ((93, 4, 3), (3, 92, 5), (4, 4, 92))


@pytest.mark.parametrize(
    ("tested", "codes"),
    [
        (_MUCH_WORSE, {"validation_test_mismatch"}),
        (_AS_GOOD, set()),
        (None, set()),
        (((0, 0, 0),) * 3, set()),
    ],
    ids=["disagrees", "agrees", "other images", "nothing answered"],
)
def test_only_the_test_split_of_that_training_is_held_against_it(tested, codes) -> None:
    found = training_findings(
        _training(**_GOOD_CURVES),
        kept_epoch=12,
        tested=None if tested is None else _confusion(tested),
    )

    assert {one.finding.code.value for one in found if one.source == "both"} == codes
    assert not [one for one in found if one.source == "training"]


def test_what_one_side_proves_alone_is_not_said_of_both() -> None:
    found = training_findings(_training(_TURNED), kept_epoch=12, tested=_confusion(_WEAK))

    told = {
        source: {one.finding.code for one in found if one.source == source} for source in ("training", "both")
    }
    assert Code.OVERFITTING in told["training"]
    assert not told["both"] & (told["training"] | {Code.WEAK_CLASS})


def test_the_severest_come_first_else_the_order_stays() -> None:
    kinds = ((Code.WEAK_CLASS, Severity.WARNING), (Code.OVERFITTING, Severity.INFO))
    kinds = (*kinds, (Code.CHANCE_LEVEL, Severity.ERROR), (Code.CLASS_IMBALANCE, Severity.WARNING))
    found = [SourcedFinding("training", Finding(code, severity, 0.8, "e", "r")) for code, severity in kinds]

    rows = diagnosis_rows(found)

    assert [row.code for row in rows] == ["chance_level", "weak_class", "class_imbalance", "overfitting"]
