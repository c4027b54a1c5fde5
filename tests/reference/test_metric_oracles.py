"""Rates, intervals, tests and corrections against scikit-learn, scipy and statsmodels."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.contingency_tables import SquareTable, StratifiedTable, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from lifesign.evaluation.metrics.bias import fisher_exact, stratified_p_value
from lifesign.evaluation.metrics.calibration import ReliabilityCounts
from lifesign.evaluation.metrics.comparison import mcnemar_exact
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.drift import DriftState, drift_tests
from lifesign.evaluation.metrics.equal_mass_calibration import FineReliability
from lifesign.evaluation.metrics.intervals import clopper_pearson, newcombe_difference, wilson
from lifesign.evaluation.metrics.multiplicity import benjamini_hochberg, holm
from lifesign.evaluation.metrics.prediction_bias import prediction_bias
from lifesign.evaluation.metrics.probability_scores import ProbabilityScores
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, roc
from lifesign.evaluation.metrics.temperature import fit_temperature

COUNTS = [(0, 20), (1, 20), (3, 150), (75, 150), (149, 150), (150, 150)]


@pytest.mark.parametrize(("errors", "total"), COUNTS)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("ours", "method"), [(clopper_pearson, "beta"), (wilson, "wilson")])
def test_rate_intervals_are_those_of_statsmodels(errors, total, level, ours, method):
    expected = proportion_confint(errors, total, alpha=1 - level, method=method)
    interval = ours(errors, total, level=level)
    assert (interval.lower, interval.upper) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [((3, 150), (9, 120)), ((0, 50), (4, 60)), ((20, 40), (5, 80))])
def test_difference_interval_is_that_of_statsmodels(a, b):
    expected = confint_proportions_2indep(*a, *b, method="newcomb", compare="diff")
    interval = newcombe_difference(*a, *b)
    assert (interval.lower, interval.upper) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("classes", [2, 5])
def test_classification_metrics_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    true = rng.integers(0, classes, 3000)
    predicted = np.where(rng.random(3000) < 0.7, true, rng.integers(0, classes, 3000))
    matrix = ConfusionMatrix.from_batch(tuple(map(str, range(classes))), true, predicted)
    assert matrix.counts.tolist() == metrics.confusion_matrix(true, predicted).tolist()
    precision, recall, f1, support = metrics.precision_recall_fscore_support(true, predicted)
    for ours, expected in (
        (matrix.precision, precision),
        (matrix.recall, recall),
        (matrix.f1, f1),
        (matrix.support, support),
        (matrix.accuracy, metrics.accuracy_score(true, predicted)),
        (matrix.balanced_accuracy, metrics.balanced_accuracy_score(true, predicted)),
        (matrix.kappa, metrics.cohen_kappa_score(true, predicted)),
        (matrix.mcc, metrics.matthews_corrcoef(true, predicted)),
        (matrix.macro(matrix.f1), metrics.f1_score(true, predicted, average="macro")),
        (matrix.weighted(matrix.precision), metrics.precision_score(true, predicted, average="weighted")),
        (matrix.micro, metrics.f1_score(true, predicted, average="micro")),
        (matrix.specificity, _specificity(true, predicted)),
        (matrix.micro_specificity, _micro_specificity(true, predicted)),
    ):
        assert ours == pytest.approx(expected)


def _specificity(true, predicted):
    cells = metrics.multilabel_confusion_matrix(true, predicted)
    return cells[:, 0, 0] / cells[:, 0].sum(axis=1)


def _micro_specificity(true, predicted):
    cells = metrics.multilabel_confusion_matrix(true, predicted).sum(axis=0)
    return cells[0, 0] / cells[0].sum()


def test_coarse_matrix_is_that_of_relabelled_samples():
    rng = np.random.default_rng(4)
    names = np.array(list("abcdef"))
    groups = {"a": "x", "b": "y", "c": "x", "d": "z", "e": "y", "f": "z"}
    true, predicted = rng.integers(0, 6, 2000), rng.integers(0, 6, 2000)
    coarse = ConfusionMatrix.from_batch(tuple(names), true, predicted).coarse(groups)
    relabelled = [np.vectorize(groups.get)(names[index]) for index in (true, predicted)]
    assert coarse.counts.tolist() == metrics.confusion_matrix(*relabelled, labels=list("xyz")).tolist()


def test_roc_of_separate_scores_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.choice(np.arange(1, 100) / 100, 500).astype(np.float32)
    truth = rng.random(500) < scores
    curve = roc(ScoreHistogram.from_batch(("n", "p"), truth.astype(int), scores), {"p"}, {"n"})
    false_rate, true_rate, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    # Hundredths fall into different bins, so that the curves are the same points.
    assert curve.false_positive_rate.tolist() == pytest.approx(false_rate.tolist())
    assert curve.true_positive_rate.tolist() == pytest.approx(true_rate.tolist())
    assert metrics.auc(curve.false_positive_rate, curve.true_positive_rate) == pytest.approx(
        metrics.roc_auc_score(truth, scores), abs=2e-3
    )


def _probabilities(seed, classes=5, size=3000):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, size)
    logits = rng.normal(0, 1, (size, classes)) + 1.5 * np.eye(classes)[true]
    weights = np.exp(logits)
    return true, logits, weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy_is_that_of_scikit_learn(k):
    true, _, scores = _probabilities(0)
    state = ProbabilityScores.from_batch(true, scores)
    assert 1 - state.top(k).value == pytest.approx(metrics.top_k_accuracy_score(true, scores, k=k))


@pytest.mark.parametrize("with_logits", [False, True])
def test_losses_of_probabilities_are_those_of_scikit_learn(with_logits):
    true, logits, scores = _probabilities(1)
    state = ProbabilityScores.from_batch(true, scores, logits=logits if with_logits else None)
    assert state.log_loss() == pytest.approx(metrics.log_loss(true, scores), abs=1e-9)
    assert state.brier() / 5 == pytest.approx(metrics.mean_squared_error(np.eye(5)[true], scores), abs=1e-8)


def test_temperature_is_the_slope_of_a_logistic_regression():
    rng = np.random.default_rng(2)
    margin = rng.normal(0, 4, 5000)
    true = (rng.random(5000) < 1 / (1 + np.exp(-margin / 2.5))).astype(int)
    found = fit_temperature(np.stack([np.zeros(5000), margin], axis=1), true)
    fitted = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(margin[:, None], true)
    assert found.value == pytest.approx(1 / float(fitted.coef_[0, 0]), rel=1e-3)
    assert found.log_loss_after == pytest.approx(
        metrics.log_loss(true, fitted.predict_proba(margin[:, None]))
    )


def test_adaptive_calibration_error_is_that_of_quantile_bins():
    rng = np.random.default_rng(3)
    scores = rng.random(40_000) ** 0.3
    truth = rng.random(40_000) < scores**2
    edges = np.quantile(scores, np.arange(1, 15) / 15)
    place = np.searchsorted(edges, scores, side="right")
    gaps = [abs(truth[place == one].mean() - scores[place == one].mean()) / 15 for one in range(15)]
    assert FineReliability.from_batch(scores, truth).adaptive_ece() == pytest.approx(sum(gaps), abs=2e-4)


def test_expected_calibration_error_is_that_of_equal_bins():
    rng = np.random.default_rng(3)
    scores = rng.random(20_000) ** 0.3
    truth = rng.random(20_000) < scores**2
    share, mean = calibration_curve(truth, scores, n_bins=15)
    counts = np.histogram(scores, np.linspace(0, 1, 16))[0]
    state = ReliabilityCounts.from_batch(scores, truth)
    gaps = np.abs(share - mean)
    assert state.ece() == pytest.approx(float(gaps @ counts[counts > 0]) / 20_000, abs=1e-9)
    assert state.mce() == pytest.approx(gaps.max(), abs=1e-9)


def test_brier_score_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    scores = rng.random(5000)
    truth = rng.random(5000) < scores**2
    state = ReliabilityCounts.from_batch(scores, truth)
    assert state.brier() == pytest.approx(metrics.brier_score_loss(truth, scores), abs=1e-9)


@pytest.mark.parametrize("counts", [(3, 20, 9, 40), (0, 30, 0, 50), (27, 60, 18, 120), (400, 4000, 90, 900)])
def test_fisher_is_that_of_scipy(counts):
    bad_a, total_a, bad_b, total_b = counts
    table = [[bad_a, total_a - bad_a], [bad_b, total_b - bad_b]]
    assert fisher_exact(*counts) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


def test_stratified_test_is_cochran_mantel_haenszel_of_statsmodels():
    errors_a, total_a = np.array([9, 30, 4]), np.array([40, 60, 15])
    errors_b, total_b = np.array([12, 70, 20]), np.array([100, 200, 90])
    tables = [
        [[ea, ta - ea], [eb, tb - eb]]
        for ea, ta, eb, tb in zip(errors_a, total_a, errors_b, total_b, strict=True)
    ]
    two_sided = StratifiedTable(tables).test_null_odds(correction=True).pvalue
    assert stratified_p_value(errors_a, total_a, errors_b, total_b) == pytest.approx(two_sided / 2)


@pytest.mark.parametrize(("b", "c"), [(0, 5), (3, 9), (20, 20), (40, 12)])
def test_mcnemar_is_that_of_statsmodels(b, c):
    assert mcnemar_exact(b, c) == pytest.approx(mcnemar([[50, b], [c, 30]], exact=True).pvalue)


def test_marginal_homogeneity_is_the_stuart_maxwell_test_of_statsmodels():
    counts = np.array([[80, 12, 5], [3, 60, 9], [10, 2, 70]])
    bias = prediction_bias(ConfusionMatrix(("a", "b", "c"), counts))
    expected = SquareTable(counts, shift_zeros=False).homogeneity(method="stuart_maxwell").pvalue
    assert bias.p_value == pytest.approx(expected)


@pytest.mark.parametrize(("ours", "method"), [(benjamini_hochberg, "fdr_bh"), (holm, "holm")])
def test_corrections_are_those_of_statsmodels(ours, method):
    p_values = np.random.default_rng(1).random(30) ** 3
    assert ours(p_values) == pytest.approx(multipletests(p_values, method=method)[1])


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.4])
def test_drift_statistic_and_p_value_are_close_to_the_unbinned_test(shift):
    rng = np.random.default_rng(int(10 * shift))
    reference, current = rng.normal(0, 1, 5000), rng.normal(shift, 1, 1000)
    profile = ReferenceProfile.from_samples({"x": reference})
    test = drift_tests(profile, DriftState.from_batch(profile, {"x": current}))[0]
    exact = stats.ks_2samp(reference, current)
    assert exact.statistic - 0.02 <= test.statistic <= exact.statistic + 1e-9
    ranks = stats.mannwhitneyu(current, reference, use_continuity=False)
    smaller = min(1.0, 2 * min(exact.pvalue, ranks.pvalue))
    # Bins of a 64th of the reference lose a little of either.
    assert np.log(test.p_value) == pytest.approx(np.log(smaller), rel=0.05, abs=0.35)
    assert test.effect == pytest.approx(2 * ranks.statistic / (1000 * 5000) - 1, abs=0.02)
