"""A real data set through the whole path: scikit-learn's digits, trained, exported, served, replayed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings

_BIN = Path(sys.executable).parent

pytestmark = pytest.mark.slow


def _run(program: str, *arguments: object) -> None:
    subprocess.run([str(_BIN / program), *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digits")
    _run("lifesign-train", "digits", root / "data")
    _run(
        "lifesign-train", "fit", "--recipe", "digits-small", "--data", root / "data", "--out", root / "run",
        "--export", root / "models", "--name", "digits", "--version", 1,
    )  # fmt: skip
    settings = ServerSettings(
        port=0, rest_api_port=0, model_name="digits", model_base_path=root / "models/digits"
    )
    with ModelServer(settings) as server:
        _run(
            "lifesign", "evaluate", root / "data", "--target", f"127.0.0.1:{server.grpc_port}",
            "--model", "digits", "--model-base-path", root / "models", "--out", root / "evaluation",
        )  # fmt: skip
    return root / "evaluation"


def test_served_accuracy_is_at_least_95_percent(evaluated: Path) -> None:
    report = json.loads((evaluated / "report.json").read_text())

    assert report["accuracy"]["value"] >= 0.95
    assert report["accounting"]["scored"] == report["accounting"]["total"] == report["subject"]["samples"]


def test_report_equals_scikit_learn_on_the_same_predictions(evaluated: Path) -> None:
    report = json.loads((evaluated / "report.json").read_text())
    names = report["confusion"]["class_names"]
    rows = [
        row for part in sorted(evaluated.glob("parts/*.parquet")) for row in pq.read_table(part).to_pylist()
    ]

    true = [row["label"] for row in rows]
    predicted = [names[int(np.argmax(row["scores"]))] for row in rows]

    assert report["confusion"]["counts"] == confusion_matrix(true, predicted, labels=names).tolist()
    assert report["accuracy"]["value"] == pytest.approx(accuracy_score(true, predicted))
    assert report["averages"]["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro"))
