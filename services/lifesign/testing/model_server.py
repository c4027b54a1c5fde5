"""A model server for tests: real gRPC in this process, scores from a function, failures from a script."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np
from google.protobuf import any_pb2
from google.protobuf.message import Message
from numpy.typing import NDArray

from lifesign.pb import serving_pb2 as pb
from lifesign.pb import tensor_pb2
from lifesign.signature import IMAGES, LOGITS, SCORES
from lifesign.tensors import array_from_tensor, tensor_from_array

__all__ = ["Answer", "Failure", "FakeModelServer", "mean_brightness_logits", "softmax"]

Logits = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Failure(Exception):  # noqa: N818 - a script entry that is also raised
    """Fail a call with a gRPC status, such as ``Failure("UNAVAILABLE")``."""

    code: str
    message: str = "scripted failure"


@dataclass(frozen=True)
class Answer:
    """Answer a call with these arrays, right or wrong, instead of the model's."""

    outputs: dict[str, NDArray[Any]]


Step = Failure | Answer | None
"""What happens to one Predict call; ``None`` is the model's own answer."""


def mean_brightness_logits(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return logits ``(n, 2)`` of (attack, bona_fide): the brighter an image, the more bona fide."""
    mean = images.reshape(len(images), -1).astype(np.float64).mean(axis=1)
    logit = ((mean - 127.5) / 16).astype(np.float32)
    return np.stack([-logit / 2, logit / 2], axis=1)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax of logits ``(n, k)``."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


class FakeModelServer:
    """Serves one model whose scores are a function of the pixels.

    ``script`` decides call by call; when it is used up the model answers. ``inspect`` sees the pixels of
    every call first and may decide too. ``versions`` are AVAILABLE; ``load`` and ``unload`` change that.
    ``stop`` and ``start`` keep the port.
    """

    def __init__(
        self,
        logits: Logits = mean_brightness_logits,
        *,
        model: str = "liveness",
        versions: Iterable[int] = (1,),
        input_shape: Sequence[int] = (-1, 32, 32, 3),
        classes: int = 2,
        script: Iterable[Step] = (),
        inspect: Callable[[NDArray[np.uint8]], Step] | None = None,
    ) -> None:
        self.model = model
        self.calls = 0
        self.images = 0
        self._logits = logits
        self._states: dict[int, str] = dict.fromkeys(versions, "AVAILABLE")
        self._input_shape = tuple(input_shape)
        self._classes = classes
        self._script = iter(script)
        self._inspect = inspect
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None
        self.port = 0

    @property
    def target(self) -> str:
        """Address for a client."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def start(self) -> None:
        """Listen; on the same port as before when there was one."""
        server = grpc.server(ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((self._prediction_service(), self._model_service()))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        self._server = server

    def stop(self) -> None:
        """Cut every connection, as a killed server does."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(None).wait()

    def load(self, version: int) -> None:
        """Make a version AVAILABLE."""
        self._states[version] = "AVAILABLE"

    def unload(self, version: int) -> None:
        """Take a version away."""
        self._states[version] = "END"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _predict(self, request: pb.PredictRequest) -> pb.PredictResponse:
        version = self._version(request.model_spec)
        images = array_from_tensor(request.inputs[IMAGES])
        with self._lock:
            self.calls += 1
            self.images += len(images)
            step = next(self._script, None)
        if step is None and self._inspect is not None:
            step = self._inspect(images)
        if isinstance(step, Failure):
            raise step
        if isinstance(step, Answer):
            outputs = step.outputs
        else:
            logits = self._logits(images)
            outputs = {SCORES: softmax(logits), LOGITS: logits}
        response = pb.PredictResponse(
            outputs={name: tensor_from_array(array) for name, array in outputs.items()}
        )
        response.model_spec.name = self.model
        response.model_spec.version.value = version
        return response

    def _metadata(self, request: pb.GetModelMetadataRequest) -> pb.GetModelMetadataResponse:
        version = self._version(request.model_spec)
        definition = tensor_pb2.SignatureDef()
        _describe(definition.inputs[IMAGES], tensor_pb2.DT_UINT8, self._input_shape)
        for name in (SCORES, LOGITS):
            _describe(definition.outputs[name], tensor_pb2.DT_FLOAT, (-1, self._classes))
        definitions = pb.SignatureDefMap(signature_def={"serving_default": definition})
        response = pb.GetModelMetadataResponse(
            metadata={"signature_def": any_pb2.Any(value=definitions.SerializeToString())}
        )
        response.model_spec.name = self.model
        response.model_spec.version.value = version
        return response

    def _status(self, request: pb.GetModelStatusRequest) -> pb.GetModelStatusResponse:
        if request.model_spec.name != self.model:
            raise Failure("NOT_FOUND", f"Could not find any versions of model {request.model_spec.name}")
        states = [
            pb.ModelVersionStatus(version=version, state=state) for version, state in self._states.items()
        ]
        return pb.GetModelStatusResponse(model_version_status=states)

    def _version(self, spec: pb.ModelSpec) -> int:
        ready = [version for version, state in self._states.items() if state == "AVAILABLE"]
        wanted = spec.version.value if spec.HasField("version") else max(ready, default=0)
        if spec.name != self.model or wanted not in ready:
            raise Failure("NOT_FOUND", f"Servable not found for request: Specific({spec.name}, {wanted})")
        return wanted

    def _prediction_service(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "tensorflow.serving.PredictionService",
            {
                "Predict": _handler(self._predict, pb.PredictRequest),
                "GetModelMetadata": _handler(self._metadata, pb.GetModelMetadataRequest),
            },
        )

    def _model_service(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "tensorflow.serving.ModelService",
            {"GetModelStatus": _handler(self._status, pb.GetModelStatusRequest)},
        )


def _handler(answer: Callable[[Any], Any], request: Any) -> Any:
    def handle(message: Any, context: grpc.ServicerContext) -> Any:
        try:
            return answer(message)
        except Failure as failure:
            return context.abort(grpc.StatusCode[failure.code], failure.message)

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=request.FromString,
        response_serializer=_serialize,
    )


def _serialize(response: Message) -> bytes:
    return response.SerializeToString()


def _describe(info: tensor_pb2.TensorInfo, dtype: Any, shape: Sequence[int]) -> None:
    info.dtype = dtype
    for size in shape:
        info.tensor_shape.dim.add(size=size)
