"""How often a clean report alerts at all: bias, drift, regression and shortcuts tested together.

    python benchmarks/false_alarms.py --reports 1000
    python benchmarks/false_alarms.py --people --reports 2500

Every report is one of invented liveness predictions with ten skin tones, three devices and lightings, several
samples of each subject, a drift reference out of other subjects, and a baseline that differs by chance alone.
Measured: none of 300.

With ``--people`` only drift is tested, of image statistics alone: a reference of 2, 3, 5, 10 or 30 people
against as many others, 60 to 240 images a side, half of the variance between people.
Measured: none of 2,500.
"""

import argparse
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.alarm_budget import DRIFT
from lifesign.evaluation.metrics.drift import DriftState, drift_tests
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
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


_PEOPLE = tuple(product((2, 3, 5, 10, 30), repeat=2))
_FEATURES = 10


def _drifts(seed: int) -> bool:
    """Return whether people drifted from others of the same population."""
    rng = np.random.default_rng(seed)
    before, now = (_images(rng, people) for people in _PEOPLE[seed % len(_PEOPLE)])
    profile = ReferenceProfile.from_samples(before[0], subjects=before[1])
    state = DriftState.from_batch(profile, now[0], subjects=now[1])
    return any(test.material for test in drift_tests(profile, state, alpha=DRIFT))


def _images(
    rng: np.random.Generator, people: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    subjects = np.repeat(np.arange(people), max(8, 60 // people))
    own = rng.normal(size=(_FEATURES, people))[:, subjects]
    values = np.sqrt(0.5) * (own + rng.normal(size=own.shape))
    return {f"statistic_{row}": values[row] for row in range(_FEATURES)}, subjects


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first report")
    parser.add_argument("--people", action="store_true", help="drift of 2 to 30 people alone")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.reports)
    if options.people:
        drifted = Counter(_PEOPLE[seed % len(_PEOPLE)] for seed in seeds if _drifts(seed))
        _verdict(drifted.total(), options.reports, dict(drifted), DRIFT)
        return
    kinds: Counter[str] = Counter()
    alerted = 0
    for seed in seeds:
        found = _alerts(seed)
        kinds.update(found)
        alerted += bool(found)
    _verdict(alerted, options.reports, dict(kinds), 0.01)


def _verdict(alerted: int, reports: int, among: object, budget: float) -> None:
    print(f"{alerted} of {reports} clean reports alerted: {among}")
    if alerted > budget * reports:
        sys.exit(f"more than {budget:.1%}")


if __name__ == "__main__":
    main()
