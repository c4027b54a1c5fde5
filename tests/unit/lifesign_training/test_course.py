"""The course of a run in its model card: what a report can diagnose is what the run folder says."""

import csv
import hashlib
import math
from pathlib import Path

import pytest

from lifesign.evaluation.analysis.training_course import training_evidence
from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.inputs.run_folders import read_run_folder
from lifesign.model_card import ModelCard
from lifesign_training.course import course_of_run
from lifesign_training.export import model_card
from lifesign_training.history import EpochRecord, write_history
from lifesign_training.recipe import load_recipe
from lifesign_training.run_folder import SAMPLES_FILE, RunConfig, RunSummary, TrainedRun, open_run_folder
from lifesign_training.samples_file import split_digest

_NAMES = ("cat", "dog")
_TURNED = (0.9, 0.6, 0.5, 0.45, 0.6, 0.8, 1.0, 1.2)
_STEADY = (0.9, 0.7, 0.55, 0.45, 0.4, 0.37, 0.35, 0.34)


def _record(epoch: int, dev_loss: float) -> EpochRecord:
    right = min(0.99, 0.5 + 0.1 * epoch)
    return EpochRecord(epoch, 1 / (3 * epoch), right, dev_loss, 0.8, None, 0.01, 2.5)


def _run(folder: Path, dev_loss=_TURNED, sizes=(("train", (60, 40)), ("dev", (30, 20)))) -> TrainedRun:
    recipe = load_recipe("dense-28", ("select_by=loss",))
    open_run_folder(folder, RunConfig(recipe=recipe, class_names=_NAMES, data_digest="d"), resume=False)
    write_history(folder, [_record(row + 1, one) for row, one in enumerate(dev_loss)])
    rows = [("path", "split", "label", "sha256")]
    for split, counts in sizes:
        for name, count in zip(_NAMES, counts, strict=True):
            for number in range(count):
                rows.append(
                    (f"{number}", split, name, hashlib.sha256(f"{split}{number}".encode()).hexdigest())
                )
    with (folder / SAMPLES_FILE).open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    summary = RunSummary(
        recipe=recipe, class_names=_NAMES, data_digest="d", audit=(), epochs=len(dev_loss), unreadable=0,
        best_epoch=4, metrics={}, operating_points=(), default_operating_point=None, reference_profile={},
        seconds=6.0, finished_at="",
    )  # fmt: skip
    return TrainedRun(folder, summary)


def test_it_has_the_figures_to_six_digits_the_kept_epoch_and_the_samples(tmp_path):
    course = course_of_run(_run(tmp_path / "run"))

    assert course is not None
    assert course.figures["dev_loss"] == _TURNED
    assert course.figures["train_loss"][2] == 0.111111
    # Not measured, or of no use to anybody but the one who waited.
    assert not course.figures.keys() & {"dev_auc", "seconds", "epoch"}
    assert (course.kept_epoch, course.selected_by) == (4, "dev_loss")
    assert course.class_counts == {"train": (60, 40), "dev": (30, 20)}
    assert course.images_digests["dev"] == split_digest(tmp_path / "run" / SAMPLES_FILE, "dev", _NAMES)
    assert course.images_digests["dev"] != course.images_digests["train"]


@pytest.mark.parametrize("dev_loss", [_TURNED, _STEADY], ids=["turned", "steady"])
@pytest.mark.parametrize("train", [(60, 40), (97, 3), (100, 0)], ids=["even", "uneven", "one class"])
def test_a_card_is_diagnosed_as_its_run_folder(tmp_path, dev_loss, train):
    run = _run(tmp_path / "run", dev_loss, (("train", train), ("dev", (30, 20))))
    exported = model_card(run, name="m", version=1, layers=())
    card = ModelCard.model_validate_json(exported.model_dump_json())
    assert card.training is not None

    by_card = training_evidence(card, card.training)

    by_folder = read_run_folder(run.directory)
    assert (by_card.counts, by_card.setup) == (by_folder.counts, by_folder.setup)
    assert [one.to_dict() for one in diagnose(by_card)] == [one.to_dict() for one in diagnose(by_folder)]


def test_what_is_no_number_is_not_measured(tmp_path):
    course = course_of_run(_run(tmp_path / "run", (0.9, math.nan, 0.5, 0.4)))

    assert course is not None
    assert course.figures["dev_loss"] == (0.9, None, 0.5, 0.4)


def test_a_run_that_kept_no_history_has_no_course(tmp_path):
    run = _run(tmp_path / "run")
    (run.directory / "history.json").unlink()
    assert course_of_run(run) is None


def test_a_run_that_kept_no_list_of_samples_has_figures_only(tmp_path):
    run = _run(tmp_path / "run")
    (run.directory / SAMPLES_FILE).unlink()

    course = course_of_run(run)

    assert course is not None
    assert (course.class_counts, course.images_digests) == ({}, {})
    assert course.epochs == 8
