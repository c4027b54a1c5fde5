"""Epochs are told by the numbers that the log prints, in words, details and drawings."""

import re

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.page_figures import curve_figures
from lifesign.evaluation.diagnosis.wording import reading

_LOSSES = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
_VALIDATED = (0.95, 0.8, 0.7, 0.8, 0.9, 1.1, 1.3, 1.6)  # least in the third


def _log(numbers, *, seconds=None):
    """Return a Keras log of eight epochs with these numbers; ``seconds`` puts a short one after each."""
    lines = []
    for number, loss, validated in zip(numbers, _LOSSES, _VALIDATED, strict=True):
        lines.append(f"Epoch {number}/50\n100/100 - {seconds or 9}s - loss: {loss} - val_loss: {validated}")
        if seconds:
            lines.append(f"Epoch {number + 1}/50\n100/100 - 0s - loss: {loss} - val_loss: {validated}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("log", "turn", "last"),
    [
        (_log(range(1, 9)), 3, 8),
        (_log(range(27, 35)), 29, 34),
        (_log(range(8)), 2, 7),
        (_log(range(1, 17, 2), seconds=20), 5, 15),
        (_log((1, 2, 1, 2, 3, 4, 5, 6)), 3, 8),
    ],
    ids=["whole", "a later part", "from 0", "without left-over batches", "joined: its place"],
)
def test_a_turn_is_told_by_the_number_in_the_log(log, turn, last):
    evidence = evidence_of_inputs({"console_log": log})
    findings = diagnose(evidence)
    (overfitting,) = [finding for finding in findings if finding.code.value == "overfitting"]
    (_, drawing), *_ = curve_figures(evidence, findings)
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)

    assert overfitting.details["turn_epoch"] == turn
    assert f"least at epoch {turn} (0.7) and rises to 1.6 at epoch {last}" in overfitting.evidence
    assert f"Keep the weights of epoch {turn} " in overfitting.remedy
    assert any(f"best at epoch {turn} (0.7)" in sentence for sentence in reading(evidence))
    assert f"turn: {turn}" in labels
    # The dashed line stands at the third point of each curve.
    (line,) = re.findall(r'<line x1="([\d.]+)"[^>]*class="threshold"', drawing)
    curves = re.findall(r'<path d="M([^"]+)" class="curve', drawing)
    assert [curve.split("L")[2].split()[0] for curve in curves] == [line, line]
