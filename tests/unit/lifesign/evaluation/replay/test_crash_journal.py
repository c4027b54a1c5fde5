"""What is remembered of a server that went away."""

import threading

import numpy as np
import pytest

from lifesign.errors import NotReadyError
from lifesign.evaluation.replay.crash_journal import CrashJournal
from lifesign.evaluation.service import evaluate
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.evaluations import small_evaluation
from lifesign.testing.model_server import FakeModelServer


def test_a_later_run_knows_what_earlier_ones_were_asking(tmp_path):
    first, second = CrashJournal(tmp_path), CrashJournal(tmp_path)
    first.note(["a", "b"], were_alone=False)
    first.note(["a"], were_alone=True)
    second.note(["a"], were_alone=True)
    later = CrashJournal(tmp_path)
    assert later.is_suspect(["b", "c"])
    assert not later.is_suspect(["c"])
    assert (later.crashes(["a"]), later.crashes(["b"]), later.crashes(["a", "b"])) == (2, 0, 0)


def test_a_line_that_a_killed_run_cut_is_passed_over(tmp_path):
    CrashJournal(tmp_path).note(["a"], were_alone=True)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text() + '{"images": ["b"], "al')
    later = CrashJournal(tmp_path)
    assert (later.crashes(["a"]), later.crashes(["b"])) == (1, 0)


def test_the_same_batch_is_written_once_and_a_folder_that_refuses_costs_nothing(tmp_path):
    journal = CrashJournal(tmp_path)
    for _ in range(3):
        journal.note(["a", "b"], were_alone=False)
    (path,) = tmp_path.iterdir()
    assert len(path.read_text().splitlines()) == 1
    nowhere = CrashJournal(tmp_path / "nowhere")
    nowhere.note(["a"], were_alone=True)
    assert nowhere.crashes(["a"]) == 1


def test_every_batch_that_the_server_had_when_it_went_for_good_is_written_down(tmp_path):
    manifest = write_brightness_manifest(tmp_path / "data", samples=16)
    have_arrived, is_over = threading.Barrier(4), threading.Event()

    def hold(_: np.ndarray) -> None:
        if have_arrived.wait() == 0:
            threading.Thread(target=server.stop).start()
        is_over.wait()

    options = {"shard_size": 8, "batch_size": 4, "wait_server_seconds": 0.5}
    with FakeModelServer(inspect=hold) as server:
        with pytest.raises(NotReadyError, match="gave up"):
            evaluate(small_evaluation(manifest, tmp_path / "run", server.target, **options))
        is_over.set()
    later = CrashJournal(tmp_path / "run")
    paths = [line.split(",")[0] for line in manifest.read_text().splitlines()[1:]]
    assert [path for path in paths if not later.is_suspect([path])] == []
