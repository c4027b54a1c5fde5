"""The only way anything talks to a model server: TensorFlow Serving's gRPC, without TensorFlow.

with PredictionClient("localhost:8500", model="liveness") as client:
client.wait_ready(deadline_seconds=30)
scores = client.predict(images).scores
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError, DeadlineError, NotReadyError, UpstreamError
from lifesign.pb import serving_pb2 as pb
from lifesign.predict_request import RequestEncoder
from lifesign.signature import IMAGES, LOGITS, SCORES
from lifesign.tensors import array_from_tensor, dtype_name

__all__ = [
    "AsyncPredictionClient",
    "Exchange",
    "ModelSignature",
    "Prediction",
    "PredictionClient",
    "PredictionFuture",
    "TensorSpec",
    "VersionStatus",
]

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC would wait up to two minutes between attempts; a restarted server must be found at once.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
)
_NOT_READY = frozenset({"UNAVAILABLE", "NOT_FOUND"})


@dataclass(frozen=True)
class Prediction:
    """The answer for one batch.

    ``scores`` and ``logits`` are float32 ``(n, classes)``; ``logits`` is ``None`` where the model
    has none; ``version`` is the version that answered, not the one asked for.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    version: int


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a signature; ``shape`` has -1 for unknown sizes and is ``None`` for unknown rank."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class ModelSignature:
    """Inputs and outputs of one signature by their alias."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True)
class VersionStatus:
    """One version of the served model; ``state`` is START, LOADING, AVAILABLE, UNLOADING or END."""

    version: int
    state: str
    error_message: str


class Exchange(Protocol):
    """How a batch is put to a model that is not Lifesign's own, and how its answer is read."""

    @property
    def signature(self) -> str:
        """Signature that is called."""
        ...

    @property
    def output_filter(self) -> tuple[str, ...]:
        """Outputs that are asked for."""
        ...

    def inputs(self, images: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """Return the tensors to send for a batch; arrays of objects are byte strings."""
        ...

    def prediction(self, outputs: Mapping[str, NDArray[Any]], version: int) -> Prediction:
        """Return the answer in Lifesign's terms; raises ``ContractError`` where it has none."""
        ...


class PredictionFuture:
    """A batch in flight."""

    def __init__(self, call: Any, exchange: Exchange | None = None) -> None:
        self._call = call
        self._exchange = exchange

    def result(self) -> Prediction:
        """Wait for the answer; raises what ``PredictionClient.predict`` raises."""
        try:
            return _prediction(self._call.result(), self._exchange)
        except grpc.RpcError as error:
            _raise(error)

    @property
    def code(self) -> str:
        """How the call ended: ``OK`` or another gRPC status name; waits for the end."""
        return str(self._call.code().name)

    def add_done_callback(self, callback: Callable[["PredictionFuture"], None]) -> None:
        """Call back from a gRPC thread when the answer, or its failure, is there."""
        self._call.add_done_callback(lambda _: callback(self))


class _Requests:
    """Builds the requests of one model; shared by both clients."""

    def __init__(
        self,
        model: str,
        version: int | None,
        signature: str,
        output_filter: tuple[str, ...],
        exchange: Exchange | None = None,
    ) -> None:
        self.model = model
        self.exchange = exchange
        self._spec = pb.ModelSpec(name=model, signature_name=signature)
        if version is not None:
            self._spec.version.value = version
        self._encoder = RequestEncoder(self._spec, output_filter)

    def predict(self, images: NDArray[Any]) -> bytes:
        if self.exchange is not None:
            return self._encoder.encode(self.exchange.inputs(images))
        if images.ndim != 4 or images.dtype != np.uint8:
            raise ContractError(f"expected uint8 images (n, h, w, 3), got {images.dtype} {images.shape}")
        return self._encoder.encode({IMAGES: images})

    def metadata(self) -> pb.GetModelMetadataRequest:
        return pb.GetModelMetadataRequest(model_spec=self._spec, metadata_field=["signature_def"])

    def status(self) -> pb.GetModelStatusRequest:
        return pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=self.model))


class PredictionClient:
    """A thread-safe client of one served model.

    ``exchange`` says how to talk to a model of another make; it brings its own signature and outputs.
    Every method raises ``NotReadyError`` (UNAVAILABLE, NOT_FOUND), ``DeadlineError`` or
    ``UpstreamError`` (any other gRPC status), and ``ContractError`` for an answer without scores.
    """

    def __init__(
        self,
        target: str,
        *,
        model: str,
        version: int | None = None,
        signature: str = "serving_default",
        output_filter: tuple[str, ...] = (),
        timeout_seconds: float = 30.0,
        exchange: Exchange | None = None,
    ) -> None:
        self.target = target
        self.timeout_seconds = timeout_seconds
        if exchange is not None:
            signature, output_filter = exchange.signature, exchange.output_filter
        self._requests = _Requests(model, version, signature, output_filter, exchange)
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._predict = _unary(self._channel, _PREDICT, None, pb.PredictResponse)
        self._metadata = _unary(
            self._channel, _METADATA, pb.GetModelMetadataRequest, pb.GetModelMetadataResponse
        )
        self._status = _unary(self._channel, _STATUS, pb.GetModelStatusRequest, pb.GetModelStatusResponse)

    def predict(self, images: NDArray[Any]) -> Prediction:
        """Score a batch: uint8 images ``(n, height, width, 3)``, or what the exchange takes."""
        try:
            response = self._predict(self._requests.predict(images), timeout=self.timeout_seconds)
            return _prediction(response, self._requests.exchange)
        except grpc.RpcError as error:
            _raise(error)

    def predict_future(self, images: NDArray[Any]) -> PredictionFuture:
        """Send a batch and return at once."""
        call = self._predict.future(self._requests.predict(images), timeout=self.timeout_seconds)
        return PredictionFuture(call, self._requests.exchange)

    def outputs(self, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name as the server sent them; arguments and errors as ``predict``."""
        try:
            return _outputs(self._predict(self._requests.predict(images), timeout=self.timeout_seconds))
        except grpc.RpcError as error:
            _raise(error)

    def metadata(self) -> dict[str, ModelSignature]:
        """Return the signatures of the served version by name."""
        try:
            return _signatures(self._metadata(self._requests.metadata(), timeout=self.timeout_seconds))
        except grpc.RpcError as error:
            _raise(error)

    def status(self, *, timeout_seconds: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the versions the server knows, newest first."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            return _statuses(self._status(self._requests.status(), timeout=timeout))
        except grpc.RpcError as error:
            _raise(error)

    def wait_ready(self, *, deadline_seconds: float, poll_seconds: float = 0.1) -> int:
        """Wait until a version is AVAILABLE and return the highest one.

        Raises:
            NotReadyError: there was none within ``deadline_seconds``.
        """
        end = time.monotonic() + deadline_seconds
        while True:
            try:
                available = [item.version for item in self.status() if item.state == "AVAILABLE"]
                problem = "no version is AVAILABLE"
            except UpstreamError as error:
                available, problem = [], str(error)
            if available:
                return max(available)
            if time.monotonic() > end:
                raise NotReadyError(
                    f"model {self._requests.model!r} at {self.target} was not ready within "
                    f"{deadline_seconds:g} s: {problem}",
                    code="UNAVAILABLE",
                )
            time.sleep(poll_seconds)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncPredictionClient:
    """The same client for an event loop; create it inside the running loop."""

    def __init__(
        self,
        target: str,
        *,
        model: str,
        version: int | None = None,
        signature: str = "serving_default",
        output_filter: tuple[str, ...] = (),
        timeout_seconds: float = 30.0,
    ) -> None:
        self.target = target
        self.timeout_seconds = timeout_seconds
        self._requests = _Requests(model, version, signature, output_filter)
        self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self._predict = _unary(self._channel, _PREDICT, None, pb.PredictResponse)
        self._metadata = _unary(
            self._channel, _METADATA, pb.GetModelMetadataRequest, pb.GetModelMetadataResponse
        )
        self._status = _unary(self._channel, _STATUS, pb.GetModelStatusRequest, pb.GetModelStatusResponse)

    async def predict(
        self,
        images: NDArray[np.uint8],
        *,
        timeout_seconds: float | None = None,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Prediction:
        """Score a batch; ``metadata`` travels as gRPC metadata, such as the request id."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            request = self._requests.predict(images)
            return _prediction(await self._predict(request, timeout=timeout, metadata=metadata))
        except grpc.RpcError as error:
            _raise(error)

    async def metadata(self) -> dict[str, ModelSignature]:
        """Return the signatures of the served version by name."""
        try:
            return _signatures(await self._metadata(self._requests.metadata(), timeout=self.timeout_seconds))
        except grpc.RpcError as error:
            _raise(error)

    async def status(self, *, timeout_seconds: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the versions the server knows, newest first."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            return _statuses(await self._status(self._requests.status(), timeout=timeout))
        except grpc.RpcError as error:
            _raise(error)

    async def wait_ready(self, *, deadline_seconds: float, poll_seconds: float = 0.1) -> int:
        """Wait until a version is AVAILABLE and return the highest one; raises ``NotReadyError``."""
        end = time.monotonic() + deadline_seconds
        while True:
            try:
                available = [item.version for item in await self.status() if item.state == "AVAILABLE"]
                problem = "no version is AVAILABLE"
            except UpstreamError as error:
                available, problem = [], str(error)
            if available:
                return max(available)
            if time.monotonic() > end:
                raise NotReadyError(f"not ready within {deadline_seconds:g} s: {problem}", code="UNAVAILABLE")
            await asyncio.sleep(poll_seconds)

    async def close(self) -> None:
        await self._channel.close()


def _unary(channel: Any, method: str, request: Any, response: Any) -> Any:
    """Return a call; without a type of ``request`` it takes the bytes of one."""
    return channel.unary_unary(
        method,
        request_serializer=None if request is None else request.SerializeToString,
        response_deserializer=response.FromString,
    )


def _outputs(response: pb.PredictResponse) -> dict[str, NDArray[Any]]:
    return {name: array_from_tensor(tensor) for name, tensor in response.outputs.items()}


def _prediction(response: pb.PredictResponse, exchange: Exchange | None = None) -> Prediction:
    if exchange is not None:
        return exchange.prediction(_outputs(response), response.model_spec.version.value)
    if SCORES not in response.outputs:
        raise ContractError(f"expected an output {SCORES!r}, got {sorted(response.outputs)}")
    scores = array_from_tensor(response.outputs[SCORES]).astype(np.float32, copy=False)
    logits = None
    if LOGITS in response.outputs:
        logits = array_from_tensor(response.outputs[LOGITS]).astype(np.float32, copy=False)
    return Prediction(scores, logits, response.model_spec.version.value)


def _signatures(response: pb.GetModelMetadataResponse) -> dict[str, ModelSignature]:
    # The Any carries the official type name; ours has the same fields, so its bytes are parsed directly.
    definitions = pb.SignatureDefMap.FromString(response.metadata["signature_def"].value).signature_def
    return {
        name: ModelSignature(
            inputs={alias: _spec(info) for alias, info in definition.inputs.items()},
            outputs={alias: _spec(info) for alias, info in definition.outputs.items()},
        )
        for name, definition in sorted(definitions.items())
    }


def _spec(info: Any) -> TensorSpec:
    shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
    return TensorSpec(info.name, dtype_name(info.dtype), shape)


def _statuses(response: pb.GetModelStatusResponse) -> tuple[VersionStatus, ...]:
    return tuple(
        VersionStatus(item.version, pb.ModelVersionStatus.State.Name(item.state), item.status.error_message)
        for item in sorted(response.model_version_status, key=lambda item: -item.version)
    )


def _raise(error: grpc.RpcError) -> NoReturn:
    code, details = error.code().name, error.details() or ""
    if code in _NOT_READY:
        raise NotReadyError(details or "the model server is not reachable", code=code) from error
    if code == "DEADLINE_EXCEEDED":
        raise DeadlineError(details or "no answer in time", code=code) from error
    raise UpstreamError(f"{code}: {details}", code=code) from error
