import json

import numpy as np
import pytest

from lifesign.evaluation.report.document import BaselineMethodDocument, MethodFigures, ReportDocument, Value
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.report.method_tables import method_table
from lifesign.testing.report_documents import report_of_confusion

_NAMES = ("cat", "dog", "owl")


def _figures(right, classes):
    return MethodFigures(
        samples=30,
        accuracy=Value(value=right / 30, lower=0.5, upper=0.99, method="clopper_pearson"),
        balanced_accuracy=right / 30,
        recalls={"cat": right / 30, "dog": 0.6},
        confusion=tuple((5,) * classes for _ in range(classes)),
    )


def _report(*, same_images=False, split="test", network=True, names=_NAMES):
    method = BaselineMethodDocument(
        name="linear SVM",
        about="a plain one",
        split=split,
        same_images=same_images,
        figures=_figures(24, len(names)),
        network=_figures(27, len(names)) if network else None,
    )
    plain = report_of_confusion(10 * np.eye(len(names), dtype=np.int64), names)
    return plain.model_copy(update={"baseline_methods": (method,)})


def _table(**facts):
    document = _report(**facts)
    return method_table(document, document.baseline_methods[0])


@pytest.mark.parametrize(
    ("facts", "columns", "said"),
    [
        (
            {"same_images": True},
            ["Network", "Linear SVM"],
            "test split: the same images as in this evaluation",
        ),
        ({}, ["Network", "Network", "Linear SVM"], "not known to be this set: compare it with the network's"),
        ({"network": False}, ["Network", "Linear SVM"], "the columns cannot be compared"),
        ({"split": "dev"}, ["Network", "Network", "Linear SVM"], "chosen on that split, which favours the"),
    ],
    ids=["same images", "other images", "no network", "development split"],
)
def test_every_column_says_which_set_it_is_of(facts, columns, said):
    table = _table(**facts)

    assert [one.name for one in table.columns] == columns
    assert said in table.comparability
    assert table.columns[0].measured == "served, this evaluation: pictures, split test"
    split = "development" if facts.get("split") == "dev" else "test"
    assert {one.measured for one in table.columns[1:]} == {f"in training: {split} split"}


def test_the_numbers_stand_side_by_side():
    served, network, svm = _table().columns

    assert [one.accuracy for one in (served, network, svm)] == ["100.0 %", "90.0 %", "80.0 %"]
    assert svm.interval == "50.0–99.0 %"
    assert served.recalls == ("100.0 %",) * 3
    assert svm.recalls == ("80.0 %", "60.0 %", "n/a")


def test_the_page_has_the_table_and_folds_many_classes():
    page = render_html(_report())
    assert page.count("recall, owl") == 1
    assert "Confusion matrix of the linear SVM" in page

    many = render_html(_report(names=tuple(f"class_{index:02d}" for index in range(13))))
    assert "Recall of all 13 classes" in many
    assert "Confusion matrix of the linear SVM" not in many


def test_a_liveness_page_says_how_each_decided():
    document = _report(names=("attack", "bona_fide"))
    decided = document.confusion.model_copy(update={"decision": "score >= 0.4"})
    document = document.model_copy(update={"confusion": decided})

    table = method_table(document, document.baseline_methods[0])

    assert "Here the decision is score >= 0.4, in training it was the larger score." in table.comparability


def test_the_json_of_a_report_has_it_and_one_without_is_read():
    document = _report()
    stored = json.loads(document.to_json())

    assert ReportDocument.model_validate(stored) == document
    assert stored["baseline_methods"][0]["figures"]["accuracy"]["value"] == 0.8
    del stored["baseline_methods"]
    assert ReportDocument.model_validate(stored).baseline_methods == ()
