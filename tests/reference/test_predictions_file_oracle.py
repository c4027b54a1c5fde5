"""The report of a predictions file against scikit-learn on the same columns."""

import json

import numpy as np
import pytest
from sklearn import metrics
from typer.testing import CliRunner

from lifesign.cli import app

_SPECIES = ("print", "replay", "mask")
_CLASSES = ("owl", "cat", "dog", "newt")


def _report(tmp_path, header, rows, *options):
    path = tmp_path / "scores.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in (header, *rows)))
    words = ["evaluate", "--predictions", str(path), "--out", str(tmp_path / "out"), "--quiet", *options]
    result = CliRunner().invoke(app, words)
    assert result.exit_code in (0, 1, 2), result.output
    return json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))


@pytest.mark.parametrize("decimals", [2, 6])
@pytest.mark.parametrize("threshold", [0.35, 0.5, 0.7])
def test_liveness_scores(tmp_path, threshold, decimals):
    rng = np.random.default_rng(3)
    true = rng.integers(0, 2, 3000)
    score = np.round(1 / (1 + np.exp(-(2 * true - 1 + 1.5 * rng.standard_normal(3000)))), decimals)
    species = [_SPECIES[i % 3] for i in range(3000)]
    rows = [
        (f"s{i}", int(true[i]), "" if i % 50 == 0 else score[i], "" if true[i] else species[i])
        for i in range(3000)
    ]
    report = _report(
        tmp_path, ("sample_id", "label", "score", "pai_species"), rows, "--threshold", str(threshold)
    )

    scored = np.arange(3000) % 50 != 0
    predicted = score >= threshold
    accounting = report["accounting"]
    assert (accounting["total"], accounting["scored"], accounting["reasons"]) == (
        3000,
        2940,
        {"missing_score": 60},
    )
    expected = metrics.confusion_matrix(true[scored], predicted[scored]).tolist()
    assert report["confusion"]["counts"] == expected
    area = metrics.roc_auc_score(true[scored], score[scored])
    assert report["roc"][0]["auc"]["value"] == pytest.approx(
        area, abs=report["roc"][0]["auc"]["certificate"] + 1e-12
    )
    for row in report["pad"]["species"]:
        mine = scored & (true == 0) & (np.array(species) == row["species"])
        assert row["apcer"]["errors"] == int((predicted & mine).sum())
        assert row["apcer"]["total"] == int(mine.sum())
    assert report["pad"]["bpcer"]["errors"] == int((~predicted & scored & (true == 1)).sum())


def test_logits_of_many_classes(tmp_path):
    rng = np.random.default_rng(4)
    true = rng.integers(0, 4, 2000)
    logits = np.round(rng.standard_normal((2000, 4)) + 1.5 * np.eye(4)[true], 4)
    rows = [(f"s{i}", _CLASSES[true[i]], *logits[i]) for i in range(2000)]
    report = _report(tmp_path, ("sample_id", "label", *(f"logit_{name}" for name in _CLASSES)), rows)

    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    assert report["model"]["class_names"] == list(_CLASSES)
    assert report["confusion"]["counts"] == metrics.confusion_matrix(true, predicted).tolist()
    assert report["accuracy"]["value"] == metrics.accuracy_score(true, predicted)
    macro = metrics.roc_auc_score(true, scores, multi_class="ovr", average="macro")
    assert report["averages"]["auc_macro"] == pytest.approx(macro, abs=1e-4)
    assert report["averages"]["macro_f1"] == pytest.approx(metrics.f1_score(true, predicted, average="macro"))
