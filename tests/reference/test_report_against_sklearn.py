"""The numbers in a report equal those of scikit-learn on the same predictions."""

import numpy as np
import pytest
from sklearn import metrics

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.labels import LIVENESS_CLASSES
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import report_of

_CLASSES = tuple(f"class_{index}" for index in range(10))


def _arrays(table, names):
    scored = [row for row in table.to_pylist() if row["outcome"] == "scored"]
    true = np.array([names.index(row["label"]) for row in scored])
    return true, np.array([row["scores"] for row in scored])


@pytest.fixture(scope="module")
def ten_classes():
    table = classification_predictions(
        5, class_names=_CLASSES, samples=1500, margin=1.5, no_response_share=0.01
    )
    true, scores = _arrays(table, _CLASSES)
    return report_of(table, AnalysisSpec(_CLASSES, "classification")), true, scores


def test_confusion_matrix_and_accuracy(ten_classes):
    report, true, scores = ten_classes
    predicted = scores.argmax(axis=1)
    assert np.array_equal(report.confusion.counts, metrics.confusion_matrix(true, predicted))
    assert report.accuracy.value == pytest.approx(metrics.accuracy_score(true, predicted), abs=1e-12)
    assert report.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(true, predicted))


def test_precision_recall_f1_and_support_per_class(ten_classes):
    report, true, scores = ten_classes
    expected = metrics.precision_recall_fscore_support(true, scores.argmax(axis=1))
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [getattr(row, name) for row in report.classes] == pytest.approx(list(values))


def test_averages(ten_classes):
    report, true, scores = ten_classes
    predicted = scores.argmax(axis=1)
    assert report.averages["macro_f1"] == pytest.approx(metrics.f1_score(true, predicted, average="macro"))
    assert report.averages["weighted_f1"] == pytest.approx(
        metrics.f1_score(true, predicted, average="weighted")
    )
    assert report.averages["kappa"] == pytest.approx(metrics.cohen_kappa_score(true, predicted))
    assert report.averages["mcc"] == pytest.approx(metrics.matthews_corrcoef(true, predicted))


def test_areas_under_the_curves(ten_classes):
    report, true, scores = ten_classes
    one_hot = np.eye(len(_CLASSES))[true]
    per_class = metrics.roc_auc_score(one_hot, scores, average=None)
    for row, exact in zip(report.classes, per_class, strict=True):
        assert row.auc.value == pytest.approx(exact, abs=row.auc.certificate + 1e-12)
        assert row.auc.certificate < 2e-3
    for average in ("macro", "micro"):
        exact = metrics.roc_auc_score(one_hot, scores, average=average)
        assert report.averages[f"auc_{average}"] == pytest.approx(exact, abs=1e-4)


def test_liveness_rates_curve_and_calibration():
    table = liveness_predictions(6, subjects=40, attack_logits={"replay_tablet": 0.0})
    report = report_of(table, AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=0.7))
    true, scores = _arrays(table, LIVENESS_CLASSES)
    score = scores[:, 1]
    matrix = metrics.confusion_matrix(true, score >= 0.7)
    assert np.array_equal(report.confusion.counts, matrix)
    assert report.pad.bpcer.value == pytest.approx(matrix[1, 0] / matrix[1].sum())
    assert report.pad.apcer_pooled.value == pytest.approx(matrix[0, 1] / matrix[0].sum())
    area = report.roc[0].auc
    assert area.value == pytest.approx(metrics.roc_auc_score(true, score), abs=area.certificate + 1e-9)
    assert report.calibration.brier == pytest.approx(metrics.brier_score_loss(true, score), abs=1e-8)


def test_apcer_is_the_worst_species_not_the_pool():
    table = liveness_predictions(7, subjects=40, attack_logits={"replay_tablet": 0.0})
    report = report_of(table, AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=0.5))
    rows = [row for row in table.to_pylist() if row["pai_species"] == "replay_tablet"]
    accepted = sum(row["scores"][1] >= 0.5 for row in rows)
    assert report.pad.apcer_max_species == "replay_tablet"
    assert (report.pad.apcer_max.errors, report.pad.apcer_max.total) == (accepted, len(rows))
    assert report.pad.apcer_pooled.value < report.pad.apcer_max.value
