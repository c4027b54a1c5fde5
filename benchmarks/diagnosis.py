"""How often the diagnosis finds a known cause, code by code, and how often it cries wolf.

    python benchmarks/diagnosis.py [FOLDER…] --draws 100

Open cases are the case files of the folders given (of ``LIFESIGN_CASES`` without any); constructed ones are
drawn, 100 for each maker of ``lifesign.testing.constructed_cases``. A hit is the code anywhere among the
findings, "on top" the code as the first of them. A false alarm of a code is a warning or error that an open
case excludes, or, in constructed cases, one in a run without a fault.

Measured: of 28 open cases 96 % have the first expected finding on top, of 3,400 constructed ones 98.7 %; no
false alarm in either.
"""

import argparse
import os
from collections import Counter
from pathlib import Path

import numpy as np

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.finding import Code
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.testing.constructed_cases import CONSTRUCTED
from lifesign.testing.diagnosis_scores import scored_cases

_BESIDE = Path(__file__).parents[2] / "shared" / "cases"


def _constructed(draws: int) -> tuple[Counter[Code], Counter[Code], Counter[Code], Counter[Code]]:
    """Return drawn cases, hits, hits on top and false alarms by code."""
    drawn, hits, on_top, false_alarms = Counter[Code](), Counter[Code](), Counter[Code](), Counter[Code]()
    for code, makers in CONSTRUCTED.items():
        for maker in makers:
            for seed in range(draws):
                findings = diagnose(evidence_of_inputs(maker(np.random.default_rng(seed))))
                drawn[code] += 1
                hits[code] += code in {finding.code for finding in findings}
                on_top[code] += findings[0].code is code
                if code is Code.NO_PROBLEM:
                    false_alarms.update(finding.code for finding in findings if finding.is_alarm)
    return drawn, hits, on_top, false_alarms


def main() -> None:
    """Print the table of codes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--draws", type=int, default=100)
    given = parser.parse_args()
    folders = given.folders or [Path(os.environ.get("LIFESIGN_CASES") or _BESIDE)]
    scores = scored_cases(folder for folder in folders if folder.is_dir())
    drawn, hits, on_top, false_alarms = _constructed(given.draws)
    print(f"{'':30}{'open cases':>22}{'constructed cases':>34}")
    print(f"{'code':30}{'hits':>12}{'false':>10}{'hits':>14}{'on top':>10}{'false':>10}")
    for code in Code:
        found = f"{scores.found[code]}/{scores.expected[code]}" if scores.expected[code] else "-"
        print(
            f"{code.value:30}{found:>12}{scores.false_alarms[code]:>10}{f'{hits[code]}/{drawn[code]}':>14}"
            f"{on_top[code] / drawn[code]:>10.0%}{false_alarms[code]:>10}"
        )
    if scores.cases:
        print(
            f"open cases: {scores.cases}; first on top {scores.first_on_top / scores.cases:.0%}, recall "
            f"{scores.recall:.0%}, with a false alarm {scores.with_false_alarm / scores.cases:.0%}, "
            f"healthy and clean {scores.healthy_clean} of {scores.healthy}"
        )
    total = sum(drawn.values())
    print(
        f"constructed cases: {total}; on top {sum(on_top.values()) / total:.1%}, "
        f"hits {sum(hits.values()) / total:.1%}"
    )


if __name__ == "__main__":
    main()
