import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.replay.run_folder import DatasetRecord, RunRecord
from lifesign.labels import LIVENESS_CLASSES
from lifesign.preprocessing import PreprocessingSpec
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import liveness_spec, write_run


@pytest.fixture
def run_dir(tmp_path):
    table = liveness_predictions(0, subjects=20)
    run = write_run(tmp_path / "run", table, liveness_spec())
    config = evaluation_config(target="localhost:1", model="m", data=Path("faces"), out=run)
    record = RunRecord(
        run_id="0123456789abcdef",
        identity=config.identity(),
        tool_version="0",
        started_at="",
        command="lifesign evaluate faces",
        config=config.model_dump(mode="json"),
        model_name="m",
        model_version=1,
        class_names=LIVENESS_CLASSES,
        preprocessing=PreprocessingSpec(height=8, width=8),
        assumed=(),
        card=None,
        dataset=DatasetRecord(
            name="faces",
            root=str(tmp_path),
            digest="0",
            splits=("test",),
            samples=table.num_rows,
            subjects=20,
            presentations=None,
            class_map={},
            metadata_columns=("device", "lighting", "skin_tone"),
            slice_columns=("device", "lighting", "skin_tone"),
        ),
    )
    (run / "run.json").write_text(record.model_dump_json(), encoding="utf-8")
    return run


def _report(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_another_threshold_gives_another_report_beside_the_first(run_dir):
    before = (run_dir / "report.json").read_bytes()
    result = _report(run_dir, "--threshold", "0.9")
    again = json.loads((run_dir / "again" / "report.json").read_text("utf-8"))
    assert result.exit_code == 0
    assert again["confusion"]["decision"] == "score >= 0.9"
    assert (run_dir / "again" / "report.html").stat().st_size > 10_000
    assert (run_dir / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param(["--max-bpcer", "0.5"], 0, id="pass"),
        pytest.param(["--threshold", "0.999", "--max-bpcer", "0.1"], 1, id="fail"),
        pytest.param(["--max-apcer", "0.04"], 2, id="insufficient"),
    ],
)
def test_gates_decide_the_exit_code(run_dir, options, code):
    assert _report(run_dir, *options).exit_code == code


def test_json_goes_to_standard_output_whole(run_dir):
    result = _report(run_dir, "--json", "--out", run_dir / "other")
    assert json.loads(result.stdout) == json.loads((run_dir / "other" / "report.json").read_text("utf-8"))


def test_a_baseline_is_compared_sample_by_sample(run_dir):
    _report(run_dir, "--baseline", run_dir)
    again = json.loads((run_dir / "again" / "report.json").read_text("utf-8"))
    assert again["baseline"]["common_samples"] == again["accounting"]["total"]


@pytest.mark.parametrize("missing", [["--baseline", "nowhere"], []])
def test_what_cannot_be_reported_is_one_sentence_and_exit_3(run_dir, missing, tmp_path):
    result = _report(run_dir if missing else tmp_path / "nowhere", *missing)
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.output


def test_a_wrong_option_is_not_the_code_for_too_little_evidence(run_dir):
    result = CliRunner().invoke(app, ["report", str(run_dir), "--threshold", "nan"])
    assert result.exit_code == 3
    assert "error: threshold: expected" in result.stderr
