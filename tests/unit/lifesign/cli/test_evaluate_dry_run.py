"""``lifesign evaluate --model-config`` and ``--dry-run`` as people and scripts see them."""

import json

import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.testing.brightness_dataset import write_brightness_folders, write_brightness_manifest
from lifesign.testing.model_server import Failure, FakeModelServer

CONTRACT = "output: {name: logits}\nclass_names: [spoof, live]\n"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_brightness_manifest(tmp_path_factory.mktemp("faces"), samples=40)


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "model.yml"
    path.write_text(CONTRACT)
    return path


def _run(data, server, *more):
    words = ["evaluate", str(data), "--model", "liveness", "--target", server.target, *map(str, more)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


def test_a_dry_run_shows_what_is_sent_and_stores_nothing(manifest, contract, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with FakeModelServer() as server:
        result = _run(manifest, server, "--dry-run", "--model-config", contract)
        assert (server.calls, server.images) == (1, 32)
    assert result.exit_code == 0, result.stderr
    for words in (
        "dry run of liveness version 1 on 32 images",
        "serving_default (used)  images uint8 [?, 32, 32, 3] → logits float [?, 2], scores float [?, 2]",
        "images uint8 [32, 32, 32, 3] NHWC",
        "3,072 bytes per image",
        "channel red",
        "logits row sums",
        "bona_fide",
        "as those of a liveness model: 'spoof' as attack and 'live' as bona_fide",
        "assumed: output 'logits' is taken to hold logits, by its name",
        "nothing speaks against it",
    ):
        assert words in result.stdout
    assert list((tmp_path / "here").iterdir()) == []


def test_both_classes_are_tried_however_rare_one_is(contract, tmp_path):
    faces = write_brightness_folders(tmp_path / "faces", per_class=40)
    for path in sorted((faces / "real").iterdir())[5:]:
        path.unlink()
    with FakeModelServer() as server:
        result = _run(faces, server, "--dry-run", "--model-config", contract, "--json")
    counts = {one["class_name"]: one["labelled"] for one in json.loads(result.stdout)["classes"]}
    assert counts == {"attack": 27, "bona_fide": 5}


def test_json_has_everything(manifest, contract):
    with FakeModelServer() as server:
        result = _run(manifest, server, "--dry-run", "--model-config", contract, "--json")
    trial = json.loads(result.stdout)
    assert trial["sent"]["shape"] == [32, 32, 32, 3]
    assert len(trial["samples"]) == 32
    assert trial["outputs"][0]["name"] == "logits"
    assert sum(trial["samples"][0]["scores"]) == pytest.approx(1)


def test_a_model_of_our_own_can_be_tried_too(manifest):
    with FakeModelServer() as server:
        result = _run(manifest, server, "--dry-run", "--class-names", "attack,bona_fide")
    assert result.exit_code == 0, result.stderr
    assert "nothing speaks against it" in result.stdout


def test_a_warning_leaves_with_0_and_a_refusal_with_3(manifest, tmp_path):
    exchanged = tmp_path / "exchanged.yml"
    exchanged.write_text("output: {name: logits}\nclass_names: [bona_fide, attack]\n")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("output: {name: logits, kind: probabilities}\nclass_names: [attack, bona_fide]\n")
    with FakeModelServer() as server:
        warned = _run(manifest, server, "--dry-run", "--model-config", exchanged)
        refused = _run(manifest, server, "--dry-run", "--model-config", wrong)
    assert warned.exit_code == 0
    assert "the two classes look exchanged" in warned.stdout
    assert "possible, with warnings" in warned.stdout
    assert refused.exit_code == 3
    assert "refusal: expected probabilities in 0 to 1 of output 'logits'" in refused.stdout
    assert "refused: an evaluation would measure nonsense" in refused.stdout


def test_what_the_server_says_no_to_is_shown(manifest, contract):
    with FakeModelServer(script=[Failure("INVALID_ARGUMENT", "bad shape")]) as server:
        result = _run(manifest, server, "--dry-run", "--model-config", contract)
    assert result.exit_code == 3
    assert "refusal: The server refuses the batch: INVALID_ARGUMENT: bad shape" in result.stdout


def test_a_contract_decides_how_a_run_reads_the_answer(manifest, contract, tmp_path):
    with FakeModelServer() as server:
        result = _run(manifest, server, "--out", tmp_path / "run", "--model-config", contract, "--json")
    report = json.loads(result.stdout)
    assert report["model"]["class_names"] == ["attack", "bona_fide"]
    assert report["model"]["preprocessing"].endswith("serving_default.images; logits:logits>softmax")
    assert "--model-config" in report["command"]
    assert report["accuracy"]["value"] > 0.8
    assert "note: the classes are read as those of a liveness model" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dry-run", "--out", "run"], "--out does not go with --dry-run"),
        (["--dry-run", "--resume"], "--resume does not go with --dry-run"),
        (["--dry-run", "--executor", "ray"], "--executor does not go with --dry-run"),
        ([], "expected --out, the folder of the run, got none"),
        (["--dry-run", "--model-config", "nope.yml"], "nope.yml: No such file or directory"),
    ],
)
def test_mistakes_are_sentences(manifest, options, message):
    with FakeModelServer() as server:
        result = _run(manifest, server, "--class-names", "attack,bona_fide", *options)
    assert result.exit_code == 3
    assert f"error: {message}" in result.stderr
    assert "Traceback" not in result.output


def test_a_contract_does_not_go_with_scores_from_a_file(manifest, contract, tmp_path):
    words = [
        "evaluate",
        "--predictions",
        str(manifest),
        "--out",
        str(tmp_path),
        "--model-config",
        str(contract),
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 3
    assert "--model-config needs a model server" in result.stderr
