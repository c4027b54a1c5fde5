"""gRPC: the official method paths over our messages.

A synchronous server with a thread pool: a request that waits for the runtime holds a thread, requests
beyond the pool wait in gRPC. TensorFlow Serving refuses those with RESOURCE_EXHAUSTED; waiting is kinder.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from lifesign.errors import ConfigurationError
from lifesign.pb import serving_pb2
from lifesign.serving.calls import Calls
from lifesign.serving.status import Code, ServingError

__all__ = ["MODEL_SERVICE", "PREDICTION_SERVICE", "GrpcApi", "truncated"]

PREDICTION_SERVICE: Final = "tensorflow.serving.PredictionService"
MODEL_SERVICE: Final = "tensorflow.serving.ModelService"

_log = structlog.get_logger(__name__)
_MAX_MESSAGE: Final = 1024
_FOREVER_SECONDS: Final = 10 * 365 * 86_400.0
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


def truncated(message: str) -> str:
    """Return an error text as it fits into gRPC's trailers: at most 1024 characters and a mark."""
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}...TRUNCATED"


class GrpcApi:
    """A gRPC server over the calls; nothing listens before ``start``."""

    def __init__(self, calls: Calls, *, threads: int) -> None:
        self._calls = calls
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._server.add_generic_rpc_handlers((self._prediction_handlers(), self._model_handlers()))

    def start(self, host: str, port: int) -> int:
        """Open the port and serve; return the port's number.

        Raises:
            ConfigurationError: the port is taken or not allowed.
        """
        try:
            bound = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise ConfigurationError(
                f"cannot open gRPC port {host}:{port}, in use or not allowed; choose another with --port"
            ) from error
        self._server.start()
        return bound

    def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, let running ones end within the grace, then cut."""
        self._server.stop(grace_seconds).wait()

    def _prediction_handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            PREDICTION_SERVICE,
            {
                "Predict": _unary(self._predict, serving_pb2.PredictRequest, serving_pb2.PredictResponse),
                "GetModelMetadata": _unary(
                    lambda request, _: self._calls.metadata(request),
                    serving_pb2.GetModelMetadataRequest,
                    serving_pb2.GetModelMetadataResponse,
                ),
            },
        )

    def _model_handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            MODEL_SERVICE,
            {
                "GetModelStatus": _unary(
                    lambda request, _: self._calls.status(request),
                    serving_pb2.GetModelStatusRequest,
                    serving_pb2.GetModelStatusResponse,
                ),
                "HandleReloadConfigRequest": _unary(
                    self._reload, serving_pb2.ReloadConfigRequest, serving_pb2.ReloadConfigResponse
                ),
            },
        )

    def _predict(
        self, request: serving_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> serving_pb2.PredictResponse:
        instruments = self._calls.core.instruments
        model = request.model_spec.name
        started = time.perf_counter()
        try:
            response = self._calls.predict(request, timeout_seconds=_remaining_seconds(context))
        except ServingError as error:
            instruments.request_count.add(model, error.code.name)
            raise
        instruments.request_count.add(model, Code.OK.name)
        elapsed = (time.perf_counter() - started) * 1e6
        instruments.request_latency.observe(elapsed, model, "Predict", "GRPC")
        return response

    def _reload(
        self, request: serving_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> serving_pb2.ReloadConfigResponse:
        self._calls.core.apply_config(request.config, keep_waiting=context.is_active)
        return serving_pb2.ReloadConfigResponse(status=serving_pb2.Status())


def _remaining_seconds(context: grpc.ServicerContext) -> float | None:
    remaining = context.time_remaining()
    # Without a deadline grpcio tells the time until the end of its clock.
    return remaining if remaining is not None and remaining < _FOREVER_SECONDS else None


def _unary(
    call: Callable[[_Request, grpc.ServicerContext], _Response],
    request_type: type[_Request],
    response_type: type[_Response],
) -> Any:
    def handle(request: _Request, context: grpc.ServicerContext) -> _Response:
        try:
            return call(request, context)
        except ServingError as error:
            context.abort(_CODES[int(error.code)], truncated(error.message))
        except Exception:
            _log.exception("grpc_call_failed", request=request_type.__name__)
            context.abort(grpc.StatusCode.INTERNAL, "internal error; the server's log has the cause")
        raise AssertionError("abort raises")

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=request_type.FromString,
        response_serializer=response_type.SerializeToString,
    )
