"""History, storage, checkpoints: what a run leaves on the disk."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from lifesign.errors import ConfigurationError, ConflictError, StorageError
from lifesign.evaluation.superclasses import read_superclasses
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.history import EpochRecord, best_epoch, is_stalled, read_history, write_history
from lifesign_training.recipe import load_recipe
from lifesign_training.run_folder import RunConfig, open_run_folder, write_superclasses
from lifesign_training.storage import storage_errors, write_text


def record(epoch: int, *, auc: float | None = None, accuracy: float = 0.5, loss: float = 1.0) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, loss, accuracy, auc, 0.001, 2.0)


@pytest.mark.parametrize(
    ("select_by", "expected"),
    [("auc", 2), ("accuracy", 3), ("loss", 1)],
)
def test_the_best_epoch_follows_the_recipe(select_by: str, expected: int) -> None:
    history = [
        record(1, auc=0.8, accuracy=0.6, loss=0.3),
        record(2, auc=0.9, accuracy=0.7, loss=0.5),
        record(3, auc=0.9, accuracy=0.8, loss=0.6),
    ]

    assert best_epoch(history, select_by) == expected


def test_the_best_epoch_takes_errors_the_other_way_and_skips_what_was_not_measured() -> None:
    history = [
        replace(record(1), dev_eer=0.2, dev_mse=0.1),
        replace(record(2), dev_eer=0.1, dev_mse=0.3),
        replace(record(3), dev_eer=None, dev_mse=float("nan")),
    ]

    assert best_epoch(history, "eer") == 2
    assert best_epoch(history, "mse") == 1


@pytest.mark.parametrize(
    ("accuracies", "patience", "min_delta", "expected"),
    [
        ([0.5, 0.6, 0.7], 2, 0.0, False),
        ([0.5, 0.7, 0.6], 2, 0.0, False),
        ([0.5, 0.7, 0.6, 0.7], 2, 0.0, True),
        ([0.5, 0.505, 0.508], 2, 0.01, True),
        ([0.5, 0.505, 0.511], 2, 0.01, False),
        ([], 1, 0.0, False),
    ],
)
def test_early_stopping_counts_epochs_without_a_gain(
    accuracies: list[float], patience: int, min_delta: float, expected: bool
) -> None:
    history = [record(epoch, accuracy=value) for epoch, value in enumerate(accuracies, start=1)]

    assert is_stalled(history, "accuracy", patience=patience, min_delta=min_delta) is expected


def test_history_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    old = {
        "epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "dev_loss": 1.0, "dev_accuracy": 0.5,
        "dev_auc": None, "learning_rate": 0.001, "seconds": 2.0,
    }  # fmt: skip
    (tmp_path / "history.json").write_text(json.dumps([old]))

    assert read_history(tmp_path) == (record(1),)


def test_history_reads_back(tmp_path: Path) -> None:
    history = (record(1, auc=0.8), record(2, auc=None))

    write_history(tmp_path, history)

    assert read_history(tmp_path) == history
    assert (tmp_path / "history.csv").read_text().splitlines()[0].startswith("epoch,train_loss")
    assert read_history(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EDQUOT, "quota")],
)
def test_a_refusing_disk_is_said_in_words(code: int, says: str) -> None:
    with pytest.raises(StorageError, match=f"cannot write the model: .*{says}"), storage_errors("the model"):
        raise OSError(code, "x")


def test_a_failed_write_keeps_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_text(path, "before")

    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")

    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_checkpoints_keep_the_last_and_the_best(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    folder = CheckpointFolder(tmp_path / "checkpoints")

    assert folder.restore() is None
    history: tuple[EpochRecord, ...] = ()
    for epoch in (1, 2, 3):
        history = (*history, record(epoch))
        folder.save(model, history, best=1 if epoch < 3 else 2)
    stand = folder.restore()

    assert stand is not None
    assert stand.history == history
    assert stand.last_model.is_file()
    assert stand.best_model.name == "epoch-00002.keras"
    assert stand.best_model.is_file()
    (tmp_path / "checkpoints" / ".state.json-k1ll3d").write_text("{")  # left by a kill while it was written
    folder.remove()
    assert not (tmp_path / "checkpoints").exists()


def config(digest: str = "d") -> RunConfig:
    return RunConfig(recipe=load_recipe("digits-small"), class_names=("a", "b"), data_digest=digest)


def test_a_run_folder_is_taken_once(tmp_path: Path) -> None:
    open_run_folder(tmp_path / "run", config(), resume=False)

    with pytest.raises(ConflictError, match="already holds"):
        open_run_folder(tmp_path / "run", config(), resume=False)
    open_run_folder(tmp_path / "run", config(), resume=True)
    with pytest.raises(ConfigurationError, match="data_digest changed"):
        open_run_folder(tmp_path / "run", config("other"), resume=True)


def test_a_start_that_was_killed_can_be_started_again(tmp_path: Path) -> None:
    (tmp_path / ".config.json-k1ll3d").write_text("{")

    open_run_folder(tmp_path, config(), resume=False)

    assert RunConfig.model_validate_json((tmp_path / "config.json").read_text("utf-8")) == config()
    with pytest.raises(ConflictError, match="already holds"):
        open_run_folder(tmp_path, config(), resume=False)


def test_superclasses_are_read_as_they_were_written(tmp_path: Path) -> None:
    superclasses = {"pear": "fruit, and vegetables", "fir, old": "trees", '"x"': "other"}

    write_superclasses(tmp_path, superclasses)

    assert read_superclasses(tmp_path / "superclasses.csv") == superclasses


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"x")

    with pytest.raises(ConflictError, match="not empty"):
        open_run_folder(tmp_path, config(), resume=False)
