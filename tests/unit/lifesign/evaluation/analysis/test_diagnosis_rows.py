"""The report's own matrix is diagnosed: only what no alert says, and nothing that a threshold means."""

import pytest

from lifesign.evaluation.analysis.diagnosis import diagnosis_rows
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
    rows = diagnosis_rows(
        _confusion(counts), [_alert(kind) for kind in alerts], has_chosen_threshold=has_chosen_threshold
    )

    assert [row.code for row in rows] == expected


def test_a_row_states_its_proof_and_what_to_do() -> None:
    (row,) = diagnosis_rows(_confusion(_WEAK), (), has_chosen_threshold=False)

    assert "30" in row.evidence
    assert "kind 2" in row.evidence
    assert row.remedy
