"""A PredictRequest as the bytes of the wire, with the values of its tensors copied once.

Through protobuf's classes they are copied five times, into memory that is new each time: for a batch of small
images that took longer than all else that is done to send it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.pb import serving_pb2, tensor_pb2
from lifesign.tensors import tensor_from_strings, tensor_without_values
from lifesign.wire_fields import field_head

__all__ = ["RequestEncoder"]

_INPUTS = serving_pb2.PredictRequest.INPUTS_FIELD_NUMBER
_CONTENT = tensor_pb2.Tensor.TENSOR_CONTENT_FIELD_NUMBER
_KEY, _VALUE = 1, 2  # of an entry of any map


class RequestEncoder:
    """Encodes requests that differ in their inputs only."""

    def __init__(self, spec: serving_pb2.ModelSpec, output_filter: Sequence[str] = ()) -> None:
        head = serving_pb2.PredictRequest(model_spec=spec, output_filter=output_filter)
        self._head = head.SerializeToString()

    def encode(self, inputs: Mapping[str, NDArray[Any]]) -> bytes:
        """Return the bytes of a request; arrays of objects are byte strings.

        Raises:
            ContractError: an array of a dtype that has no form on the wire.
        """
        pieces: list[Any] = [self._head]
        for name, array in inputs.items():
            pieces += _entry(name.encode(), _tensor(array))
        return b"".join(pieces)


def _tensor(array: NDArray[Any]) -> list[Any]:
    if array.dtype == np.object_:
        return [tensor_from_strings(array.tolist()).SerializeToString()]
    values = array if array.flags.c_contiguous else array.copy(order="C")
    head = tensor_without_values(array).SerializeToString()
    return [head, field_head(_CONTENT, values.nbytes), values.data]


def _entry(name: bytes, tensor: list[Any]) -> list[Any]:
    pieces = [field_head(_KEY, len(name)), name, field_head(_VALUE, _size(tensor)), *tensor]
    return [field_head(_INPUTS, _size(pieces)), *pieces]


def _size(pieces: list[Any]) -> int:
    return sum(memoryview(piece).nbytes for piece in pieces)
