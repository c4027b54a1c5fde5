"""A gateway on a real port in front of a small model server that speaks the real wire."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from lifesign.gateway.app import create_app
from lifesign.gateway.server import GatewayServer
from lifesign.gateway.settings import GatewaySettings
from lifesign.listening import listen
from lifesign.model_card import ModelCard, OperatingPoint, RateEvidence
from lifesign.pb import serving_pb2 as pb
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import CARD_FILE
from lifesign.tensors import array_from_tensor, tensor_from_array

SIDE = 32


def png(
    brightness: int, *, size: tuple[int, int] = (64, 48), file_format: str = "PNG", **options: Any
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (brightness,) * 3).save(buffer, file_format, **options)
    return buffer.getvalue()


@dataclass
class FakeModel:
    """Scores an image by its mean brightness; everything a test may turn is an attribute."""

    version: int = 7
    side: int = SIDE
    states: dict[int, int] = field(default_factory=lambda: {7: pb.ModelVersionStatus.AVAILABLE})
    failure: grpc.StatusCode | None = None
    hold: threading.Event | None = None
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    calls: list[tuple[int, ...]] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    shift: float = 0.0

    def switch(self, version: int, *, side: int | None = None) -> None:
        self.version, self.side = version, side or self.side
        self.states = {version: pb.ModelVersionStatus.AVAILABLE}

    def serving(self, port: int = 0) -> AbstractContextManager[int]:
        """Answer on a port of this machine; 0 takes a free one."""
        return serving(self, port)

    def predict(self, request: pb.PredictRequest, context: grpc.ServicerContext) -> pb.PredictResponse:
        images = array_from_tensor(request.inputs["images"])
        self.calls.append(images.shape)
        self.request_ids += [
            str(value) for key, value in context.invocation_metadata() if key == "x-request-id"
        ]
        self.waiting.release()
        if self.hold is not None:
            self.hold.wait(20)
        if self.failure is not None:
            context.abort(self.failure, "told to fail")
        if images.shape[1:] != (self.side, self.side, 3):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"wrong shape {images.shape}")
        live = (images.mean(axis=(1, 2, 3)) / 255 + self.shift).astype(np.float32)
        answer = pb.PredictResponse(model_spec=pb.ModelSpec(name=request.model_spec.name))
        answer.model_spec.version.value = self.version
        answer.outputs["scores"].CopyFrom(tensor_from_array(np.stack([1 - live, live], axis=1)))
        return answer

    def status(
        self, request: pb.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> pb.GetModelStatusResponse:
        return pb.GetModelStatusResponse(
            model_version_status=[
                pb.ModelVersionStatus(version=version, state=state) for version, state in self.states.items()
            ]
        )


@contextmanager
def serving(model: FakeModel, port: int = 0) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(8))
    for service, method, request, call in (
        ("PredictionService", "Predict", pb.PredictRequest, model.predict),
        ("ModelService", "GetModelStatus", pb.GetModelStatusRequest, model.status),
    ):
        handler = grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", {method: handler}),)
        )
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield bound
    finally:
        server.stop(0).wait()


def write_card(
    base: Path, version: int, *, threshold: float = 0.5, side: int = SIDE, **changes: Any
) -> ModelCard:
    point = OperatingPoint(
        id="dev-eer",
        criterion="eer",
        threshold=threshold,
        bpcer=RateEvidence(errors=3, total=150, value=0.02, lower=0.004, upper=0.057),
    )
    strict = OperatingPoint(id="strict", criterion="fixed", threshold=0.9, source="fixed")
    facts: dict[str, Any] = {
        "name": "liveness",
        "version": version,
        "task": "liveness",
        "class_names": ("attack", "bona_fide"),
        "preprocessing": PreprocessingSpec(height=side, width=side),
        "operating_points": (point, strict),
        "default_operating_point": "dev-eer",
    }
    card = ModelCard(**{**facts, **changes})
    path = base / "liveness" / str(version) / CARD_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(card.model_dump_json(), "utf-8")
    return card


@dataclass
class Gateway:
    server: GatewayServer
    http: httpx.Client
    model: FakeModel
    base_path: Path
    url: str

    def sample(self, name: str, **labels: str) -> float:
        """Return one value of /metrics, 0 if the series is not there."""
        for family in text_string_to_metric_families(self.http.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0


@contextmanager
def running(settings: GatewaySettings) -> Iterator[GatewayServer]:
    app = create_app(settings)
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=5)
    server = GatewayServer(config, app, drain_seconds=settings.drain_seconds)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join(20)


def until(condition: Callable[[], Any], *, seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)
    return value


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def start(model: FakeModel, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start a gateway with changed settings in front of the fake model."""
    base = tmp_path / "models"
    with ExitStack() as stack:

        def begin(*, card: bool = True, **changes: Any) -> Gateway:
            if card:
                write_card(base, model.version)
            target = f"127.0.0.1:{stack.enter_context(serving(model))}"
            settings = GatewaySettings(
                **{"target": target, "model_base_path": base, "port": 0, "host": "127.0.0.1", **changes}
            )
            server = stack.enter_context(running(settings))
            port = server.servers[0].sockets[0].getsockname()[1]
            http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20))
            return Gateway(server, http, model, base, f"http://127.0.0.1:{port}")

        yield begin


@pytest.fixture
def gateway(start: Callable[..., Gateway]) -> Gateway:
    return start()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    return png


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., ModelCard]:
    return lambda version, **changes: write_card(tmp_path / "models", version, **changes)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until
