"""Runs side by side: what is read, the table, the figure."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifesign.errors import ConfigurationError
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.cli import app
from lifesign_training.comparison import comparison_rows, read_runs
from lifesign_training.history import EpochRecord, write_history
from lifesign_training.recipe import load_recipe
from lifesign_training.run_folder import RunConfig, RunSummary, TrainedRun, open_run_folder

KERAS = {
    "loss": [2.0, 1.0, 0.5],
    "acc": [0.3, 0.5, 0.8],
    "val_loss": [2.1, 1.5, 1.9],
    "val_acc": [0.3, 0.45, 0.4],
    "mean_squared_error": [0.2, 0.1, 0.05],
    "val_mean_squared_error": [0.2, 0.15, 0.18],
}


def record(epoch: int, accuracy: float) -> EpochRecord:
    return EpochRecord(epoch, 1 / epoch, 0.5, 1.0, accuracy, None, 0.01, 2.0, 0.2, epoch / 16)


def write_run(folder: Path, *, finished: bool = True) -> Path:
    config = RunConfig(recipe=load_recipe("dense-28"), class_names=("a", "b"), data_digest="d")
    open_run_folder(folder, config, resume=False)
    history = [record(1, 0.5), record(2, 0.9), record(3, 0.7)]
    if not finished:
        checkpoints = folder / "checkpoints"
        checkpoints.mkdir()
        state = {"best": 2, "history": [vars(one) for one in history]}
        (checkpoints / "state.json").write_text(json.dumps(state))
        assert CheckpointFolder(checkpoints).restore() is not None
        return folder
    write_history(folder, history)
    summary = RunSummary(
        recipe=config.recipe, class_names=config.class_names, data_digest="d", audit=(), epochs=3,
        unreadable=0, best_epoch=2, metrics={"test_accuracy": 0.85}, operating_points=(),
        default_operating_point=None, reference_profile={}, seconds=6.0, finished_at="", parameters=101_770,
    )  # fmt: skip
    TrainedRun(folder, summary).save()
    return folder


def test_a_run_and_a_keras_history_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "dense.json").write_text(json.dumps(KERAS))

    rows = comparison_rows(read_runs([write_run(tmp_path / "cnn"), tmp_path / "dense.json"]))

    assert rows[0] == {
        "run": "cnn", "epochs": 3, "best_epoch": 2, "dev_accuracy": 0.9, "dev_loss": 1.0, "dev_mse": 0.125,
        "train_accuracy": 0.5, "test_accuracy": 0.85, "parameters": 101_770, "seconds": 6.0,
    }  # fmt: skip
    assert (rows[1]["run"], rows[1]["best_epoch"], rows[1]["dev_mse"]) == ("dense", 2, 0.15)
    assert rows[1]["parameters"] is None


def test_a_run_that_is_not_finished_is_compared_as_far_as_it_went(tmp_path: Path) -> None:
    (run,) = read_runs([write_run(tmp_path / "half", finished=False)])

    assert (run.epochs, run.best_epoch, run.seconds) == (3, 2, 6.0)


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_run(tmp_path / name / "run")

    names = [run.name for run in read_runs([tmp_path / "first/run", tmp_path / "second/run"])]

    assert names == ["first/run", "second/run"]


def test_the_command_draws_and_tells(tmp_path: Path) -> None:
    run = write_run(tmp_path / "cnn")
    (tmp_path / "dense.json").write_text(json.dumps(KERAS))
    words = ["compare", str(run), str(tmp_path / "dense.json"), "--out", str(tmp_path / "figures")]

    text = CliRunner().invoke(app, words)
    machine = CliRunner().invoke(app, [*words, "--json"])

    assert text.exit_code == 0
    assert "cnn" in text.stdout
    assert "0.85" in text.stdout
    assert [row["run"] for row in json.loads(machine.stdout)["runs"]] == ["cnn", "dense"]
    assert (tmp_path / "figures/comparison.png").stat().st_size > 10_000
    assert "mean squared error" in (tmp_path / "figures/comparison.svg").read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("nonsense", "expected a run folder or a Keras history"),
        ("[1, 2]", "loss and val_loss among them"),
        ('{"loss": [1, 2], "val_loss": [1]}', "lists of one length"),
    ],
)
def test_what_is_no_history_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.json").write_text(content)

    with pytest.raises(ConfigurationError, match=says):
        read_runs([tmp_path / "x.json"])


def test_a_path_that_is_not_there_is_told_without_an_error_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\(JSON\): No such file or directory$"):
        read_runs([tmp_path / "nowhere"])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no training run with a finished epoch"):
        read_runs([tmp_path])
