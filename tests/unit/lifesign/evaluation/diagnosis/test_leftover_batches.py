"""An epoch of a moment among long ones: the iterator had run out."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

_ROW = "Epoch {}/4\n421/421 ━━━━ {}s 6ms/step - accuracy: {} - loss: {} - val_accuracy: 0.97 - val_loss: 0.09"


def _log(seconds: tuple[int, ...]) -> str:
    figures = ((0.95, 0.12), (1.0, 0.0026), (0.97, 0.08), (0.9375, 0.2))
    rows = zip(seconds, figures, strict=False)
    return "\n".join(_ROW.format(epoch, took, *row) for epoch, (took, row) in enumerate(rows, start=1))


def test_an_epoch_of_a_moment_is_left_out_and_named() -> None:
    found = diagnose(evidence_of_inputs({"console_log": _log((149, 3, 150))}))

    assert found[0].code.value == "generator_exhausted"
    assert found[0].details["epochs"] == [2]
    assert "149 s" in found[0].evidence


@pytest.mark.parametrize(
    "seconds",
    [(149, 3, 3, 3), (149, 60, 150), (1, 0, 1), (149, 3)],
    ids=["slow only at first", "not that quick", "less than whole seconds tell", "no epoch after it"],
)
def test_other_durations_prove_nothing(seconds: tuple[int, ...]) -> None:
    found = diagnose(evidence_of_inputs({"console_log": _log(seconds)}))

    assert "generator_exhausted" not in [finding.code.value for finding in found]
