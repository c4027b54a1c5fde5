"""The command that a report names gives the options back that made it."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.evaluation.command_line import command_of
from lifesign.evaluation.config import evaluation_config, predictions_config
from lifesign.evaluation.reporting import rewrite_report

_ROWS = "sample_id,label,score,device\n" + "".join(
    f"s{row},{'real' if row % 2 else 'fake'},{(row * 37 % 100) / 100},{'ab'[row // 2 % 2]}\n"
    for row in range(80)
)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"threshold": 0.123456789}, ["--threshold", "0.123456789"]),
        ({"slices": ("a b", "c*d")}, ["--slices", "a b,c*d"]),
        ({"slices": ()}, ["--slices", "none"]),
        ({"gates": {"max_apcer": 0.1, "drift": True}}, ["--max-apcer", "0.1", "--drift-gate"]),
        ({"gates": {"min_auc": 0.5}}, []),
        ({"profile": "ibeta-1"}, ["--profile", "ibeta-1"]),
        ({"class_map": {"my label": "attack"}}, ["--class-map", "my label=attack"]),
        ({"baseline": Path("/runs/last one")}, ["--baseline", "last one"]),
        ({"aggregate": "mean", "limit": 9}, ["--limit", "9", "--aggregate", "mean"]),
    ],
)
def test_command_has_the_options_that_decide_numbers(options: dict[str, Any], words: list[str]) -> None:
    common = {"out": Path("out"), **options}
    file = predictions_config(predictions=Path("/data/my scores.csv"), **common)
    served = evaluation_config(target="host:1", model="m", data="/data/faces", **common)

    ours = ["lifesign", "evaluate", "--predictions", "my scores.csv", "--split", "test", *words]
    assert shlex.split(command_of(file, None)) == ours
    asked = [
        "lifesign",
        "evaluate",
        "faces",
        "--model",
        "m",
        "--model-version",
        "3",
        "--split",
        "test",
        *words,
    ]
    assert shlex.split(command_of(served, 3)) == asked


def test_development_scores_and_batches_are_named() -> None:
    file = predictions_config(
        predictions=Path("t.csv"), dev_predictions=Path("d.csv"), criterion="bpcer<=0.05", out=Path("o")
    )
    assert command_of(file, None).endswith("--dev-predictions d.csv --criterion 'bpcer<=0.05'")
    served = evaluation_config(
        target="h:1", model="m", data="d", out=Path("o"), batch_size=8, image_size=(4, 6)
    )
    assert command_of(served, 1).endswith("--image-size 4x6 --batch-size 8")


def test_told_command_makes_the_same_report_also_after_reanalysing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scores.csv").write_text(_ROWS)
    monkeypatch.chdir(tmp_path)
    first = ["evaluate", "--predictions", "scores.csv", "--max-bpcer", "0.2", "--slices", "device", "-q"]
    CliRunner().invoke(app, [*first, "--out", "first"])
    told = rewrite_report(Path("first"), Path("again"), changes={"threshold": 0.35}, gates={"min_auc": 0.4})

    words = shlex.split(told.command)[1:]
    result = CliRunner().invoke(app, [*words, "-q", "--json", "--out", "repeated"])
    repeated = type(told).model_validate_json(result.stdout)
    assert repeated.command == told.command
    assert repeated.gates == told.gates
    assert repeated.pad == told.pad
    assert repeated.slices == told.slices
