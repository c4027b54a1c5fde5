"""The case files of a folder: ``LIFESIGN_CASES``, or ``shared/cases`` beside the repository."""

import os
from pathlib import Path

import pytest

from lifesign.testing.diagnosis_scores import DiagnosisScores, scored_cases

_BESIDE = Path(__file__).parents[6] / "shared" / "cases"


@pytest.fixture(scope="module")
def scores() -> DiagnosisScores:
    folder = Path(os.environ.get("LIFESIGN_CASES") or _BESIDE)
    found = scored_cases([folder]) if folder.is_dir() else DiagnosisScores()
    if not found.cases:
        pytest.skip(f"no case files in {folder}; name their folder in LIFESIGN_CASES")
    return found


def test_the_first_expected_finding_is_on_top(scores: DiagnosisScores) -> None:
    assert scores.first_on_top >= 0.85 * scores.cases


def test_the_expected_findings_are_found(scores: DiagnosisScores) -> None:
    assert scores.recall >= 0.85


def test_false_alarms_are_rare(scores: DiagnosisScores) -> None:
    assert scores.with_false_alarm <= 0.05 * scores.cases


def test_healthy_runs_are_clean(scores: DiagnosisScores) -> None:
    assert scores.healthy_clean >= 0.9 * scores.healthy
