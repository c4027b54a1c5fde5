"""How often clean reports alert, and how often real changes are found, by simulation."""

import numpy as np
import pytest

from lifesign.evaluation.analysis.alarm_budget import DRIFT
from lifesign.evaluation.metrics.bias import group_gaps
from lifesign.evaluation.metrics.drift import DriftState, drift_tests
from lifesign.evaluation.metrics.intervals import Rate, clopper_pearson
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile

FEATURES = 10


def _clustered(rng, subjects, per_subject, correlation):
    people = np.repeat(np.arange(subjects), per_subject)
    own = rng.normal(0, 1, (FEATURES, subjects))[:, people]
    values = np.sqrt(correlation) * own + np.sqrt(1 - correlation) * rng.normal(0, 1, (FEATURES, len(people)))
    return values, people.astype(str)


def _alerts(rng, reference, current, correlation, shifts, *, alpha=0.01):
    values, people = _clustered(rng, *reference, correlation)
    samples = {f"f{row}": values[row] for row in range(FEATURES)}
    profile = ReferenceProfile.from_samples(samples, subjects=people)
    values, people = _clustered(rng, *current, correlation)
    values = values + np.array(shifts)[:, np.newaxis]
    samples = {f"f{row}": values[row] for row in range(FEATURES)}
    state = DriftState.from_batch(profile, samples, subjects=people)
    return any(test.material for test in drift_tests(profile, state, alpha=alpha))


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        ((2, 50), (2, 50)),
        ((3, 30), (3, 30)),
        ((30, 8), (2, 50)),
        ((30, 8), (3, 30)),
        ((3, 30), (30, 8)),
        ((5, 20), (2, 50)),
        ((5, 20), (10, 10)),
        ((30, 8), (30, 8)),
    ],
)
def test_a_few_people_drift_from_others_of_their_population_as_rarely_as_many(reference, current):
    rng = np.random.default_rng(18)
    alerts = sum(_alerts(rng, reference, current, 0.5, [0] * FEATURES, alpha=DRIFT) for _ in range(25))
    assert clopper_pearson(alerts, 25).lower <= DRIFT


@pytest.mark.parametrize(("current", "shift"), [((10, 10), 1.5), ((5, 20), 3.5)])
def test_a_large_shift_of_five_or_ten_people_is_found(current, shift):
    rng = np.random.default_rng(19)
    found = sum(_alerts(rng, (30, 8), current, 0.3, [shift] * FEATURES, alpha=DRIFT) for _ in range(20))
    assert found >= 18


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_clean_reports_of_few_people_rarely_drift(correlation):
    rng = np.random.default_rng(11)
    alerts = sum(_alerts(rng, (40, 10), (15, 13), correlation, [0] * FEATURES) for _ in range(40))
    # One per cent must stay believable: the exact interval of what was seen holds it.
    assert clopper_pearson(alerts, 40).lower <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("current", [(15, 13), (40, 8)], ids=["15 subjects", "40 subjects"])
def test_one_clean_report_in_a_hundred_may_drift(correlation, current):
    rng = np.random.default_rng(17)
    alerts = sum(_alerts(rng, (40, 10), current, correlation, [0] * FEATURES) for _ in range(500))
    assert clopper_pearson(alerts, 500).lower <= 0.01


def test_another_device_and_light_is_found_with_200_images_of_15_people():
    rng = np.random.default_rng(12)
    shifts = [0.8, -0.8, 0.8, 0.8] + [0] * 6  # D about 0.3
    found = sum(_alerts(rng, (40, 20), (15, 13), 0.3, shifts) for _ in range(30))
    assert found >= 27


def test_ignoring_people_would_raise_false_alarms():
    """The reason for effective sizes: the same clean reports without subjects alert nearly always."""
    rng = np.random.default_rng(13)
    alerts = 0
    for _ in range(10):
        reference, _ = _clustered(rng, 40, 10, 0.9)
        current, _ = _clustered(rng, 15, 13, 0.9)
        profile = ReferenceProfile.from_samples({f"f{row}": reference[row] for row in range(FEATURES)})
        state = DriftState.from_batch(profile, {f"f{row}": current[row] for row in range(FEATURES)})
        alerts += any(test.material for test in drift_tests(profile, state))
    assert alerts >= 9


@pytest.mark.parametrize(("rate", "size"), [(0.05, 400), (0.2, 60), (0.02, 1000)])
def test_unbiased_groups_alert_in_at_most_ten_of_a_thousand_reports(rate, size):
    rng = np.random.default_rng(14)
    reports = rng.binomial(size, rate, (1000, 10))
    alerts = 0
    for report in reports:
        gaps = group_gaps({f"g{index}": Rate(int(errors), size) for index, errors in enumerate(report)})
        alerts += bool(gaps.alerts)
    assert alerts <= 10


def test_one_group_at_15_against_5_percent_is_found():
    rng = np.random.default_rng(15)
    found = 0
    for _ in range(200):
        errors = rng.binomial(400, [0.15] + [0.05] * 9)
        gaps = group_gaps({f"g{index}": Rate(int(count), 400) for index, count in enumerate(errors)})
        found += [item.group for item in gaps.alerts] == ["g0"]
    assert found >= 190


def test_demo_gap_of_the_dark_skin_tones_is_found():
    rng = np.random.default_rng(16)
    found = 0
    for _ in range(200):
        errors = rng.binomial(60, [0.15, 0.15, 0.45])
        names = ("mst01-03", "mst04-06", "mst07-10")
        gaps = group_gaps({name: Rate(int(count), 60) for name, count in zip(names, errors, strict=True)})
        found += "mst07-10" in [item.group for item in gaps.alerts]
    assert found >= 170
