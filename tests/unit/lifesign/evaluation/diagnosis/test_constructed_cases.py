"""Constructed faults of each kind are found first; see also the laws and the benchmark."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.finding import DEFINITIONS, Code, Finding
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.testing.constructed_cases import CONSTRUCTED, Inputs

_Maker = Callable[[np.random.Generator], Inputs]
_MAKERS = [(code, maker) for code, makers in CONSTRUCTED.items() for maker in makers]
_DRAWS = 20


def _diagnosed(inputs: Inputs) -> list[Finding]:
    return diagnose(evidence_of_inputs(inputs))


def test_every_code_has_a_constructed_case_and_a_definition() -> None:
    assert set(CONSTRUCTED) == set(Code) == set(DEFINITIONS)


@pytest.mark.parametrize(("code", "maker"), _MAKERS, ids=[maker.__name__ for _, maker in _MAKERS])
def test_a_constructed_fault_is_found_first(code: Code, maker: _Maker) -> None:
    found = [_diagnosed(maker(np.random.default_rng(seed))) for seed in range(_DRAWS)]

    if code is Code.NO_PROBLEM:
        assert sum(any(finding.is_alarm for finding in findings) for findings in found) <= _DRAWS // 10
    else:
        assert sum(findings[0].code is code for findings in found) >= 0.9 * _DRAWS
        assert sum(code in {finding.code for finding in findings} for findings in found) >= 0.95 * _DRAWS


@pytest.mark.parametrize(("code", "maker"), _MAKERS, ids=[maker.__name__ for _, maker in _MAKERS])
def test_a_finding_states_its_proof_and_what_to_do(code: Code, maker: _Maker) -> None:
    for finding in _diagnosed(maker(np.random.default_rng(0))):
        assert finding.evidence.endswith(".")
        assert finding.remedy.endswith(".")
        assert 0 < finding.confidence <= 1
        assert any(character.isdigit() for character in finding.evidence) or code in (
            Code.WRONG_LOSS_ACTIVATION_PAIR,
            Code.SUSPECTED_LEAKAGE,
            Code.NO_PROBLEM,
        )


def test_the_turn_is_the_epoch_of_the_least_validation_loss() -> None:
    inputs: Inputs = {
        "history": {
            "loss": [1.0, 0.7, 0.5, 0.35, 0.2, 0.1, 0.05],
            "val_loss": [1.0, 0.8, 0.7, 0.75, 0.9, 1.1, 1.3],
        }
    }

    (finding,) = [one for one in _diagnosed(inputs) if one.code is Code.OVERFITTING]

    assert finding.details["turn_epoch"] == 3


def test_the_split_of_the_second_reference_system_is_rebuilt_from_counts_alone() -> None:
    shown = [550 / 1311, 541 / 1311, 524 / 1311]
    inputs: Inputs = {
        "history": {"acc": [0.95, 0.97, 0.99], "val_acc": [round(value, 4) for value in shown]},
        "class_counts": {"all": {"0": 2135, "1": 1472, "2": 760}},
        "notes": ["fit(X, y, validation_split=0.3)"],
    }

    first = _diagnosed(inputs)[0]

    assert first.code is Code.UNSHUFFLED_VALIDATION_SPLIT
    assert first.details["train_counts"] == [2135, 921, 0]
    assert first.details["validation_counts"] == [0, 551, 760]
    assert first.details["val_acc_ceiling"] == pytest.approx(551 / 1311, abs=1e-5)
    assert "551/1,311" in first.evidence


def test_a_validation_accuracy_above_the_ceiling_refutes_the_unshuffled_split() -> None:
    inputs: Inputs = {
        "history": {"acc": [0.8, 0.85, 0.9], "val_acc": [0.7, 0.72, 0.75]},
        "class_counts": {"all": {"0": 2135, "1": 1472, "2": 760}},
        "notes": ["fit(X, y, validation_split=0.3)"],
    }

    assert Code.UNSHUFFLED_VALIDATION_SPLIT not in {one.code for one in _diagnosed(inputs)}


@pytest.mark.parametrize(
    ("loss", "wrong", "is_saturated"),
    [(16.118095, 0.5, True), (15.942385, 0.25, True), (9.0, 0.5, False), (0.69, 0.5, False)],
)
def test_saturation_is_the_ratio_of_loss_and_error(loss: float, wrong: float, is_saturated: bool) -> None:
    evaluation = {"split": "test", "metrics": {"loss": loss * wrong, "accuracy": 1 - wrong}}

    codes = {one.code for one in _diagnosed({"evaluations": [evaluation]})}

    assert (Code.SATURATED_OUTPUTS in codes) is is_saturated


def test_nothing_given_is_no_problem_of_little_confidence() -> None:
    (finding,) = _diagnosed({})

    assert finding.code is Code.NO_PROBLEM
    assert finding.confidence < 0.5


def test_the_number_of_classes_is_read_off_a_loss_at_its_logarithm() -> None:
    log = "\n".join(
        f"Epoch {epoch}/9\n50000/50000 [==] - 9s - loss: {math.log(10) + 0.0003:.4f} - acc: 0.0{990 + epoch}"
        for epoch in range(3, 9)
    )

    codes = [one.code for one in _diagnosed({"console_log": log})]

    assert codes[0] is Code.CHANCE_LEVEL
    assert Code.NOT_LEARNING in codes


def test_a_network_of_one_mode_has_no_mode_mismatch() -> None:
    shown = {
        "loss": [0.12, 0.04, 0.03, 0.02, 0.015, 0.012, 0.01, 0.01],
        "accuracy": [0.95, 0.986, 0.99, 0.993, 0.995, 0.996, 0.997, 0.997],
        "val_loss": [2.5, 1.2, 5.4, 5.2, 4.3, 4.5, 6.9, 5.8],
        "val_accuracy": [0.57, 0.77, 0.45, 0.51, 0.56, 0.6, 0.36, 0.49],
    }

    known = {one.code for one in _diagnosed({"history": shown})}
    excluded = {
        one.code for one in _diagnosed({"history": shown, "notes": ["no batch normalisation, no dropout"]})
    }

    assert Code.TRAIN_INFERENCE_MODE_MISMATCH in known
    assert Code.TRAIN_INFERENCE_MODE_MISMATCH not in excluded


@pytest.mark.parametrize("units", [1, 2, 10])
def test_a_linear_output_without_logits_does_not_go_with_a_cross_entropy(units: int) -> None:
    notes = [f"Dense({units}, activation='linear')", "loss=SparseCategoricalCrossentropy()"]

    assert _diagnosed({"notes": notes})[0].code is Code.WRONG_LOSS_ACTIVATION_PAIR


@pytest.mark.parametrize(("code", "maker"), _MAKERS, ids=[maker.__name__ for _, maker in _MAKERS])
def test_an_explanation_is_excluded_once(code: Code, maker: _Maker) -> None:
    for seed in range(5):
        for finding in _diagnosed(maker(np.random.default_rng(seed))):
            named = [reason.partition(":")[0] for reason in finding.excluded]
            assert len(named) == len(set(named))
