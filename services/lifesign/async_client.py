"""The client of a model server for an event loop."""

import asyncio
import time

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray

from lifesign.client_calls import CHANNEL_OPTIONS, METADATA, PREDICT, STATUS, Requests, raise_upstream, unary
from lifesign.errors import NotReadyError, UpstreamError
from lifesign.model_answers import (
    ModelSignature,
    Prediction,
    VersionStatus,
    prediction_of,
    signatures_of,
    statuses_of,
)
from lifesign.pb import serving_pb2 as pb

__all__ = ["AsyncPredictionClient"]


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
        self._requests = Requests(model, version, signature, output_filter)
        self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        self._predict = unary(self._channel, PREDICT, None, pb.PredictResponse)
        self._metadata = unary(
            self._channel, METADATA, pb.GetModelMetadataRequest, pb.GetModelMetadataResponse
        )
        self._status = unary(self._channel, STATUS, pb.GetModelStatusRequest, pb.GetModelStatusResponse)

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
            return prediction_of(
                await self._predict(request, timeout=timeout, metadata=metadata), len(images)
            )
        except grpc.RpcError as error:
            raise_upstream(error)

    async def metadata(self) -> dict[str, ModelSignature]:
        """Return the signatures of the served version by name."""
        try:
            return signatures_of(
                await self._metadata(self._requests.metadata(), timeout=self.timeout_seconds)
            )
        except grpc.RpcError as error:
            raise_upstream(error)

    async def status(self, *, timeout_seconds: float | None = None) -> tuple[VersionStatus, ...]:
        """Return the versions the server knows, newest first."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            return statuses_of(await self._status(self._requests.status(), timeout=timeout))
        except grpc.RpcError as error:
            raise_upstream(error)

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
