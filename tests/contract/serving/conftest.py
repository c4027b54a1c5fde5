import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from lifesign.client import PredictionClient
from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings


def _half(offset: float) -> Callable[[Path], None]:
    """Return a writer of y = x / 2 + offset, with a scalar and a matrix signature beside it."""

    class Half(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offset = tf.Variable(offset)
            self.column = tf.Variable([[1.0], [1.0]])

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def line(self, x: Any) -> Any:
            return {"y": x * 0.5 + self.offset, "twice": x * 2.0}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def single(self, x: Any) -> Any:
            return {"y": x * 0.5 + self.offset}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def total(self, x: Any) -> Any:
            return {"total": tf.reduce_sum(x) + self.offset}

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="x")])
        def product(self, x: Any) -> Any:
            return {"product": x @ self.column}

    def write(folder: Path) -> None:
        model = Half()
        tf.saved_model.save(
            model,
            str(folder),
            signatures={
                "serving_default": model.line,
                "single": model.single,
                "scalar_out": model.total,
                "matmul": model.product,
            },
        )

    return write


def _write_multi(folder: Path) -> None:
    model = tf.Module()
    model.add = tf.function(
        lambda a, b: {"sum": a + tf.cast(b, tf.float32), "b_again": b},
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="a"),
            tf.TensorSpec([None], tf.int32, name="b"),
        ],
    )
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.add})


def _write_echo(folder: Path) -> None:
    model = tf.Module()
    spec = tf.TensorSpec([None], tf.string, name="s")
    model.echo = tf.function(lambda s: {"s_bytes": tf.identity(s)}, input_signature=[spec])
    model.plain = tf.function(lambda s: {"s": tf.identity(s)}, input_signature=[spec])
    signatures = {"serving_default": model.echo, "plain": model.plain}
    tf.saved_model.save(model, str(folder), signatures=signatures)


def _write_conv(folder: Path) -> None:
    model = tf.Module()
    model.edges = tf.function(
        lambda image: {"edges": tf.nn.conv2d(image, tf.ones((3, 3, 3, 1)), 1, "SAME")},
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="image")],
    )
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.edges})


_DTYPES = [
    "float32",
    "float64",
    "int32",
    "uint8",
    "int16",
    "int8",
    "int64",
    "bool",
    "uint16",
    "float16",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
]


def _write_dtypes(folder: Path) -> None:
    model, signatures = tf.Module(), {}
    for name in _DTYPES:
        spec = tf.TensorSpec(None, tf.as_dtype(name), name="x")
        function = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=[spec])
        setattr(model, f"id_{name}", function)
        signatures[f"id_{name}"] = function
    tf.saved_model.save(model, str(folder), signatures=signatures)


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SavedModels by name, to be copied into base paths."""
    base = tmp_path_factory.mktemp("saved")
    writers = {
        "half_2": _half(2.0),
        "half_3": _half(3.0),
        "multi": _write_multi,
        "echo": _write_echo,
        "dtypes": _write_dtypes,
        "conv": _write_conv,
    }
    for name, write in writers.items():
        write(base / name)
    return {name: base / name for name in writers}


@pytest.fixture(scope="session")
def publish(model_folders: dict[str, Path]) -> Callable[..., Path]:
    """Put a SavedModel into place in one step, as an exporter does."""

    def put(name: str, base: Path, version: int | str) -> Path:
        aside = base / f"tmp_{version}"
        shutil.copytree(model_folders[name], aside)
        return aside.rename(base / str(version))

    return put


@pytest.fixture(params=_DTYPES)
def dtype(request: pytest.FixtureRequest) -> str:
    """Every type that the model ``dtypes`` has a signature for."""
    return str(request.param)


@pytest.fixture
def base(tmp_path: Path, publish: Callable[..., Path]) -> Path:
    """The base path of the model ``half``, with version 1: y = x / 2 + 2."""
    folder = tmp_path / "half"
    folder.mkdir()
    publish("half_2", folder, 1)
    return folder


@dataclass(frozen=True)
class Wire:
    """A running server as its clients see it."""

    server: ModelServer
    base: Path

    @property
    def channel(self) -> grpc.Channel:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        return grpc.insecure_channel(f"127.0.0.1:{self.server.grpc_port}", options)

    @property
    def predictions(self) -> Any:
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    @property
    def models(self) -> Any:
        return model_service_pb2_grpc.ModelServiceStub(self.channel)

    def predict(self, model: str, inputs: dict[str, Any], **spec: Any) -> Any:
        return self.predictions.Predict(request(model, inputs, **spec), timeout=30)

    def http(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Return status, content type and body."""
        url = f"http://127.0.0.1:{self.server.rest_port}{path}"
        call = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(call, timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def post(self, path: str, body: str) -> tuple[int, Any]:
        status, _, text = self.http("POST", path, body.encode())
        return status, json.loads(text)

    def get(self, path: str) -> tuple[int, Any]:
        status, _, text = self.http("GET", path)
        return status, json.loads(text)


def request(
    model: str,
    inputs: dict[str, Any],
    *,
    version: int | None = None,
    label: str = "",
    signature: str = "",
    outputs: tuple[str, ...] = (),
) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(output_filter=outputs)
    message.model_spec.name = model
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    if label:
        message.model_spec.version_label = label
    for alias, value in inputs.items():
        message.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return message


@pytest.fixture(scope="session")
def start(publish: Callable[..., Path]) -> Callable[..., Wire]:
    def run(base: Path, **settings: Any) -> Wire:
        known = {
            "host": "127.0.0.1",
            "port": 0,
            "rest_api_port": 0,
            "file_system_poll_wait_seconds": 0.05,
            "max_num_load_retries": 0,
            "drain_seconds": 5.0,
        }
        server = ModelServer(ServerSettings(**{**known, **settings}))
        server.start()
        return Wire(server, base)

    return run


@pytest.fixture(scope="session")
def wire(
    tmp_path_factory: pytest.TempPathFactory, publish: Callable[..., Path], start: Callable[..., Wire]
) -> Iterator[Wire]:
    """One server with every small model; half has versions 1 and 2 of the 3 on disk."""
    base = tmp_path_factory.mktemp("models")
    for name in ("half", "multi", "echo", "dtypes", "conv"):
        (base / name).mkdir()
    for version in (1, 2, 3):
        publish("half_2" if version == 1 else "half_3", base / "half", version)
    for name in ("multi", "echo", "dtypes", "conv"):
        publish(name, base / name, 1)
    config = base / "models.config"
    entries = [
        f'config {{ name: "{name}" base_path: "{base / name}" model_platform: "tensorflow" '
        + ("model_version_policy { specific { versions: [1, 2] } } }" if name == "half" else "}")
        for name in ("half", "multi", "echo", "dtypes", "conv")
    ]
    config.write_text("model_config_list { " + " ".join(entries) + " }")
    running = start(base, model_config_file=config, monitoring_path="/monitoring/prometheus/metrics")
    # The server starts to answer with the first version of each model.
    with PredictionClient(f"127.0.0.1:{running.server.grpc_port}", model="half") as client:
        _wait_available(client, {1, 2})
    yield running
    running.server.stop(1.0)


def _wait_available(client: PredictionClient, versions: set[int]) -> None:
    end = time.monotonic() + 30
    while not versions <= {one.version for one in client.status() if one.state == "AVAILABLE"}:
        assert time.monotonic() < end, client.status()
        time.sleep(0.02)


@pytest.fixture(scope="session")
def failure() -> Callable[..., tuple[str, str]]:
    """Return status name and details of a call that must fail."""

    def catch(call: Callable[[], object]) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        error: Any = caught.value
        return error.code().name, error.details()

    return catch
