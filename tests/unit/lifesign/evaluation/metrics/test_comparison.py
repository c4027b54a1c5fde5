import math

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics.comparison import (
    NonInferiority,
    PairedCounts,
    compare_errors,
    mcnemar_exact,
    paired_difference,
)


def _wrong(*, both, baseline, current, total):
    one, two = np.zeros(total, bool), np.zeros(total, bool)
    one[: both + baseline] = True
    two[:both] = True
    two[both + baseline : both + baseline + current] = True
    return one, two


def test_change_is_current_minus_baseline():
    comparison = compare_errors(*_wrong(both=5, baseline=2, current=20, total=200))
    assert comparison.delta == pytest.approx(0.09)
    assert comparison.delta in comparison.interval
    assert comparison.interval.lower > 0
    assert comparison.p_value < 0.001
    assert comparison.current.errors == 25


def test_same_answers_are_no_change():
    comparison = compare_errors(*_wrong(both=10, baseline=0, current=0, total=200))
    assert comparison.delta == 0
    assert comparison.p_value == 1
    assert 0 in comparison.interval
    assert comparison.interval.half_width > 0


@pytest.mark.parametrize(
    ("counts", "margin", "verdict"),
    [
        ({"baseline": 3, "current": 3, "total": 2000}, 0.01, NonInferiority.NON_INFERIOR),
        ({"baseline": 0, "current": 100, "total": 1000}, 0.02, NonInferiority.INFERIOR),
        ({"baseline": 1, "current": 3, "total": 60}, 0.02, NonInferiority.UNDECIDED),
    ],
)
def test_non_inferiority_is_judged_by_the_limits(counts, margin, verdict):
    assert compare_errors(*_wrong(both=2, **counts)).non_inferiority(margin) is verdict


def test_change_that_sits_on_two_people_is_no_proof():
    one, two = _wrong(both=0, baseline=0, current=40, total=400)
    subjects = np.repeat([f"s{index}" for index in range(20)], 20)
    assert compare_errors(one, two).p_value < 1e-6
    clustered = compare_errors(one, two, subjects)
    assert clustered.p_value > 0.3
    assert clustered.interval.lower <= 0 < clustered.interval.upper


def test_clustered_comparison_is_the_same_every_time():
    rng = np.random.default_rng(0)
    one, two = rng.random(300) < 0.2, rng.random(300) < 0.3
    subjects = np.repeat(np.arange(30), 10)
    assert compare_errors(one, two, subjects) == compare_errors(one, two, subjects)


def test_no_samples_give_nan():
    comparison = compare_errors(np.array([], bool), np.array([], bool))
    assert math.isnan(comparison.delta)
    assert comparison.non_inferiority(0.1) is NonInferiority.UNDECIDED


def test_unpaired_arrays_are_refused():
    with pytest.raises(InputError, match=r"\(2,\) and \(3,\)"):
        compare_errors(np.zeros(2, bool), np.zeros(3, bool))


def test_mcnemar_without_discordant_samples_is_one():
    assert mcnemar_exact(0, 0) == 1


def test_paired_interval_covers_the_true_change():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(2000):
        cells = rng.multinomial(120, [0.82, 0.05, 0.09, 0.04])
        interval = paired_difference(PairedCounts(*(int(cell) for cell in cells)))
        covered += interval.lower <= 0.04 <= interval.upper
    assert covered / 2000 >= 0.94


def test_draws_in_blocks_are_those_of_one_go(monkeypatch):
    rng = np.random.default_rng(0)
    before, now, people = rng.random(300) < 0.2, rng.random(300) < 0.3, np.arange(300) // 3
    whole = compare_errors(before, now, people)
    monkeypatch.setattr("lifesign.evaluation.metrics.comparison._CELLS", 700)
    assert compare_errors(before, now, people) == whole
