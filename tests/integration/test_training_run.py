"""A small network learns a made texture, in this process and over a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifesign.errors import ConfigurationError, ConflictError, ContractError, DatasetError
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign_training.fit import train
from lifesign_training.history import EpochRecord, read_history
from lifesign_training.operating_points import CRITERIA
from lifesign_training.progress import SilentProgress
from lifesign_training.recipe import Recipe, load_recipe
from lifesign_training.run_folder import TrainedRun

OVERRIDES = (
    "preprocessing.height=32",
    "preprocessing.width=32",
    "model.stem_filters=8",
    "model.block_filters=[8,16]",
    "model.embedding_size=8",
    "model.batch_norm_momentum=0.6",
    "training.epochs=6",
    "training.batch_size=8",
    "training.learning_rate=0.01",
    "augmentation.crop=24",
    "training.deterministic=false",
)
TINY = load_recipe("liveness-small", OVERRIDES)


def write_textures(root: Path, *, per_cell: int = 12, dev: bool = True, seed: int = 5) -> Path:
    """Noise; attacks carry a fine line raster. Subjects are never shared between splits."""
    random = np.random.default_rng(seed)
    columns = np.arange(32)
    rows = ["path,split,label,pai_species,subject_id"]
    for split in ("train", "dev", "test") if dev else ("train", "test"):
        for label, species in (("bona_fide", ""), ("attack", "print_laser"), ("attack", "replay_tablet")):
            period = {"print_laser": 2, "replay_tablet": 3}.get(species)
            for number in range(per_cell):
                image = random.normal(128, 12, (32, 32, 3))
                if period:
                    image += 45 * (columns % period == 0)[None, :, None]
                name = f"{split}-{species or label}-{number}.png"
                Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(root / name)
                rows.append(f"{name},{split},{label},{species},{split}-{number % 4}")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_textures(tmp_path_factory.mktemp("textures"))


@pytest.fixture(scope="module")
def trained(textures: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return train(TINY, textures, tmp_path_factory.mktemp("runs") / "one")


def test_the_network_learns_the_texture(trained: TrainedRun) -> None:
    assert trained.summary.metrics["dev_auc"] > 0.95
    assert trained.summary.metrics["test_auc"] > 0.95


def test_the_run_folder_is_complete_and_reads_back(trained: TrainedRun) -> None:
    names = {path.name for path in trained.directory.iterdir()}

    assert names >= {
        "config.json",
        "environment.json",
        "samples.csv",
        "audit.json",
        "history.json",
        "history.csv",
        "curves.png",
        "curves.svg",
        "model.keras",
        "summary.json",
    }
    assert "checkpoints" not in names
    assert TrainedRun.load(trained.directory).summary == trained.summary
    assert [record.epoch for record in read_history(trained.directory)] == [1, 2, 3, 4, 5, 6]


def test_operating_points_come_from_the_dev_split_with_evidence(trained: TrainedRun) -> None:
    points = {point.id: point for point in trained.summary.operating_points}

    assert set(points) <= set(CRITERIA)
    assert trained.summary.default_operating_point == "eer"
    eer = points["eer"]
    assert eer.source == "dev"
    assert eer.dataset_digest == trained.summary.data_digest
    assert eer.bpcer is not None
    assert eer.bpcer.total == 12
    assert {name: rate.total for name, rate in eer.apcer_by_species.items()} == {
        "print_laser": 12,
        "replay_tablet": 12,
    }


def test_the_reference_profile_has_scores_and_image_statistics(trained: TrainedRun) -> None:
    profile = ReferenceProfile.from_dict(trained.summary.reference_profile)

    assert {"score", "brightness", "noise", "sharpness"} <= set(profile.features)


def test_a_finished_run_is_not_trained_again(trained: TrainedRun, textures: Path) -> None:
    with pytest.raises(ConflictError, match="--resume"):
        train(TINY, textures, trained.directory)

    assert train(TINY, textures, trained.directory, resume=True).summary == trained.summary


def test_another_recipe_does_not_resume(trained: TrainedRun, textures: Path) -> None:
    other = load_recipe("liveness-small", [*OVERRIDES, "training.learning_rate=0.02"])

    with pytest.raises(ConfigurationError, match="recipe changed"):
        train(other, textures, trained.directory, resume=True)


def test_a_missing_dev_split_is_carved_without_shared_subjects(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_textures(data, dev=False, per_cell=16)

    run = train(TINY, data, tmp_path / "run")

    assert run.summary.audit[0].startswith("no dev split: carved 12 of 48")
    assert run.summary.audit[1].startswith("train: 36 images, 3 subjects")


def test_unreadable_images_are_counted_and_too_many_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_textures(data)
    (data / "train-bona_fide-0.png").write_bytes(b"this is no image")

    run = train(_with_epochs(1), data, tmp_path / "run")
    audit = json.loads((tmp_path / "run" / "audit.json").read_text())
    for number in range(1, 10):
        (data / f"train-bona_fide-{number}.png").write_bytes(b"")

    assert run.summary.unreadable == 1
    assert [item["sample_id"] for item in audit["unreadable"]] == ["train-bona_fide-0.png"]
    with pytest.raises(DatasetError, match="10 of 108 images are unreadable"):
        train(_with_epochs(1), data, tmp_path / "another")


def test_a_leak_stops_the_training_unless_allowed(tmp_path: Path) -> None:
    data = write_textures(tmp_path)
    rows = (data / "manifest.csv").read_text()
    (data / "manifest.csv").write_text(rows.replace("test-1\n", "train-1\n"))

    with pytest.raises(DatasetError, match=r"\[subject_across_splits\] 1 of 11 subjects .* train-1"):
        train(TINY, data, tmp_path / "run")
    assert not (tmp_path / "run").exists()

    run = train(_with_epochs(1), data, tmp_path / "run", allow_findings=True)
    audit = json.loads((run.directory / "audit.json").read_text())
    assert [one["code"] for one in audit["findings"] if one["blocks"]] == ["subject_across_splits"]


def test_exchanged_labels_are_told_as_inverted_polarity(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_textures(data)
    rows = (data / "manifest.csv").read_text().splitlines()
    swap = {"bona_fide": "attack", "attack": "bona_fide"}
    swapped = [
        ",".join([path, split, swap[label] if split == "dev" else label, species, subject])
        for path, split, label, species, subject in (row.split(",") for row in rows[1:])
    ]
    (data / "manifest.csv").write_text("\n".join([rows[0], *swapped]) + "\n")

    with pytest.raises(ContractError, match="polarity inverted"):
        train(TINY, data, tmp_path / "run")


class _StopError(Exception):
    pass


class _StopAfterOne(SilentProgress):
    def on_epoch(self, record: EpochRecord, epochs: int) -> None:
        raise _StopError


@pytest.mark.slow
def test_a_resumed_training_ends_as_an_uninterrupted_one(textures: Path, tmp_path: Path) -> None:
    recipe = load_recipe("liveness-small", [*OVERRIDES, "training.epochs=3"])
    with pytest.raises(_StopError):
        train(recipe, textures, tmp_path / "parts", progress=_StopAfterOne())

    parts = train(recipe, textures, tmp_path / "parts", resume=True)
    whole = train(recipe, textures, tmp_path / "whole")

    assert parts.summary.best_epoch == whole.summary.best_epoch
    assert parts.summary.metrics == pytest.approx(whole.summary.metrics, abs=1e-3)


@pytest.mark.slow
def test_a_killed_training_goes_on_at_the_next_epoch(textures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "lifesign_training.cli", "fit", "--recipe", "liveness-small", "--json"]
    command += ["--data", str(textures), "--out", str(out)]
    for override in (*OVERRIDES, "training.epochs=12", "training.deterministic=true"):
        command += ["--set", override]
    state = out / "checkpoints" / "state.json"

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (state.exists() and len(_epochs(state)) >= 2):
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = _epochs(state)
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True, timeout=200)
    whole = subprocess.run(
        [*(str(out) + "-whole" if part == str(out) else part for part in command)],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )

    history = json.loads((out / "history.json").read_text())
    assert 2 <= len(before) < 12
    assert history[: len(before)] == before
    assert [record["epoch"] for record in history] == list(range(1, 13))
    assert f"resuming after epoch {len(before)}" in resumed.stderr
    assert json.loads(resumed.stdout)["operating_points"] == pytest.approx(
        json.loads(whole.stdout)["operating_points"], abs=1e-6
    )


def _epochs(state: Path) -> list[dict[str, float]]:
    return list(json.loads(state.read_text())["history"])


def _with_epochs(epochs: int) -> Recipe:
    return load_recipe("liveness-small", [*OVERRIDES, f"training.epochs={epochs}"])
