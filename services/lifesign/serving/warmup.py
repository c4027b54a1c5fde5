"""Warm-up: requests that the exporter stored beside a version are replayed before it is AVAILABLE."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from lifesign.pb.serving_pb2 import PredictionLog
from lifesign.serving.instruments import Instruments
from lifesign.serving.predict import find_signature, predict
from lifesign.serving.servable import Servable
from lifesign.serving.status import Code, ServingError
from lifesign.serving.tensors import to_array

__all__ = ["MAX_RECORDS", "WARMUP_FILE", "warm_up"]

WARMUP_FILE: Final = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS: Final = 1000

ReadRecords = Callable[[Path, int], Iterator[bytes]]


def warm_up(
    servable: Servable,
    version_dir: Path,
    *,
    read_records: ReadRecords,
    iterations: int,
    instruments: Instruments,
) -> int:
    """Replay the stored requests of a version, each ``iterations`` times; return how many there were.

    The model name and version in a record are ignored, its signature is honoured; records that are no
    Predict are skipped.

    Raises:
        ServingError: a record cannot be read or fails: the version must not become AVAILABLE.
    """
    path = version_dir / WARMUP_FILE
    if not path.is_file():
        return 0
    count = 0
    started = time.perf_counter()
    try:
        for record in read_records(path, MAX_RECORDS):
            count += _replay(servable, record, max(1, iterations))
    except ServingError as error:
        instruments.model_warmup_latency.observe(_micros(started), str(version_dir), error.code.name)
        raise
    instruments.model_warmup_latency.observe(_micros(started), str(version_dir), Code.OK.name)
    instruments.model_warmup_records_read.add(str(version_dir), Code.OK.name, amount=count)
    return count


def _replay(servable: Servable, record: bytes, iterations: int) -> int:
    try:
        log = PredictionLog.FromString(record)
    except DecodeError as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"Failed to parse warmup record: {error}") from error
    if not log.HasField("predict_log"):
        return 0
    request = log.predict_log.request
    signature = find_signature(servable, request.model_spec.signature_name)
    inputs = {alias: to_array(tensor, alias) for alias, tensor in request.inputs.items()}
    for _ in range(iterations):
        predict(servable, signature, inputs, output_filter=request.output_filter)
    return 1


def _micros(started: float) -> float:
    return (time.perf_counter() - started) * 1e6
