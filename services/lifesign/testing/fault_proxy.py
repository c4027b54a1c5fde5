"""A faulty network for tests: a gRPC proxy in a process of its own that loses, delays and spoils answers.

    python -m lifesign.testing.fault_proxy 127.0.0.1:8500 --seed 1 --fault unavailable=0.2 --fault late=0.05

Its port is the first line on stdout; then comes one JSON line per fault, the fault-injection log.
"""

import argparse
import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from lifesign.pb import serving_pb2 as pb
from lifesign.signature import SCORES
from lifesign.tensors import array_from_tensor, tensor_from_array

__all__ = ["Fault", "FaultProxy"]

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_UPSTREAM_SECONDS = 60.0


class Fault(StrEnum):
    """What happens to one Predict call; every other call passes."""

    UNAVAILABLE = "unavailable"
    """Refused before the server sees it."""
    EXHAUSTED = "exhausted"
    """Refused with RESOURCE_EXHAUSTED, as a server does that is full."""
    LOST_ANSWER = "lost_answer"
    """The server answers, the client is told UNAVAILABLE: the same images are asked for twice."""
    LATE = "late"
    """The server answers, and the answer is held until the client's deadline has passed."""
    INTERNAL = "internal"
    """The server answers, the client is told INTERNAL."""
    NAN = "nan"
    """The first score of the answer becomes NaN."""
    SHAPE = "shape"
    """The answer gets one class more."""
    VERSION = "version"
    """The answer says that the next version gave it."""


_STATUS = {
    Fault.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Fault.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Fault.LOST_ANSWER: grpc.StatusCode.UNAVAILABLE,
    Fault.INTERNAL: grpc.StatusCode.INTERNAL,
}
_UNSEEN = frozenset({Fault.UNAVAILABLE, Fault.EXHAUSTED})


class FaultProxy:
    """Passes calls on to ``upstream``; each Predict call draws a fault, or none, by ``shares``.

    ``tell`` is given every fault and the number of the Predict call it happened to.
    """

    def __init__(
        self, upstream: str, *, shares: Mapping[Fault, float], seed: int, tell: Callable[[Fault, int], None]
    ) -> None:
        self._channel = grpc.insecure_channel(upstream, options=(("grpc.max_receive_message_length", -1),))
        self._shares = dict(shares)
        self._random = random.Random(seed)
        self._tell = tell
        self._lock = threading.Lock()
        self._calls = 0
        self._server = grpc.server(
            ThreadPoolExecutor(16),
            options=(("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)),
        )
        self._server.add_generic_rpc_handlers((_Everything(self._pass),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def start(self) -> None:
        """Listen on ``port``."""
        self._server.start()

    def wait(self) -> None:
        """Block until the process ends."""
        self._server.wait_for_termination()

    def _pass(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        fault = self._draw() if method == _PREDICT else None
        if fault is not None and fault in _UNSEEN:
            context.abort(_STATUS[fault], f"injected: {fault}")
        try:
            # Without serialisers bytes go in and come out, which grpc's stub does not know.
            call: Any = self._channel.unary_unary(method)
            answer: bytes = call(request, timeout=_UPSTREAM_SECONDS)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details() or "")
        if fault is Fault.LATE:
            gone = threading.Event()
            if context.add_callback(gone.set):
                gone.wait(_UPSTREAM_SECONDS)
        elif fault is not None and fault in _STATUS:
            context.abort(_STATUS[fault], f"injected: {fault}")
        return answer if fault is None else _spoilt(answer, fault)

    def _draw(self) -> Fault | None:
        with self._lock:
            self._calls += 1
            point, number = self._random.random(), self._calls
            for fault, share in self._shares.items():
                if point < share:
                    self._tell(fault, number)
                    return fault
                point -= share
        return None


class _Everything(grpc.GenericRpcHandler):
    def __init__(self, answer: Callable[[str, bytes, grpc.ServicerContext], bytes]) -> None:
        self._answer = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method: str = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._answer(method, request, context)
        )


def _spoilt(answer: bytes, fault: Fault) -> bytes:
    response = pb.PredictResponse.FromString(answer)
    if fault is Fault.VERSION:
        response.model_spec.version.value += 1
    elif fault in (Fault.NAN, Fault.SHAPE):
        scores: NDArray[Any] = array_from_tensor(response.outputs[SCORES]).copy()
        if fault is Fault.NAN:
            scores[0, 0] = np.nan
        else:
            scores = np.concatenate([scores, scores[:, :1]], axis=1)
        response.outputs[SCORES].CopyFrom(tensor_from_array(scores))
    return response.SerializeToString()


def _share(text: str) -> tuple[Fault, float]:
    name, _, share = text.partition("=")
    return Fault(name), float(share)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the proxy until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("upstream", help="host:port of the model server")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fault", type=_share, action="append", default=[], help="FAULT=SHARE of Predict calls"
    )
    options = parser.parse_args(arguments)

    def tell(fault: Fault, call: int) -> None:
        print(json.dumps({"fault": fault, "call": call}), flush=True)

    proxy = FaultProxy(options.upstream, shares=dict(options.fault), seed=options.seed, tell=tell)
    proxy.start()
    print(proxy.port, flush=True)
    proxy.wait()


if __name__ == "__main__":
    main()
