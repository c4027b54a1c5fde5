"""``lifesign evaluate --predictions`` as people and scripts see it."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from lifesign.cli import app


def _write(path, *, count=600, separation=4.0, split=None, seed=0, invert=False):
    rng = np.random.default_rng(seed)
    lines = ["sample_id,label,score,subject_id,pai_species,device,split"]
    for index in range(count):
        real = index % 2 == 1
        score = 1 / (1 + np.exp(-separation * (0.5 if real else -0.5) - 1.2 * rng.standard_normal()))
        species = "" if real else ("print", "replay")[index // 2 % 2]
        where = split or ("dev", "test")[index // 2 % 2]
        score = 1 - score if invert else score
        lines.append(
            f"s{index},{'live' if real else 'spoof'},{score:.5f},u{index % 30},{species},"
            f"{'ab'[index // 4 % 2]},{where}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def _run(file, out, *more):
    return CliRunner().invoke(app, ["evaluate", "--predictions", str(file), "--out", str(out), *more])


def _report(out):
    return json.loads((out / "report.json").read_text("utf-8"))


@pytest.fixture
def scores(tmp_path):
    return _write(tmp_path / "scores.csv", split="test")


def test_report_page_and_summary_without_any_model(scores, tmp_path):
    result = _run(scores, tmp_path / "out")
    report = _report(tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "BPCER" in result.stdout
    assert "600/600 samples" in result.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert report["subject"]["subjects"] == 30
    assert {row["column"] for row in report["slices"]} == {"device"}
    assert "scores read from a file, no model was asked" in (tmp_path / "out" / "report.html").read_text()
    assert any("Scores were read from a file" in one for one in report["limitations"])
    assert (report["model"]["source"], report["model"]["threshold"]) == ("file", 0.5)
    assert report["model"]["threshold_criterion"] == "0.5 for want of an operating point"


def test_json_is_the_report_and_nothing_else(scores, tmp_path):
    result = _run(scores, tmp_path / "out", "--json", "--slices", "none", "--name", "spring", "--model", "m7")
    assert result.stdout == (tmp_path / "out" / "report.json").read_text("utf-8")
    report = json.loads(result.stdout)
    assert (report["slices"], report["subject"]["dataset"], report["model"]["name"]) == ([], "spring", "m7")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--min-accuracy", "0.5"], 0),
        (["--max-bpcer", "0.01", "--threshold", "0.9"], 1),
        (["--max-apcer", "0.05"], 2),
    ],
    ids=["pass", "fail", "insufficient"],
)
def test_exit_code_is_the_verdict(scores, tmp_path, options, code):
    assert _run(scores, tmp_path / "out", *options).exit_code == code


def test_inverted_scores_are_an_alarm(tmp_path):
    result = _run(_write(tmp_path / "a.csv", split="test", invert=True), tmp_path / "out")
    assert result.exit_code == 1
    assert _report(tmp_path / "out")["alerts"][0]["kind"] == "polarity"
    assert "Scores are upside down" in result.stdout


@pytest.mark.parametrize(
    "criterion", ["eer", "apcer_max<=0.05", "bpcer <= 0.02"], ids=["eer", "apcer", "bpcer"]
)
def test_the_threshold_of_the_dev_split_decides_the_test_split(tmp_path, criterion):
    file = _write(tmp_path / "scores.csv")
    result = _run(file, tmp_path / "out", "--dev-split", "dev", "--criterion", criterion)
    assert result.exit_code == 0, result.output
    model = _report(tmp_path / "out")["model"]
    assert (model["threshold_source"], model["threshold_criterion"]) == ("dev", criterion.replace(" ", ""))
    rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
    dev = [(row[1], row[4], float(row[2])) for row in rows if row[6] == "dev"]
    threshold = model["threshold"]
    bpcer = np.mean([score < threshold for label, _, score in dev if label == "live"])
    apcer = [
        np.mean([score >= threshold for _, kind, score in dev if kind == species])
        for species in ("print", "replay")
        if any(kind == species for _, kind, _ in dev)
    ]
    assert {
        "eer": abs(np.mean(apcer) - bpcer) < 0.02,
        "apcer_max<=0.05": max(apcer) <= 0.05,
        "bpcer<=0.02": bpcer <= 0.02,
    }[criterion.replace(" ", "")]


def test_dev_scores_may_be_in_another_file(tmp_path):
    dev = _write(tmp_path / "dev.csv", seed=5)
    result = _run(_write(tmp_path / "a.csv"), tmp_path / "out", "--dev-predictions", str(dev))
    assert result.exit_code == 0, result.output
    assert _report(tmp_path / "out")["model"]["threshold_source"] == "dev"


def test_species_that_the_dev_scores_do_not_have_are_told_apart(tmp_path):
    dev = _write(tmp_path / "dev.csv", seed=5, split="test")
    dev.write_text("\n".join(line for line in dev.read_text().splitlines() if ",replay," not in line))
    tested = _write(tmp_path / "a.csv", split="test")
    _run(tested, tmp_path / "out", "--dev-predictions", str(dev), "--criterion", "eer")
    found = _report(tmp_path / "out")["generalisation"]
    assert (found["seen"], found["unseen"]) == (["print"], ["replay"])
    assert "Generalisation" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_the_tested_file_is_no_development_file(tmp_path):
    path = _write(tmp_path / "a.csv")
    (tmp_path / "copy.csv").write_bytes(path.read_bytes())
    result = _run(path, tmp_path / "out", "--dev-predictions", str(tmp_path / "copy.csv"))
    assert result.exit_code == 3
    assert "expected development scores of other samples" in result.output


def test_a_named_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "p.csv")
    result = _run(tmp_path / "p.csv", tmp_path / "out")
    assert result.exit_code == 3
    assert "got a pipe, socket or device" in result.output


def test_an_earlier_run_is_the_baseline(tmp_path):
    _run(_write(tmp_path / "a.csv", split="test", separation=6.0), tmp_path / "before")
    worse = _write(tmp_path / "b.csv", split="test", separation=1.0)
    result = _run(worse, tmp_path / "now", "--baseline", str(tmp_path / "before"))
    assert result.exit_code == 1
    assert _report(tmp_path / "now")["baseline"]["common_samples"] == 600


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "localhost:1"], "--target needs a model server and does not go with --predictions"),
        (["--model-version", "3"], "--model-version needs a model server"),
        (["--resume"], "--resume needs a model server"),
        (["--batch-size", "8"], "--batch-size needs a model server"),
        (["faces.csv"], "DATA needs a model server"),
        (["--threshold", "1.5"], "threshold: expected less than or equal to 1"),
        (["--criterion", "eer"], "criterion needs dev_predictions or dev_split"),
        (["--dev-split", "dev", "--criterion", "far<=1"], "criterion: expected eer, apcer_max<=SHARE"),
        (["--dev-split", "test"], "cannot be chosen on the split that is tested"),
        (["--dev-split", "dev", "--threshold", "0.5"], "give a threshold, an operating_point or dev scores"),
        (["--dev-split", "dev"], "expected samples of the split 'dev', got only ['test']"),
        (["--operating-point", "eer"], "operating point 'eer' needs a model card"),
        (["--slices", "sofa"], "expected slice columns among ['device'], got ['sofa']"),
        (["--slices", "device,brightness"], "expected slice columns among ['device'], got ['brightness']"),
        (["--class-names", "cat,dog"], "need a column score_<class> each"),
        (["--class-map", "live"], "--class-map: expected LABEL=CLASS"),
        (["--aggregate", "mean"], "expected a data set with presentation_id to aggregate by"),
        (["--aggregate", "sum"], "aggregate: expected 'none', 'mean', 'median', 'max' or 'min'"),
        (["--baseline", "nowhere"], "baseline nowhere: expected the folder of an evaluation run"),
        (["--card", "absent.json"], "model card absent.json: No such file"),
    ],
)
def test_what_cannot_be_evaluated_leaves_with_three(scores, tmp_path, options, message):
    result = _run(scores, tmp_path / "out", *options)
    assert (result.exit_code, result.stdout) == (3, "")
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "m"], "expected DATA, a manifest or folder, or --predictions FILE"),
        (["faces"], "expected --model, the name of a served model, or --predictions FILE"),
        (["faces", "--model", "m", "--dev-split", "dev"], "--dev-split needs --predictions"),
    ],
)
def test_without_predictions_a_model_and_data_are_needed(tmp_path, words, message):
    result = CliRunner().invoke(app, ["evaluate", "--out", str(tmp_path / "out"), *words])
    assert result.exit_code == 3
    assert message in result.stderr


def test_the_folder_of_a_run_is_not_written_over(scores, tmp_path):
    _run(scores, tmp_path / "out")
    before = (tmp_path / "out" / "report.json").read_bytes()
    again = _run(scores, tmp_path / "out", "--threshold", "0.9")
    assert again.exit_code == 3
    assert "choose another --out" in again.stderr
    assert (tmp_path / "out" / "report.json").read_bytes() == before


def test_two_readings_of_a_file_give_the_same_bytes(scores, tmp_path):
    _run(scores, tmp_path / "one")
    _run(scores, tmp_path / "two")
    assert (tmp_path / "one" / "report.json").read_bytes() == (tmp_path / "two" / "report.json").read_bytes()
