"""How well diagnoses agree with cases whose cause is known."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.finding import Code
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs

__all__ = ["DiagnosisScores", "scored_cases"]


@dataclass
class DiagnosisScores:
    """Counts over cases: of all, and by code how often one was expected, found and a false alarm."""

    cases: int = 0
    first_on_top: int = 0
    with_false_alarm: int = 0
    healthy: int = 0
    healthy_clean: int = 0
    expected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """The share of all expected findings that were found."""
        return self.found.total() / self.expected.total()

    def add(self, case: Mapping[str, Any]) -> Self:
        """Diagnose a case as ``SCHEMA.md`` describes it, and count it; one that cannot be inferred is not."""
        if not case.get("inferable", True):
            return self
        findings = diagnose(evidence_of_inputs(case["inputs"], identifier=str(case.get("id", ""))))
        codes = [finding.code.value for finding in findings]
        expected, allowed = case["expected_findings"], case.get("acceptable", ())
        is_healthy = expected == [Code.NO_PROBLEM.value]
        wrong = [
            finding.code.value
            for finding in findings
            if finding.is_alarm
            and (finding.code in case.get("not_expected", ()) or (is_healthy and finding.code not in allowed))
        ]
        self.cases += 1
        self.first_on_top += codes[:1] == expected[:1]
        self.with_false_alarm += bool(wrong)
        self.healthy += is_healthy
        self.healthy_clean += is_healthy and not wrong
        self.expected.update(expected)
        self.found.update(code for code in expected if code in codes)
        self.false_alarms.update(wrong)
        return self


def scored_cases(folders: Iterable[Path]) -> DiagnosisScores:
    """Return the scores of all case files in folders."""
    scores = DiagnosisScores()
    for path in sorted(path for folder in folders for path in folder.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        if isinstance(document, dict) and "expected_findings" in document:
            scores.add(document)
    return scores
