"""``lifesign reanalyse``, ``report`` and ``scores`` on the folder of a finished run: no model, no server."""

import csv
import json

import pytest
from typer.testing import CliRunner

from lifesign.cli import app

_SPECIES = ("print", "replay")


def _lifesign(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def _report(folder):
    return json.loads((folder / "report.json").read_text("utf-8"))


@pytest.fixture
def run(tmp_path):
    """Return a run whose dev split chose its threshold; every two frames are a presentation."""
    lines = ["sample_id,label,score,presentation_id,pai_species,device,split"]
    for index in range(400):
        real, where = index // 2 % 2 == 1, ("dev", "test")[index // 4 % 2]
        score = "" if index % 97 == 5 else f"{(0.6 if real else 0.3) + index * 7 % 23 / 60:.4f}"
        species = "" if real else _SPECIES[index // 8 % 2]
        lines.append(
            f"s{index},{'live' if real else 'spoof'},{score},v{index // 2},{species},d{index % 2},{where}"
        )
    file = tmp_path / "scores.csv"
    file.write_text("\n".join(lines) + "\n")
    result = _lifesign(
        "evaluate", "--predictions", file, "--out", tmp_path / "run", "--dev-split", "dev", "-q"
    )
    assert result.exit_code in (0, 1, 2), result.output
    return tmp_path / "run"


def test_another_threshold_without_the_file(run, tmp_path):
    (tmp_path / "scores.csv").unlink()
    result = _lifesign("reanalyse", run, "--threshold", "0.9", "--slices", "none", "--max-no-response", "0.5")
    again, first = _report(run / "again"), _report(run)
    assert result.exit_code in (0, 1, 2), result.output
    assert first["model"]["threshold_source"] == "dev"
    assert (again["model"]["threshold"], again["model"]["threshold_source"]) == (0.9, "fixed")
    assert again["slices"] == []
    assert again["run_id"] != first["run_id"]
    assert again["accounting"] == first["accounting"]


def test_what_is_not_given_stays(run):
    _lifesign("reanalyse", run, "--out", run / "same")
    assert _report(run / "same")["model"] == _report(run)["model"]
    _lifesign("reanalyse", run, "--operating-point", "eer", "--out", run / "point")
    assert _report(run / "point")["model"] == _report(run)["model"]


def test_frames_become_presentations_afterwards(run):
    _lifesign("reanalyse", run, "--aggregate", "median")
    subject = _report(run / "again")["subject"]
    assert (subject["samples"], subject["frames"], subject["aggregate"]) == (100, 200, "median")


def test_a_profile_is_held_against_what_is_stored(run):
    assert _lifesign("reanalyse", run, "--profile", "nist-800-63a-4").exit_code in (0, 1, 2)
    again = _report(run / "again")
    assert again["confusion"] == _report(run)["confusion"]
    assert "nist" in json.dumps(again).lower()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "7"], "threshold: expected less than or equal to 1"),
        (["--slices", "sofa"], "expected slice columns among ['device'], got ['sofa']"),
        (["--operating-point", "sofa"], "operating point 'sofa' needs a model card"),
        (["--regression-margin", "0.05"], "gate regression_margin needs a baseline"),
        (["--baseline", "nowhere"], "baseline nowhere: expected the folder of an evaluation run"),
    ],
)
def test_what_cannot_be_counted_again_leaves_with_three(run, words, message):
    result = _lifesign("reanalyse", run, *words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert message in result.stderr


def test_a_classifier_is_not_held_against_limits_of_liveness(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("sample_id,label,score_cat,score_dog,score_owl\n" + "s1,cat,0.8,0.1,0.1\n")
    _lifesign("evaluate", "--predictions", path, "--out", tmp_path / "run")
    result = _lifesign("reanalyse", tmp_path / "run", "--max-apcer", "0.01")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "gate max_apcer needs a liveness model, got classes ['cat', 'dog', 'owl']" in result.stderr


def test_report_renders_the_page_and_leaves_the_numbers(run):
    page, numbers = (run / "report.html").read_bytes(), (run / "report.json").read_bytes()
    (run / "report.html").unlink()
    result = _lifesign("report", run, "-q")
    assert (run / "report.html").read_bytes() == page
    assert (run / "report.json").read_bytes() == numbers
    assert result.exit_code == {"pass": 0, "fail": 1, "insufficient": 2}[_report(run)["verdict"]]


def test_exported_scores_give_the_same_report(run, tmp_path):
    assert _lifesign("scores", run, "--out", tmp_path / "again.csv").exit_code == 0
    words = ["--threshold", _report(run)["model"]["threshold"], "--out", tmp_path / "second", "-q"]
    result = _lifesign("evaluate", "--predictions", tmp_path / "again.csv", *words)
    assert result.exit_code in (0, 1, 2), result.output
    first, second = _report(run), _report(tmp_path / "second")
    for part in ("confusion", "accounting", "slices", "classes", "histograms"):
        assert second[part] == first[part], part


def test_bob_reads_its_columns(run, tmp_path):
    file = tmp_path / "scores-eval.csv"
    assert _lifesign("scores", run, "--out", file, "--format", "bob").exit_code == 0
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0])[:5] == ["claimed_id", "test_label", "is_bonafide", "attack_type", "score"]
    assert {row["is_bonafide"] for row in rows} == {"True", "False"}
    assert {row["attack_type"] for row in rows if row["is_bonafide"] == "False"} == set(_SPECIES)
    result = _lifesign("evaluate", "--predictions", file, "--out", tmp_path / "third", "--json")
    assert json.loads(result.stdout)["accounting"]["total"] == 200


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--out", "a.csv"], "nowhere: expected the folder of an evaluation run"),
        (["nowhere", "--out", "a.csv", "--format", "xml"], "--format: expected lifesign or bob, got 'xml'"),
    ],
)
def test_what_cannot_be_exported_leaves_with_three(words, message):
    result = _lifesign("scores", *words)
    assert result.exit_code == 3
    assert message in result.stderr
