"""``lifesign evaluate --profile`` and ``--superclasses``: from the option to the report and the exit code."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.errors import ConfigurationError
from lifesign.evaluation.config import predictions_config


def _scores(path, *, attacks_accepted=0, classes=None):
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        if classes is not None:
            rows.writerow(["sample_id", "label", *(f"score_{name}" for name in classes)])
            for row in range(90):
                shares = rng.dirichlet(np.ones(len(classes))) * 0.4
                shares[row % len(classes)] += 0.6
                rows.writerow([f"s{row}", classes[row % len(classes)], *shares.round(6).tolist()])
            return path
        rows.writerow(["sample_id", "label", "score", "pai_species"])
        for row in range(100):
            rows.writerow([f"b{row}", "bona_fide", 0.9, ""])
            for species in range(6):
                score = 0.8 if species == 0 and row < attacks_accepted else 0.1
                rows.writerow([f"a{row}-{species}", "attack", score, f"kind{species}"])
                rows.writerow([f"c{row}-{species}", "attack", 0.1, f"kind{species}"])
    return path


def _run(path, out, *more):
    return CliRunner().invoke(app, ["evaluate", "--predictions", str(path), "--out", str(out), *more])


@pytest.mark.parametrize(("accepted", "code", "status"), [(0, 0, "pass"), (2, 1, "fail")])
def test_a_profile_is_a_gate(tmp_path, accepted, code, status):
    path = _scores(tmp_path / "p.csv", attacks_accepted=accepted)
    result = _run(path, tmp_path / "run", "--profile", "ibeta-1", "--threshold", "0.5")
    assert result.exit_code == code, result.stderr
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["profile"]["status"] == status
    assert [gate["status"] for gate in report["gates"] if gate["name"] == "profile ibeta-1"] == [status]
    assert "iBeta level 1" in (tmp_path / "run" / "report.html").read_text()


def test_an_edited_profile_is_given_by_its_path_and_kept_with_the_run(tmp_path):
    criteria = [{"metric": "bpcer", "limit": 0.5, "source": "our contract, § 3"}]
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"name": "mine", "title": "Ours", "criteria": criteria}))
    result = _run(_scores(tmp_path / "p.csv"), tmp_path / "run", "--profile", str(mine), "--threshold", "0.5")
    assert result.exit_code == 0, result.stderr
    mine.unlink()
    again = CliRunner().invoke(app, ["reanalyse", str(tmp_path / "run"), "--threshold", "0.95"])
    assert again.exit_code == 1, again.stderr
    assert "our contract, § 3" in (tmp_path / "run" / "report.json").read_text()


def test_superclasses_are_told_beside_the_classes(tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("class,superclass\ncat,pet\ndog,pet\nowl,bird\n")
    path = _scores(tmp_path / "p.csv", classes=["cat", "dog", "owl"])
    result = _run(path, tmp_path / "run", "--superclasses", str(groups))
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["superclasses"]["class_names"] == ["bird", "pet"]
    assert sum(map(sum, report["superclasses"]["counts"])) == 90


@pytest.mark.parametrize(
    ("option", "classes", "words"),
    [
        (("--profile", "ibeta-9"), None, "expected one of android-class-1"),
        (("--profile", "ibeta-1"), ["cat", "dog", "owl"], "profile ibeta-1 needs a liveness model"),
        (("--max-apcer", "0.01"), ["cat", "dog", "owl"], "gate max_apcer needs a liveness model"),
        (
            ("--max-bpcer", "0.01", "--max-apcer", "0.1"),
            ["cat", "dog", "owl"],
            "gate max_apcer and gate max_bpcer need a liveness model",
        ),
        (("--regression-margin", "0.01"), None, "--regression-margin needs --baseline"),
        (("--superclasses", "none.csv"), None, "No such file"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path, option, classes, words):
    result = _run(_scores(tmp_path / "p.csv", classes=classes), tmp_path / "run", *option)
    assert result.exit_code == 3
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "report.json").exists()


def test_a_class_without_a_superclass_is_told_before_anything_is_counted(tmp_path):
    groups = tmp_path / "groups.json"
    groups.write_text('{"cat": "pet"}')
    path = _scores(tmp_path / "p.csv", classes=["cat", "dog", "owl"])
    result = _run(path, tmp_path / "run", "--superclasses", str(groups))
    assert result.exit_code == 3
    assert "got none for dog, owl" in result.stderr


def test_a_profile_is_part_of_what_a_run_is(tmp_path):
    base = {"predictions": tmp_path / "p.csv", "out": tmp_path}
    plain, held = predictions_config(**base), predictions_config(**base, profile="ibeta-1")
    assert "profile" not in plain.identity()
    assert held.identity()["profile"]["name"] == "ibeta-1"
    assert predictions_config(**held.model_dump(mode="json")) == held
    with pytest.raises(ConfigurationError, match="profile"):
        predictions_config(**base, profile={"name": "x"})
