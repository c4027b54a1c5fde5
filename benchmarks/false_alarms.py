"""How often a clean report alerts at all: bias, drift, regression and shortcuts tested together.

    python benchmarks/false_alarms.py --reports 1000

Every report is one of invented liveness predictions with ten skin tones, three devices and lightings, several
samples of each subject, a drift reference out of other subjects, and a baseline that differs by chance alone.
Measured: none of 300.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from lifesign.evaluation.report.document import AlertSeverity
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import liveness_spec, reference_of, report_of, write_run


def _alerts(seed: int) -> set[str]:
    """Return the kinds of alert at warning or critical of one clean report."""
    spec = liveness_spec(reference=reference_of(liveness_predictions(1_000_000 + seed, subjects=60)))
    before, now = (
        liveness_predictions(seed, subjects=50, score_seed=draw + seed) for draw in (2_000_000, 3_000_000)
    )
    with tempfile.TemporaryDirectory() as folder:
        report = report_of(now, spec, baseline=write_run(Path(folder), before, spec))
    return {alert.kind for alert in report.alerts if alert.severity is not AlertSeverity.INFO}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first report")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    alerted = 0
    for seed in range(options.first, options.first + options.reports):
        found = _alerts(seed)
        kinds.update(found)
        alerted += bool(found)
    print(f"{alerted} of {options.reports} clean reports alerted: {dict(kinds)}")
    if alerted > 0.01 * options.reports:
        sys.exit("more than one in a hundred")


if __name__ == "__main__":
    main()
