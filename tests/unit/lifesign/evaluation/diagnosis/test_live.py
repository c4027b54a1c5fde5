"""A running training is warned of when it turns: once, and not for noise."""

import math

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.finding import Code
from lifesign.evaluation.diagnosis.live import LiveDiagnosis, warning_line
from lifesign.testing.constructed_cases import CONSTRUCTED

_TURN = 8


def _warned(epochs: list[dict[str, float]]) -> list[tuple[int, Code]]:
    live = LiveDiagnosis()
    return [
        (number, finding.code)
        for number, figures in enumerate(epochs, start=1)
        for finding in live.on_epoch(figures)
    ]


def _turning(epochs: int) -> list[dict[str, float]]:
    return [
        {"loss": math.exp(-0.2 * epoch), "val_loss": 0.4 + 0.01 * abs(epoch - _TURN) ** 1.7}
        for epoch in range(1, epochs + 1)
    ]


def test_a_turn_is_told_once_and_a_few_epochs_after_it() -> None:
    warned = _warned(_turning(30))

    assert [code for _, code in warned] == [Code.OVERFITTING]
    assert _TURN + 2 < warned[0][0] <= _TURN + 8


def test_nothing_is_told_before_the_turn() -> None:
    assert _warned(_turning(_TURN)) == []


def test_a_loss_that_is_no_number_is_told_at_its_epoch() -> None:
    epochs = [{"loss": 0.7}, {"loss": 0.6}, {"loss": math.nan}, {"loss": math.nan}]

    assert _warned(epochs) == [(3, Code.NAN_LOSS)]


@pytest.mark.parametrize("seed", range(12))
def test_a_healthy_training_is_not_disturbed(seed: int) -> None:
    history = CONSTRUCTED[Code.NO_PROBLEM][0](np.random.default_rng(seed))["history"]
    epochs = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]

    assert _warned(epochs) == []


def test_a_warning_is_one_line_with_epoch_proof_and_remedy() -> None:
    live = LiveDiagnosis()
    (finding,) = live.on_epoch({"loss": math.nan})

    line = warning_line(finding, epoch=1)

    assert line.startswith("warning at epoch 1: nan loss: ")
    assert finding.remedy in line
    assert "\n" not in line
