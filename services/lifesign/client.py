"""The only way anything talks to a model server: TensorFlow Serving's gRPC, without TensorFlow.

with PredictionClient("localhost:8500", model="liveness") as client:
client.wait_ready(deadline_seconds=30)
scores = client.predict(images).scores
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc
from numpy.typing import NDArray

from lifesign.async_client import AsyncPredictionClient
from lifesign.client_calls import CHANNEL_OPTIONS, METADATA, PREDICT, STATUS, Requests, raise_upstream, unary
from lifesign.errors import NotReadyError, UpstreamError
from lifesign.model_answers import (
    Exchange,
    ModelSignature,
    Prediction,
    TensorSpec,
    VersionStatus,
    outputs_of,
    prediction_of,
    signatures_of,
    statuses_of,
)
from lifesign.pb import serving_pb2 as pb

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


class PredictionFuture:
    """A batch in flight."""

    def __init__(self, call: Any, images: int, exchange: Exchange | None = None) -> None:
        self._call = call
        self._images = images
        self._exchange = exchange

    def result(self) -> Prediction:
        """Wait for the answer; raises what ``PredictionClient.predict`` raises."""
        try:
            return prediction_of(self._call.result(), self._images, self._exchange)
        except grpc.RpcError as error:
            raise_upstream(error)

    @property
    def code(self) -> str:
        """How the call ended: ``OK`` or another gRPC status name; waits for the end."""
        return str(self._call.code().name)

    def add_done_callback(self, callback: Callable[["PredictionFuture"], None]) -> None:
        """Call back from a gRPC thread when the answer, or its failure, is there."""
        self._call.add_done_callback(lambda _: callback(self))


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
        self._requests = Requests(model, version, signature, output_filter, exchange)
        self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        self._predict = unary(self._channel, PREDICT, None, pb.PredictResponse)
        self._metadata = unary(
            self._channel, METADATA, pb.GetModelMetadataRequest, pb.GetModelMetadataResponse
        )
        self._status = unary(self._channel, STATUS, pb.GetModelStatusRequest, pb.GetModelStatusResponse)

    def predict(self, images: NDArray[Any]) -> Prediction:
        """Score a batch: uint8 images ``(n, height, width, 3)``, or what the exchange takes."""
        try:
            response = self._predict(self._requests.predict(images), timeout=self.timeout_seconds)
            return prediction_of(response, len(images), self._requests.exchange)
        except grpc.RpcError as error:
            raise_upstream(error)

    def predict_future(self, images: NDArray[Any]) -> PredictionFuture:
        """Send a batch and return at once."""
        call = self._predict.future(self._requests.predict(images), timeout=self.timeout_seconds)
        return PredictionFuture(call, len(images), self._requests.exchange)

    def outputs(self, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name as the server sent them; arguments and errors as ``predict``."""
        try:
            return outputs_of(self._predict(self._requests.predict(images), timeout=self.timeout_seconds))
        except grpc.RpcError as error:
            raise_upstream(error)

    def metadata(self) -> dict[str, ModelSignature]:
        """Return the signatures of the served version by name."""
        try:
            return signatures_of(self._metadata(self._requests.metadata(), timeout=self.timeout_seconds))
        except grpc.RpcError as error:
            raise_upstream(error)

    def status(self, *, timeout_seconds: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the versions the server knows, newest first."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            return statuses_of(self._status(self._requests.status(), timeout=timeout))
        except grpc.RpcError as error:
            raise_upstream(error)

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
