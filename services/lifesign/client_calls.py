"""The calls of TensorFlow Serving's gRPC that both clients make: their paths, requests and failures."""

from typing import Any, NoReturn

import grpc
import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError, DeadlineError, NotReadyError, UpstreamError
from lifesign.model_answers import Exchange
from lifesign.pb import serving_pb2 as pb
from lifesign.predict_request import RequestEncoder
from lifesign.signature import IMAGES

__all__ = ["CHANNEL_OPTIONS", "METADATA", "PREDICT", "STATUS", "Requests", "raise_upstream", "unary"]

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC would wait up to two minutes between attempts; a restarted server must be found at once.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
)
_NOT_READY = frozenset({"UNAVAILABLE", "NOT_FOUND"})


class Requests:
    """Builds the requests of one model."""

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
        """Return the bytes of a request for a batch; raises ``ContractError`` where it is no images."""
        if self.exchange is not None:
            return self._encoder.encode(self.exchange.inputs(images))
        if images.ndim != 4 or images.dtype != np.uint8:
            raise ContractError(f"expected uint8 images (n, h, w, 3), got {images.dtype} {images.shape}")
        return self._encoder.encode({IMAGES: images})

    def metadata(self) -> pb.GetModelMetadataRequest:
        """Return a request for the signatures."""
        return pb.GetModelMetadataRequest(model_spec=self._spec, metadata_field=["signature_def"])

    def status(self) -> pb.GetModelStatusRequest:
        """Return a request for the states of all versions."""
        return pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=self.model))


def unary(channel: Any, method: str, request: Any, response: Any) -> Any:
    """Return a call; without a type of ``request`` it takes the bytes of one."""
    return channel.unary_unary(
        method,
        request_serializer=None if request is None else request.SerializeToString,
        response_deserializer=response.FromString,
    )


def raise_upstream(error: grpc.RpcError) -> NoReturn:
    """Raise ``NotReadyError``, ``DeadlineError`` or ``UpstreamError`` for what gRPC raised."""
    code, details = error.code().name, error.details() or ""
    if code in _NOT_READY:
        raise NotReadyError(details or "the model server is not reachable", code=code) from error
    if code == "DEADLINE_EXCEEDED":
        raise DeadlineError(details or "no answer in time", code=code) from error
    raise UpstreamError(f"{code}: {details}", code=code) from error
