"""AUC, ROC and DeLong's interval against scikit-learn and a direct calculation."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from lifesign.evaluation.metrics.delong import compare_areas
from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.precision_recall import average_precision, precision_recall
from lifesign.evaluation.metrics.roc_summaries import hull_eer, mean_curve, partial_auc, roc_hull
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc, roc

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


@pytest.mark.parametrize("digits", [0, 1, 2])
def test_scores_of_few_digits_lose_nothing_to_their_bins(digits):
    rng = np.random.default_rng(digits)
    truth = rng.random(2000) < 0.3
    scores = np.round(rng.beta(2 + 2 * truth, 4 - 2 * truth), digits)
    hist = ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores)
    result = auc(hist, {"p"}, {"n"})
    precision = average_precision(hist.pooled({"p"}), hist.pooled({"n"}), is_tied=hist.tied.is_tied)
    wins = (scores[truth][:, None] > scores[~truth]) + 0.5 * (scores[truth][:, None] == scores[~truth])
    error = np.sqrt(
        wins.mean(axis=1).var(ddof=1) / truth.sum() + wins.mean(axis=0).var(ddof=1) / (~truth).sum()
    )
    spread = 1.959964 * error / (wins.mean() * (1 - wins.mean()))
    margin = np.log(wins.mean() / (1 - wins.mean()))
    assert (result.certificate, precision.certificate) == (0, 0)
    assert result.value == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert precision.value == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    assert result.interval.lower == pytest.approx(1 / (1 + np.exp(spread - margin)))
    assert result.interval.upper == pytest.approx(1 / (1 + np.exp(-spread - margin)))


def test_tied_and_ordered_bins_together_are_within_their_certificate():
    truth, margin = _margins("chance", 1)
    scores = 1 / (1 + np.exp(-margin))
    scores = np.where(np.arange(SIZE) % 3 == 0, np.round(scores, 1), scores)
    hist = ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores)
    result = auc(hist, {"p"}, {"n"})
    blind = auc(ScoreHistogram(hist.groups, hist.counts), {"p"}, {"n"})
    assert abs(result.value - roc_auc_score(truth, scores)) <= result.certificate
    assert 0 < result.certificate <= blind.certificate


def test_classes_of_few_levels_have_the_areas_of_scikit_learn():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 3, 3000)
    scores = np.eye(3)[np.where(rng.random(3000) < 0.7, truth, rng.integers(0, 3, 3000))]
    state = MultiClassHistogram.from_batch(tuple("abc"), truth, scores)
    one_hot = np.eye(3)[truth]
    assert state.macro_certificate() == state.micro_auc().certificate == 0
    assert state.micro_auc().value == pytest.approx(roc_auc_score(one_hot, scores, average="micro"))
    assert state.macro_auc() == pytest.approx(roc_auc_score(one_hot, scores, average="macro"))
    for name, exact in zip("abc", average_precision_score(one_hot, scores, average=None), strict=True):
        assert state.average_precision_per_class()[name].value == pytest.approx(exact)


def test_multi_class_auc_is_one_vs_rest():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 20_000)
    logits = rng.normal(0, 1, (20_000, 5)) + 1.5 * np.eye(5)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    state = MultiClassHistogram.from_batch(tuple("abcde"), truth, scores)
    one_hot = np.eye(5)[truth]
    assert state.macro_auc() == pytest.approx(roc_auc_score(one_hot, scores, average="macro"), abs=1e-5)
    assert state.micro_auc().value == pytest.approx(roc_auc_score(one_hot, scores, average="micro"), abs=1e-5)


def test_macro_auc_is_within_its_certificate():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 20_000)
    logits = rng.normal(0, 1, (20_000, 4)) + 1.5 * np.eye(4)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    state = MultiClassHistogram.from_batch(tuple("abcd"), truth, scores)
    exact = roc_auc_score(np.eye(4)[truth], scores.astype(np.float32), average="macro")
    assert abs(state.macro_auc() - exact) <= state.macro_certificate() < 1e-2


@pytest.mark.parametrize("kind", ["calibrated", "over_confident", "imbalanced", "saturated", "chance"])
def test_average_precision_is_within_its_certificate(kind):
    truth, margin = _margins(kind, 0)
    scores = (1 / (1 + np.exp(-margin))).astype(np.float32)
    hist = ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores)
    result = average_precision(hist.pooled({"p"}), hist.pooled({"n"}))
    error = abs(result.value - average_precision_score(truth, scores))
    assert error <= result.certificate
    if kind == "calibrated":
        assert error <= 1e-5


def test_average_precision_per_class_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 5000)
    scores = rng.dirichlet([1, 1, 1], 5000) * 0.5 + 0.5 * np.eye(3)[truth] * rng.random((5000, 1))
    scores /= scores.sum(axis=1, keepdims=True)
    found = MultiClassHistogram.from_batch(tuple("abc"), truth, scores).average_precision_per_class()
    for index, name in enumerate("abc"):
        exact = average_precision_score(truth == index, scores[:, index].astype(np.float32))
        assert abs(found[name].value - exact) <= min(found[name].certificate + 1e-12, 1e-3)


def test_precision_recall_curve_of_separate_scores_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.choice(np.arange(1, 100) / 100, 500).astype(np.float32)
    truth = rng.random(500) < scores
    hist = ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores)
    curve = precision_recall(hist.pooled({"p"}), hist.pooled({"n"}))
    precision, recall, _ = precision_recall_curve(truth, scores)
    # Hundredths fall into different bins; scikit-learn goes the other way and adds the point (0, 1).
    assert curve.precision[::-1].tolist() == pytest.approx(precision[:-1].tolist())
    assert curve.recall[::-1].tolist() == pytest.approx(recall[:-1].tolist())


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 1.0])
def test_partial_area_is_that_of_scikit_learn(rate):
    truth, margin = _margins("calibrated", 1)
    scores = (1 / (1 + np.exp(-margin))).astype(np.float32)
    curve = roc(ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores), {"p"}, {"n"})
    assert partial_auc(curve, max_rate=rate) == pytest.approx(
        roc_auc_score(truth, scores, max_fpr=rate), abs=2e-5
    )


@pytest.mark.parametrize("seed", range(4))
def test_hull_is_that_of_pool_adjacent_violators(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(300) < 0.4
    scores = np.round(np.clip(rng.random(300) * 0.6 + 0.3 * truth, 0.01, 0.99), 2).astype(np.float32)
    curve = roc(ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores), {"p"}, {"n"})
    fitted = IsotonicRegression().fit(scores, truth).predict(scores).round(5)  # one level is one step
    levels = np.append(np.inf, np.unique(fitted)[::-1])
    x, y = (np.array([(fitted[side] >= level).mean() for level in levels]) for side in (~truth, truth))
    grid = np.linspace(0, 1, 200_001)
    height = np.interp(grid, x, y)
    assert np.interp(grid, *roc_hull(curve)) == pytest.approx(height, abs=1e-9)
    assert hull_eer(curve) == pytest.approx(grid[np.abs(height + grid - 1).argmin()], abs=1e-5)


def test_paired_areas_are_those_of_all_pairs():
    rng = np.random.default_rng(4)
    truth = rng.random(150) < 0.4
    scores = [np.round(rng.normal(shift * truth, 1), 1) for shift in (1.0, 1.6)]
    wins = [
        (one[truth][:, None] > one[~truth][None, :]) + 0.5 * (one[truth][:, None] == one[~truth][None, :])
        for one in scores
    ]
    change = wins[1] - wins[0]
    error = np.sqrt(
        change.mean(axis=1).var(ddof=1) / truth.sum() + change.mean(axis=0).var(ddof=1) / (~truth).sum()
    )
    found = compare_areas(*scores, truth)
    assert (found.baseline, found.current) == pytest.approx([roc_auc_score(truth, one) for one in scores])
    assert found.delta == pytest.approx(change.mean())
    assert found.interval.half_width == pytest.approx(1.959964 * error)


def test_paired_delong_is_right_about_two_equal_models():
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(1000):
        truth = np.repeat([True, False], 40)
        common = rng.normal(0, 1, 80) + 1.5 * truth
        one, two = (common + rng.normal(0, 0.7, 80) for _ in range(2))
        alarms += compare_areas(one, two, truth).p_value <= 0.05
    assert alarms / 1000 <= 0.065


def test_the_mean_curve_is_that_of_interpolated_curves_of_scikit_learn():
    rng = np.random.default_rng(5)
    true = rng.integers(0, 3, 600)
    logits = rng.normal(0, 1, (600, 3)) + 1.5 * np.eye(3)[true]
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    classes = MultiClassHistogram.empty(("a", "b", "c")).merge(
        MultiClassHistogram.from_batch(("a", "b", "c"), true, scores)
    )
    mean = mean_curve([roc(ScoreHistogram(("0", "1"), counts), ["1"], ["0"]) for counts in classes.counts])

    curves = [roc_curve(true == index, scores[:, index], drop_intermediate=False) for index in range(3)]
    places = np.linspace(0.0005, 0.9995, 500)  # binning moves a step by a sample of 200
    expected = np.mean([np.interp(places, x, y) for x, y, _ in curves], axis=0)
    found = np.interp(places, mean.false_positive_rate, mean.true_positive_rate)
    assert found == pytest.approx(expected, abs=0.01)
    assert classes.macro_auc() == pytest.approx(roc_auc_score(true, scores, multi_class="ovr"), abs=1e-4)
    area = np.trapezoid(mean.true_positive_rate, mean.false_positive_rate)
    assert area == pytest.approx(classes.macro_auc(), abs=1e-9)
