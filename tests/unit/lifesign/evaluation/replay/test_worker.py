"""The description of a replay that is sent to another machine, and what it finds there."""

import contextlib
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from lifesign.datasets.dataset import load_dataset
from lifesign.errors import ConfigurationError, NotReadyError, StorageError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.served_model import ServedModel
from lifesign.evaluation.replay.shards import shards_of
from lifesign.evaluation.replay.worker import ShardWork, shared_work
from lifesign.preprocessing import PreprocessingSpec
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.model_server import FakeModelServer

CLASSES = ("attack", "bona_fide")
SAMPLES = 40


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a data set, where everything is named relative to it as people do."""
    here = tmp_path / "here"
    write_brightness_manifest(here / "faces", samples=SAMPLES)
    # What the driver does not see either is no proof of anything.
    (here / "faces" / "images" / "attack" / "00000.png").unlink()
    monkeypatch.chdir(here)
    return here


@contextlib.contextmanager
def _work(target: str = "127.0.0.1:1", **options):
    config = evaluation_config(
        target=target, model="liveness", data="faces/manifest.csv", out="run", batch_size=8, **options
    )
    with shared_work(
        config,
        "0123456789abcdef",
        ServedModel("liveness", 1, None, CLASSES, PreprocessingSpec(height=32, width=32)),
        load_dataset("faces/manifest.csv", class_names=CLASSES),
        AnalysisSpec(CLASSES, "liveness", slice_columns=("device",)),
        has_answered=False,
    ) as work:
        sent = pickle.dumps(work)
        assert len(sent) < 20_000
        yield pickle.loads(sent)


def test_work_that_was_sent_elsewhere_counts_the_same_there(here, tmp_path, monkeypatch):
    with FakeModelServer() as server, _work(server.target) as work:
        monkeypatch.chdir(tmp_path)
        with work.open(lambda _: None) as replay:
            states = [RunState.from_dict(replay(shard)) for shard in shards_of(SAMPLES, 16)]
    table = _whole(here / "run")
    merged = RunState.empty(work.spec)
    for state in states:
        merged = merged.merge(state)
    assert merged == RunState.from_predictions(table, work.spec)
    assert sorted(table["sample_id"].to_pylist()) == sorted(set(table["sample_id"].to_pylist()))
    assert (table.num_rows, merged.reasons) == (SAMPLES, {"missing": 1})
    assert sorted(path.name for path in (here / "run").iterdir()) == [".answered", "parts"]


def _whole(run: Path):
    import pyarrow as pa

    return pa.concat_tables(read_predictions(run)).combine_chunks()


def test_the_rows_are_gone_from_the_folder_after_a_failure(here):
    seen: list[Path] = []
    with contextlib.suppress(RuntimeError), _work() as work:
        seen += [path for path in (here / "run").iterdir() if path == work.samples]
        raise RuntimeError
    assert seen
    assert list((here / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda work: replace(work, samples=work.samples.with_name("elsewhere")),
            StorageError,
            r"does not see the run folder .*run: expected a folder that all machines share$",
        ),
        (
            lambda work: replace(work, dataset=replace(work.dataset, root="/nowhere")),
            StorageError,
            r"does not see the images below /nowhere: expected images/.* as \d+:[0-9a-f]{64}, got missing",
        ),
        (
            lambda work: replace(work, witness=(work.witness[0], "1:00")),
            StorageError,
            r"does not see the images below .*faces: expected .* as 1:00, got \d+:[0-9a-f]{64}; the",
        ),
        (
            lambda work: replace(work, tool_version="0.0.1"),
            ConfigurationError,
            r"expected Lifesign 0\.0\.1 on every machine, got ",
        ),
    ],
    ids=["no folder", "no images", "other images", "other Lifesign"],
)
def test_a_machine_that_sees_something_else_is_named_before_it_replays(here, change, error, words):
    with _work() as work, pytest.raises(error, match=words) as told, change(work).open(print):
        pass
    assert os.uname().nodename in str(told.value)


def test_all_shards_of_a_failed_worker_tell_the_first_failure(here):
    told: list[str] = []
    with _work(wait_server_seconds=0) as work, work.open(told.append) as replay:
        for shard in shards_of(SAMPLES, 16):
            with pytest.raises(NotReadyError, match=r"gave up on the model server 127\.0\.0\.1:1"):
                replay(shard)


def test_a_worker_decodes_with_all_the_cores_of_its_own_machine_unless_told(here, monkeypatch):
    seen: list[int] = []
    monkeypatch.setattr(
        "lifesign.evaluation.replay.worker.opened_replay",
        lambda config, *_, **__: seen.append(config.decode_threads) or contextlib.nullcontext(),
    )
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    for options in ({}, {"decode_threads": 7}):
        with _work(**options) as work:
            monkeypatch.setattr("os.cpu_count", lambda: 5)
            with work.open(print):
                pass
    assert seen == [5, 7]
    assert isinstance(work, ShardWork)
