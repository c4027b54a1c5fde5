"""Presentations in place of frames, through the whole of an evaluation."""

import csv

import pytest

from lifesign.errors import DatasetError
from lifesign.evaluation.config import evaluation_config, predictions_config
from lifesign.evaluation.imported_predictions.evaluation import evaluate_predictions
from lifesign.evaluation.reporting import rewrite_report
from lifesign.evaluation.service import evaluate
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.model_server import FakeModelServer

_FRAMES = 48


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Return frames of which every four, spread over the set, are one presentation."""
    manifest = write_brightness_manifest(tmp_path_factory.mktemp("videos"), samples=_FRAMES)
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for index, row in enumerate(rows):
        row["presentation_id"] = f"video-{index % (_FRAMES // 4):02d}"
        row["subject_id"] = f"subject-{index % 3}"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


@pytest.fixture(scope="module")
def run(manifest, tmp_path_factory):
    out = tmp_path_factory.mktemp("aggregated") / "run"
    with FakeModelServer() as server:
        config = evaluation_config(
            target=server.target,
            model="liveness",
            data=manifest,
            out=out,
            class_names=("attack", "bona_fide"),
            shard_size=10,
            batch_size=5,
            aggregate="mean",
        )
        evaluate(config)
    return out


def test_a_served_run_counts_presentations_and_keeps_frames(run):
    document = rewrite_report(run, run / "again", changes={}, gates={})
    assert (document.accounting.total, document.subject.samples) == (12, 12)
    assert (document.subject.aggregate, document.subject.frames) == ("mean", _FRAMES)
    frames = rewrite_report(run, run / "frames", changes={"aggregate": "none"}, gates={})
    assert (frames.accounting.total, frames.subject.frames) == (_FRAMES, None)
    page = (run / "report.html").read_text("utf-8")
    assert "12 samples (each the mean score of the frames of a presentation, 48 frames in all)" in page


def test_a_baseline_is_aggregated_alike(run):
    document = rewrite_report(run, run / "compared", changes={"baseline": run}, gates={})
    assert document.baseline is not None
    assert (document.baseline.common_samples, document.baseline.regressions) == (12, 0)


def _scores(path, rows):
    lines = ["sample_id,label,score,presentation_id,split", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_dev_thresholds_are_chosen_on_presentations(tmp_path):
    # One frame in three of every bona fide video is hopeless; the median does not mind.
    rows = [
        (f"{split}{video}-{frame}", str(video % 2), score, f"{split}{video}", split)
        for split in ("dev", "test")
        for video in range(20)
        for frame, score in enumerate(("0.9", "0.1", "0.9") if video % 2 else ("0.2", "0.3", "0.2"))
    ]
    file = _scores(tmp_path / "a.csv", rows)
    config = predictions_config(predictions=file, out=tmp_path / "out", dev_split="dev", aggregate="median")
    document = evaluate_predictions(config).document
    assert document.accuracy.value == 1
    assert 0.2 < (document.model.threshold or 0) <= 0.9
    assert document.model.threshold_source == "dev"


def test_contradicting_frames_stop_the_evaluation(tmp_path):
    file = _scores(tmp_path / "a.csv", [("a", "0", "0.1", "v", ""), ("b", "1", "0.9", "v", "")])
    config = predictions_config(predictions=file, out=tmp_path / "out", aggregate="max")
    with pytest.raises(DatasetError, match="one label for all frames of a presentation"):
        evaluate_predictions(config)
