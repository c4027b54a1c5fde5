"""AUC, ROC and DeLong's interval against scikit-learn and a direct calculation."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc

SIZE = 200_000


def _margins(kind, seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(SIZE) < (0.02 if kind == "imbalanced" else 0.5)
    margin = rng.normal(0, 1.5, SIZE) + np.where(truth, 1.6, -1.6)
    return truth, {
        "calibrated": margin,
        "over_confident": 6 * margin,
        "imbalanced": margin - 6,
        "saturated": 4 * margin + 12,
        "chance": rng.normal(0, 1, SIZE),
    }[kind]


def _binned(truth, margin, *, with_log_odds):
    scores = (1 / (1 + np.exp(-margin))).astype(np.float32)
    hist = ScoreHistogram.from_batch(
        ("attack", "bona_fide"), truth.astype(int), scores, log_odds=margin if with_log_odds else None
    )
    return scores, auc(hist, {"bona_fide"}, {"attack"})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["calibrated", "over_confident", "imbalanced", "saturated"])
def test_auc_of_scores_is_within_its_certificate_and_1e_5(kind, seed):
    truth, margin = _margins(kind, seed)
    scores, result = _binned(truth, margin, with_log_odds=False)
    error = abs(result.value - roc_auc_score(truth, scores))
    assert error <= result.certificate
    assert error <= 1e-5


def test_auc_at_chance_is_within_its_certificate():
    truth, margin = _margins("chance", 0)
    scores, result = _binned(truth, margin, with_log_odds=False)
    assert abs(result.value - roc_auc_score(truth, scores)) <= min(result.certificate, 3e-5)


@pytest.mark.parametrize("kind", ["calibrated", "over_confident", "imbalanced", "saturated"])
def test_auc_with_log_odds_is_that_of_the_log_odds(kind):
    truth, margin = _margins(kind, 7)
    _, result = _binned(truth, margin, with_log_odds=True)
    error = abs(result.value - roc_auc_score(truth, margin))
    assert error <= result.certificate
    assert error <= 1e-5


def test_log_odds_win_back_the_auc_that_saturated_scores_lose():
    truth, margin = _margins("saturated", 3)
    exact = roc_auc_score(truth, margin)
    lost = abs(_binned(truth, margin, with_log_odds=False)[1].value - exact)
    kept = abs(_binned(truth, margin, with_log_odds=True)[1].value - exact)
    assert lost > 1e-3
    assert kept < 1e-5


def test_delong_interval_is_that_of_all_pairs():
    rng = np.random.default_rng(1)
    positive, negative = rng.beta(4, 2, 300), rng.beta(2, 3, 200)
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    value = wins.mean()
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / 300 + wins.mean(axis=0).var(ddof=1) / 200)
    spread = 1.959964 * error / (value * (1 - value))
    margin = np.log(value / (1 - value))
    hist = ScoreHistogram.from_batch(
        ("n", "p"), np.repeat([1, 0], [300, 200]), np.concatenate([positive, negative])
    )
    result = auc(hist, {"p"}, {"n"})
    lower, upper = result.interval.lower + result.certificate, result.interval.upper - result.certificate
    assert lower == pytest.approx(1 / (1 + np.exp(spread - margin)), abs=3e-4)
    assert upper == pytest.approx(1 / (1 + np.exp(-spread - margin)), abs=3e-4)


def test_delong_interval_covers():
    rng = np.random.default_rng(5)
    true = 0.9213504  # Phi(2 / sqrt 2)
    covered = 0
    for _ in range(600):
        margin = np.concatenate([rng.normal(2, 1, 60), rng.normal(0, 1, 60)])
        hist = ScoreHistogram.from_batch(("n", "p"), np.repeat([1, 0], 60), 1 / (1 + np.exp(-margin)))
        covered += true in auc(hist, {"p"}, {"n"}).interval
    assert covered / 600 >= 0.93


def test_multi_class_auc_is_one_vs_rest():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 20_000)
    logits = rng.normal(0, 1, (20_000, 5)) + 1.5 * np.eye(5)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    state = MultiClassHistogram.from_batch(tuple("abcde"), truth, scores)
    one_hot = np.eye(5)[truth]
    assert state.macro_auc() == pytest.approx(roc_auc_score(one_hot, scores, average="macro"), abs=1e-5)
    assert state.micro_auc().value == pytest.approx(roc_auc_score(one_hot, scores, average="micro"), abs=1e-5)
