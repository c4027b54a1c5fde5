"""The statistics of the audit, held to definitions and to other libraries."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from lifesign.evaluation.audit.coverage import needed_without_errors
from lifesign.evaluation.audit.folds import (
    grouped_folds,
    linear_probabilities,
    out_of_fold,
    rate_probabilities,
)
from lifesign.evaluation.audit.label_noise import confident_suspects
from lifesign.evaluation.audit.metadata_coverage import cramers_v
from lifesign.evaluation.audit.shortcuts import name_lengths
from lifesign.evaluation.metrics.intervals import upper_bound


@pytest.mark.parametrize(("rate", "needed"), [(0.07, 42), (0.02, 149), (0.01, 299), (0.1, 29)])
def test_the_rule_of_three_is_exact(rate: float, needed: int) -> None:
    assert needed_without_errors(rate) == needed
    assert upper_bound(0, needed) <= rate < upper_bound(0, needed - 1)


def test_cramers_v_without_correction_is_scipys() -> None:
    # With 10^6 samples the correction vanishes.
    counts = np.array([[300_000, 100_000, 50_000], [150_000, 200_000, 200_000]])

    assert cramers_v(counts) == pytest.approx(stats.contingency.association(counts, "cramer"), abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ([[50, 0], [0, 50]], 1.0),
        ([[25, 25], [25, 25]], 0.0),
        ([[10, 5]], math.nan),
        ([[10, 0], [4, 0]], math.nan),
    ],
    ids=["follows", "independent", "one row", "one column in use"],
)
def test_cramers_v_at_its_ends(counts: list[list[int]], value: float) -> None:
    assert cramers_v(np.array(counts)) == pytest.approx(value, nan_ok=True)


def test_cramers_v_of_chance_is_near_zero_with_few_samples() -> None:
    rng = np.random.default_rng(3)
    tables = [
        np.histogram2d(rng.integers(0, 2, 60), rng.integers(0, 6, 60), bins=(2, 6))[0].astype(np.int64)
        for _ in range(200)
    ]

    assert np.mean([cramers_v(table) for table in tables]) < 0.12


def test_folds_keep_groups_whole_and_classes_even() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 1000)
    labels = (rng.random(1000) < 0.3).astype(np.int64)

    folds = grouped_folds(np.unique(groups, return_inverse=True)[1], labels)

    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
    shares = [labels[folds == fold].mean() for fold in range(5)]
    assert max(shares) - min(shares) < 0.08
    assert np.bincount(folds).min() > 150


def test_the_linear_rule_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 300)
    features = rng.normal(size=(600, 6)) + labels[:, np.newaxis] * np.array([1.0, 0.5, 0, 0, 0, -0.7])
    learned, judged = np.arange(0, 600, 2), np.arange(1, 600, 2)

    ours = linear_probabilities(features, labels, 2)(learned, judged)[:, 1]

    scale = StandardScaler().fit(features[learned])
    theirs = LogisticRegression(C=10).fit(scale.transform(features[learned]), labels[learned])
    expected = theirs.predict_proba(scale.transform(features[judged]))[:, 1]
    assert roc_auc_score(labels[judged], ours) == pytest.approx(
        roc_auc_score(labels[judged], expected), abs=0.005
    )
    assert np.abs(ours - expected).max() < 0.05


def test_a_rate_rule_finds_what_no_line_can() -> None:
    rng = np.random.default_rng(2)
    values = rng.uniform(-1, 1, 2000)
    labels = (np.abs(values) < 0.5).astype(np.int64)
    folds = rng.integers(0, 5, 2000)

    probabilities = out_of_fold(folds, 2, rate_probabilities(values, labels, 2))

    assert roc_auc_score(labels, probabilities[:, 1]) > 0.97


def test_a_rate_rule_learns_nothing_from_names_of_single_samples() -> None:
    labels = np.tile([0, 1], 200)
    names = np.array([f"file-{number}" for number in range(400)])
    folds = np.arange(400) // 2 % 5

    probabilities = out_of_fold(folds, 2, rate_probabilities(names, labels, 2))

    assert roc_auc_score(labels, probabilities[:, 1]) == pytest.approx(0.5, abs=0.05)


def test_suspects_are_the_flipped_labels_surest_first() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0])
    sure = np.array([0.98, 0.97, 0.99, 0.98, 0.03, 0.02, 0.01, 0.04, 0.05])
    probabilities = np.stack([sure, 1 - sure], axis=1)
    labels[2] = 1  # 0.99 for class 0

    assert confident_suspects(probabilities, labels).tolist() == [2, 8]


def test_doubt_near_the_border_is_no_suspicion() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.4, 0.2, 0.1, 0.6])

    assert confident_suspects(np.stack([first, 1 - first], axis=1), labels).tolist() == []


def test_file_names_are_measured_without_their_label_and_numbers() -> None:
    paths = ["a/s01_bona_fide_003.png", "b/s017_print_laser_12.jpg", "c/IMG_x.png"]

    assert name_lengths(paths, ["bona_fide", "attack", "print_laser"]).tolist() == [3, 3, 5]
