"""Whole evaluations of published layouts, as they lie on disk and behind s3://, through real gRPC."""

from pathlib import Path

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from lifesign.errors import DatasetError
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.reporting import rewrite_report
from lifesign.evaluation.service import evaluate
from lifesign.testing.layout_stand_ins import STAND_INS, write_cifar_100, write_nuaa, write_oulu_npu
from lifesign.testing.model_server import FakeModelServer


@pytest.fixture(scope="module")
def server():
    with FakeModelServer() as running:
        yield running


def _evaluate(server, data, out: Path, **options):
    values = {
        "target": server.target, "model": server.model, "class_names": ("attack", "bona_fide"),
        "image_size": (32, 32), "data": data, "out": out, "dataset_name": "stand-in", "split": "test",
    }  # fmt: skip
    return evaluate(evaluation_config(**{**values, **options}))


def _rows(run: Path) -> list[dict[str, object]]:
    return [row for table in read_predictions(run) for row in table.to_pylist()]


@pytest.mark.parametrize("name", sorted(set(STAND_INS) - {"cifar-100"}))
def test_a_layout_is_evaluated_as_it_lies(server, tmp_path, name):
    result = _evaluate(server, STAND_INS[name](tmp_path / "set"), tmp_path / "run")
    rows = _rows(tmp_path / "run")
    assert {row["outcome"] for row in rows} <= {"scored", "no_response"}
    assert result.document.accounting.total == len(rows)
    left_out = [line for line in result.document.limitations if line.startswith("Left out of the data set")]
    assert left_out
    assert all(f"({name})" in line for line in left_out)


def test_listed_images_that_are_not_there_get_no_response(server, tmp_path):
    _evaluate(server, write_nuaa(tmp_path / "set"), tmp_path / "run")
    unanswered = [row for row in _rows(tmp_path / "run") if row["outcome"] == "no_response"]
    assert [(row["path"], row["reason"]) for row in unanswered] == [
        ("raw/ClientRaw/0002/0002_01_05_02_7.jpg", "missing")
    ]


def test_a_protocol_is_part_of_the_command_that_repeats_the_run(server, tmp_path):
    result = _evaluate(server, write_oulu_npu(tmp_path / "set"), tmp_path / "run", protocol="3.1")
    assert "--protocol 3.1" in result.document.command
    assert result.document.accounting.total == 20


def test_rows_of_an_archive_are_evaluated(server, tmp_path):
    result = _evaluate(
        server, write_cifar_100(tmp_path / "set"), tmp_path / "run", protocol="coarse",
        class_names=("fruit", "large_carnivores"),
    )  # fmt: skip
    assert result.document.accounting.total == 8
    assert {(row["width"], row["height"]) for row in _rows(tmp_path / "run")} == {(32, 32)}
    assert rewrite_report(tmp_path / "run", tmp_path / "again", changes={}, gates={})


def test_a_set_that_is_not_there_is_told_before_any_server_is_asked(tmp_path):
    class Nobody:
        target, model = "127.0.0.1:1", "none"

    with pytest.raises(DatasetError, match="nowhere: no such file or folder"):
        _evaluate(Nobody, tmp_path / "nowhere", tmp_path / "run")


def test_a_set_behind_s3_gives_the_report_of_the_local_one(server, tmp_path, monkeypatch):
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    try:
        host, port = store.get_host_and_port()
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        for name, value in {
            **dict.fromkeys(keys, "test"),
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        filesystem = fsspec.filesystem("s3", use_listings_cache=False)
        filesystem.mkdir("replayed")
        root = write_nuaa(tmp_path / "set")
        filesystem.put(str(root), "replayed/nuaa", recursive=True)
        _evaluate(server, root, tmp_path / "local")
        _evaluate(server, "s3://replayed/nuaa", tmp_path / "far")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        store.stop()

    def values(run):
        drop = {"latency_seconds", "detail"}
        return [{key: value for key, value in row.items() if key not in drop} for row in _rows(run)]

    assert values(tmp_path / "far") == values(tmp_path / "local")
    report = (tmp_path / "far/report.json").read_bytes()
    assert report == (tmp_path / "local/report.json").read_bytes()
