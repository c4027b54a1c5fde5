"""What a training shows: the console and the figure."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from lifesign.labels import LIVENESS_CLASSES
from lifesign_training.curves import draw_curves
from lifesign_training.history import EpochRecord
from lifesign_training.pixels import DecodedSplit
from lifesign_training.progress import ConsoleProgress
from lifesign_training.quality import measure, softmax
from lifesign_training.samples import Sample

RECORD = EpochRecord(2, 0.5, 0.75, 0.6, 0.7, 0.812, 0.001, 30.0)


def test_a_file_gets_one_line_per_epoch_with_the_time_left() -> None:
    stream = io.StringIO()

    with ConsoleProgress(Console(file=stream, width=200)) as progress:
        progress.on_batch(2, 5, 0, 100)
        progress.on_batch(2, 5, 50, 100)
        progress.on_epoch(RECORD, 5)

    assert stream.getvalue() == (
        "epoch   2/5  train loss 0.500 accuracy 0.750"
        "  dev loss 0.600 accuracy 0.700  AUC 0.812  30.0 s, 1:30 left\n"
    )


def test_a_terminal_gets_a_live_line_with_the_rate() -> None:
    stream = io.StringIO()

    with ConsoleProgress(Console(file=stream, width=200, force_terminal=True)) as progress:
        progress.on_epoch(RECORD, 5)
        progress.on_batch(3, 5, 0, 100)
        progress.on_batch(3, 5, 50, 100)

    assert "epoch 3/5  50/100" in stream.getvalue()
    assert "images/s" in stream.getvalue()
    assert "left" in stream.getvalue()


def test_the_figure_is_drawn_twice(tmp_path: Path) -> None:
    history = [EpochRecord(n, 1 / n, 0.5, 1.2 / n, 0.6, None, 0.001, 1.0) for n in range(1, 6)]

    draw_curves(history, 4, tmp_path, title="two classes")

    with Image.open(tmp_path / "curves.png") as picture:
        width, height = picture.size
        assert width > 900
        assert height > 300
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 20, "an empty sheet"
    assert "<svg" in (tmp_path / "curves.svg").read_text()


def test_the_same_history_gives_the_same_figure_and_nan_none(tmp_path: Path) -> None:
    history = [EpochRecord(n, 1 / n, 0.5, 1.2 / n, 0.6, None, 0.001, 1.0) for n in range(1, 6)]
    (tmp_path / "again").mkdir()
    (tmp_path / "broken").mkdir()

    draw_curves(history, 4, tmp_path, title="")
    draw_curves(history, 4, tmp_path / "again", title="")
    broken = EpochRecord(1, math.nan, 0.1, math.nan, 0.1, None, 0.001, 1.0)
    draw_curves([broken], 1, tmp_path / "broken", title="")

    for name in ("curves.png", "curves.svg"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert not list((tmp_path / "broken").iterdir())


def test_logits_are_measured_by_hand() -> None:
    samples = tuple(
        Sample(str(index), label, None, species="print" if label == "attack" else "")
        for index, label in enumerate(("attack", "attack", "attack", "bona_fide"))
    )
    split = DecodedSplit(samples, np.zeros((4, 2, 2, 3), np.uint8), {}, ())
    logits = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5]], np.float32))

    measured = measure(split, logits, LIVENESS_CLASSES)

    assert measured["accuracy"] == 0.5
    assert measured["balanced_accuracy"] == pytest.approx(1 / 3)
    assert measured["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5]).mean(), abs=1e-6)
    assert measured["auc"] == pytest.approx(2 / 3)


def test_softmax_of_large_logits_is_finite() -> None:
    probabilities = softmax(np.array([[1000.0, -1000.0], [3.0, 3.0]], np.float32))

    assert probabilities.tolist() == [[1.0, 0.0], [0.5, 0.5]]
