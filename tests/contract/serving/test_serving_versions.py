"""Rows V, S, C, L, W, Z: versions come and go, and no request fails."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
    prediction_log_pb2,
)

from lifesign.serving.status import ServingError

X = np.array([1.0, 2.0, 5.0], np.float32)


@pytest.fixture
def serving(base: Path, start: Callable[..., Any]) -> Iterator[Any]:
    wire = start(base, model_base_path=base, model_name="half")
    yield wire
    wire.server.stop(1.0)


def states(wire: Any, model: str = "half") -> dict[int, tuple[int, int]]:
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = model
    entries = wire.models.GetModelStatus(message).model_version_status
    return {entry.version: (entry.state, entry.status.error_code) for entry in entries}


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the expected state did not come"
        time.sleep(0.01)


class Load:
    """Threads that ask without pause and keep every failure."""

    def __init__(self, wire: Any) -> None:
        self._wire, self._stop = wire, threading.Event()
        self.failures: list[str] = []
        self.versions: list[int] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def _ask(self) -> None:
        stub = self._wire.predictions
        message = predict_pb2.PredictRequest()
        message.model_spec.name = "half"
        message.inputs["x"].CopyFrom(tf.make_tensor_proto(X))
        offsets = {1: 2.0, 2: 3.0}
        while not self._stop.is_set():
            try:
                answer = stub.Predict(message, timeout=20)
            except grpc.RpcError as error:
                self.failures.append(str(error))
                continue
            version = answer.model_spec.version.value
            if list(answer.outputs["y"].float_val) != [x * 0.5 + offsets[version] for x in X]:
                self.failures.append(f"wrong answer from {version}")
            self.versions.append(version)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def test_a_hot_swap_under_load_fails_no_request(serving, base, publish, failure):  # V05, V06, V07, V12
    with Load(serving) as load:
        until(lambda: len(load.versions) > 20)
        publish("half_3", base, 2)
        until(lambda: states(serving).get(1) == (50, 0))
        shutil.rmtree(base / "1")
        until(lambda: load.versions[-1] == 2)
        assert failure(lambda: serving.predict("half", {"x": X}, version=1))[0] == "NOT_FOUND"
        publish("half_2", base, 1)
        shutil.rmtree(base / "2")
        until(lambda: states(serving) == {1: (30, 0), 2: (50, 0)})
        until(lambda: load.versions[-1] == 1)

    assert load.failures == []
    assert set(load.versions) == {1, 2}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"\xff" * 64), 15),
        (lambda folder: (folder / "saved_model.pb").unlink(), 5),
        (
            lambda folder: next(folder.glob("variables/*.data-*")).write_bytes(b"\x00"),
            11,
        ),
    ],
    ids=["V08 unreadable", "V09 empty", "V10 truncated"],
)
def test_a_broken_newer_version_leaves_the_old_one_serving(serving, base, model_folders, damage, code):
    aside = base / "tmp_2"
    shutil.copytree(model_folders["half_3"], aside)
    damage(aside)
    aside.rename(base / "2")

    until(lambda: states(serving).get(2, (0, 0))[0] == 50)

    assert states(serving) == {1: (30, 0), 2: (50, code)}
    assert serving.predict("half", {"x": X}).model_spec.version.value == 1


def test_a_version_that_failed_is_tried_afresh_when_it_comes_back(serving, base, publish):  # V15
    (base / "2").mkdir()
    until(lambda: states(serving).get(2, (0, 0))[0] == 50)

    (base / "2").rename(base / "gone")
    until(lambda: serving.server._core._manager._models["half"]._wanted.keys() == {1})
    publish("half_3", base, 2)

    until(lambda: states(serving) == {1: (50, 0), 2: (30, 0)})
    assert list(serving.predict("half", {"x": X}).outputs["y"].float_val) == [3.5, 4.0, 5.5]


def test_a_vanished_base_path_unloads_nothing_an_empty_one_everything(serving, base, failure):  # V13, V14
    away = base.with_name("away")
    base.rename(away)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        assert serving.predict("half", {"x": X}).model_spec.version.value == 1
    away.rename(base)

    shutil.rmtree(base / "1")

    until(lambda: states(serving) == {1: (50, 0)})
    assert failure(lambda: serving.predict("half", {"x": X})) == (
        "NOT_FOUND",
        "Servable not found for request: Latest(half)",
    )


def _reload(wire: Any, *configs: str) -> Any:
    message = model_management_pb2.ReloadConfigRequest()
    text = "model_config_list { " + " ".join(f"config {{ {config} }}" for config in configs) + " }"
    text_format.Parse(text, message.config)
    return wire.models.HandleReloadConfigRequest(message, timeout=60)


def _config(name: str, base: Path | str, extra: str = "") -> str:
    return f'name: "{name}" base_path: "{base}" model_platform: "tensorflow" {extra}'


def test_a_reload_adds_removes_and_labels(serving, base, tmp_path, publish, failure):  # C01–C03, L01–L04
    (tmp_path / "multi").mkdir()
    publish("multi", tmp_path / "multi", 5)
    publish("half_3", base, 2)
    both = "model_version_policy { all {} }"

    answer = _reload(serving, _config("half", base, both), _config("multi", tmp_path / "multi"))
    assert (answer.status.error_code, answer.status.error_message) == (0, "")
    assert states(serving, "multi") == {5: (30, 0)}
    until(lambda: states(serving) == {1: (30, 0), 2: (30, 0)})

    label = 'version_labels { key: "stable" value: 1 }'
    _reload(serving, _config("half", base, f"{both} {label}"))
    assert serving.predict("half", {"x": X}, label="stable").model_spec.version.value == 1
    status, body = serving.post("/v1/models/half/labels/stable:predict", '{"instances": [1.0]}')
    assert (status, body["predictions"][0]["y"]) == (200, 2.5)
    until(lambda: states(serving, "multi") == {5: (50, 0)})

    moved = 'version_labels { key: "stable" value: 9 }'
    assert failure(lambda: _reload(serving, _config("half", base, f"{both} {moved}"))) == (
        "FAILED_PRECONDITION",
        "Request to assign label to version 9 of model half, which is not currently available for inference",
    )
    assert serving.predict("half", {"x": X}, label="stable").model_spec.version.value == 1

    _reload(serving, _config("half", base, both))
    assert failure(lambda: serving.predict("half", {"x": X}, label="stable"))[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("configs", "code"),
    [
        (["half:/half", "half:/half"], "INVALID_ARGUMENT"),
        (["half:relative"], "INVALID_ARGUMENT"),
    ],
    ids=["C04", "C05"],
)
def test_a_wrong_config_is_refused_and_changes_nothing(serving, failure, configs, code):
    entries = [_config(*entry.split(":")) for entry in configs]

    assert failure(lambda: _reload(serving, *entries))[0] == code
    assert serving.predict("half", {"x": X}).model_spec.version.value == 1


def test_a_reload_without_a_list_is_refused(serving, failure):  # C08
    message = model_management_pb2.ReloadConfigRequest()

    assert failure(lambda: serving.models.HandleReloadConfigRequest(message))[0] == "INVALID_ARGUMENT"


def test_a_reload_with_a_model_that_cannot_load_names_it(serving, base, tmp_path, failure):  # C09
    (tmp_path / "bad" / "7").mkdir(parents=True)

    code, text = failure(lambda: _reload(serving, _config("half", base), _config("bad", tmp_path / "bad")))

    assert code == "UNKNOWN"
    assert "{{name: bad version: 7} due to error: NOT_FOUND: Specified file path" in text
    assert serving.predict("half", {"x": X}).model_spec.version.value == 1


def _write_warmup(folder: Path, inputs: dict[str, Any]) -> None:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "whatever"
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


def test_stored_requests_are_replayed_before_available(tmp_path, model_folders, start):  # W01
    folder = tmp_path / "half" / "1"
    shutil.copytree(model_folders["half_2"], folder)
    _write_warmup(folder, {"x": X})

    wire = start(tmp_path, model_base_path=tmp_path / "half", model_name="half")
    try:
        assert wire.server.instruments.model_warmup_records_read.value(str(folder), "OK") == 1
        assert wire.server.instruments.model_warmup_latency.count(str(folder), "OK") == 1
    finally:
        wire.server.stop(1.0)


def test_a_stored_request_that_fails_makes_the_start_fail(tmp_path, model_folders, start):  # W02, Z01
    folder = tmp_path / "half" / "1"
    shutil.copytree(model_folders["half_2"], folder)
    _write_warmup(folder, {"wrong": X, "x": X})

    with pytest.raises(ServingError, match=r"1 servable\(s\) did not become available: \{\{\{name: half"):
        start(tmp_path, model_base_path=tmp_path / "half", model_name="half")


def test_a_missing_base_path_is_waited_for(tmp_path, publish, start):  # Z04
    missing = tmp_path / "later"
    started: list[Any] = []
    thread = threading.Thread(
        target=lambda: started.append(start(missing, model_base_path=missing, model_name="half"))
    )
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()

    aside = tmp_path / "aside"
    aside.mkdir()
    publish("half_2", aside, 4)
    aside.rename(missing)
    thread.join(20)

    assert started[0].predict("half", {"x": X}).model_spec.version.value == 4
    started[0].server.stop(1.0)


def test_frozen_and_as_saved_answer_alike(base, start):
    answers = []
    for freeze in (True, False):
        wire = start(base, model_base_path=base, model_name="half", freeze=freeze)
        answers.append(list(wire.predict("half", {"x": X}).outputs["y"].float_val))
        wire.server.stop(1.0)

    assert answers[0] == answers[1] == [2.5, 3.0, 4.5]
