import re

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.report.curves import (
    band_table,
    precision_recall_curves,
    reached_table,
    shown_curves,
)
from lifesign.evaluation.report.document import CurvePoint, HistogramRow, RocDocument, Value
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.report.matrices import recall_rates
from lifesign.testing.report_documents import report_of_confusion


def _curve(name, points, area=0.9):
    return RocDocument(
        name=name, auc=Value(value=area), points=tuple(CurvePoint(x=x, y=y) for x, y in points)
    )


def test_precision_is_that_of_the_counts_behind_the_rates():
    rng = np.random.default_rng(0)
    true = rng.random(200) < 0.3
    decided = true ^ (rng.random(200) < 0.2)
    rates = (float(decided[~true].mean()), float(decided[true].mean()))
    counts = np.array([[int(true.sum()), 0], [0, int((~true).sum())]])
    document = report_of_confusion(counts, ("a", "b"))
    (curve,) = precision_recall_curves(document, [_curve("a", [rates])])
    expected = (recall_score(true, decided), precision_score(true, decided))
    assert curve.points == (pytest.approx(expected),)


def test_the_pooled_curve_counts_each_sample_once_for_each_class():
    document = report_of_confusion(np.diag([10, 10, 10]), ("a", "b", "c"))
    (curve,) = precision_recall_curves(document, [_curve("all classes (micro)", [(0.5, 1.0)])])
    assert curve.points == ((1.0, 30 / (30 + 0.5 * 60)),)


def test_liveness_has_no_precision(full):
    assert precision_recall_curves(full, shown_curves(full)) == []


def test_the_pooled_curve_and_the_worst_are_shown(hundred_classes):
    curves = shown_curves(hundred_classes)
    assert hundred_classes.roc_macro is not None
    assert len(curves) == 7
    assert curves[0] == hundred_classes.roc[0]
    hidden = [curve.auc.value for curve in hundred_classes.roc if curve not in curves]
    assert max(curve.auc.value for curve in curves[1:]) <= min(hidden)


def test_reached_rates_keep_their_limit():
    levels, ((_, reached),) = reached_table([_curve("a", [(0, 0.2), (0.01, 0.4), (0.06, 0.7), (1, 1)])])
    assert dict(zip(levels, reached, strict=True)) == {
        0.001: 0.2,
        0.01: 0.4,
        0.05: 0.4,
        0.1: 0.7,
        0.2: 0.7,
    }


def test_bands_leave_out_empty_bins_and_refuse_different_ones():
    one = HistogramRow(group="a", edges=(0, 0.1, 0.5, 1), counts=(1, 0, 2))
    other = HistogramRow(group="b", edges=(0, 0.1, 0.5, 1), counts=(0, 0, 3))
    assert band_table([one, other]) == [(0, 0.1, [1, 0]), (0.5, 1, [2, 3])]
    assert band_table([one, other.model_copy(update={"edges": (0, 0.2, 0.5, 1)})]) == []
    assert band_table([]) == []


def test_the_mean_curve_comes_last_and_has_a_colour_of_its_own(hundred_classes):
    page = render_html(hundred_classes)
    section = page[page.index('id="curves"') : page.index('id="calibration"')]
    legend = re.findall(r'<li><i class="(s\d)"></i>([^<]+)</li>', section)
    assert len({css for css, _ in legend}) == len(legend) == 8
    assert legend[-1][1] == f"mean of the classes (macro) (AUC {hundred_classes.averages['auc_macro']:.4f})"


def test_recalls_have_the_exact_interval_of_their_counts(ten_classes):
    rates = recall_rates(ten_classes.confusion)
    for row in ten_classes.classes:
        rate = rates[row.class_name]
        limits = clopper_pearson(rate.errors, rate.total)
        assert rate.value == pytest.approx(row.recall)
        assert (rate.lower, rate.upper, rate.total) == (limits.lower, limits.upper, row.support)
    assert f"recall {rates['class_000'].errors}/" in render_html(ten_classes)
