"""Tensors of the wire to arrays and back.

Both forms of a tensor are read, ``tensor_content`` and the typed field of the dtype. A typed field
with fewer values than elements repeats its last value, none at all means zeros: as TensorFlow's
``Tensor::FromProto`` has it. Declared sizes are bounded before anything is allocated.
"""

import math
from typing import Any, Final

import numpy as np

from lifesign.pb import tensor_pb2
from lifesign.pb.tensor_pb2 import Tensor
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError
from lifesign.wire_fields import field_head

__all__ = ["DTYPE_NAMES", "EXPANSION_LIMIT_BYTES", "content_tensor", "to_array", "typed_tensor"]

EXPANSION_LIMIT_BYTES: Final = 256 * 2**20
"""Largest tensor that a request may declare without sending its values; TensorFlow has no such limit."""

DTYPE_NAMES: Final[dict[int, str]] = {
    value.number: value.name.removeprefix("DT_").lower() for value in tensor_pb2.DataType.DESCRIPTOR.values
}
"""Numbers of ``DataType`` to the names that error texts use."""

_NUMPY: Final[dict[int, Any]] = {
    tensor_pb2.DT_FLOAT: np.float32,
    tensor_pb2.DT_DOUBLE: np.float64,
    tensor_pb2.DT_INT32: np.int32,
    tensor_pb2.DT_UINT8: np.uint8,
    tensor_pb2.DT_INT16: np.int16,
    tensor_pb2.DT_INT8: np.int8,
    tensor_pb2.DT_STRING: np.object_,
    tensor_pb2.DT_COMPLEX64: np.complex64,
    tensor_pb2.DT_INT64: np.int64,
    tensor_pb2.DT_BOOL: np.bool_,
    tensor_pb2.DT_UINT16: np.uint16,
    tensor_pb2.DT_COMPLEX128: np.complex128,
    tensor_pb2.DT_HALF: np.float16,
    tensor_pb2.DT_UINT32: np.uint32,
    tensor_pb2.DT_UINT64: np.uint64,
}
_NUMBERS: Final = {np.dtype(kind): number for number, kind in _NUMPY.items()}

_FIELDS: Final[dict[int, str]] = {
    tensor_pb2.DT_FLOAT: "float_val",
    tensor_pb2.DT_DOUBLE: "double_val",
    tensor_pb2.DT_STRING: "string_val",
    tensor_pb2.DT_COMPLEX64: "scomplex_val",
    tensor_pb2.DT_INT64: "int64_val",
    tensor_pb2.DT_BOOL: "bool_val",
    tensor_pb2.DT_COMPLEX128: "dcomplex_val",
    tensor_pb2.DT_HALF: "half_val",
    tensor_pb2.DT_UINT32: "uint32_val",
    tensor_pb2.DT_UINT64: "uint64_val",
}
_SMALL_INTEGERS: Final = "int_val"
# Packed fields of fixed width are their bytes with a tag in front: copying them is 100 times faster than
# appending Python numbers.
_FIXED_WIDTH: Final = {
    np.dtype(np.float32): Tensor.FLOAT_VAL_FIELD_NUMBER,
    np.dtype(np.float64): Tensor.DOUBLE_VAL_FIELD_NUMBER,
    np.dtype(np.complex64): Tensor.SCOMPLEX_VAL_FIELD_NUMBER,
    np.dtype(np.complex128): Tensor.DCOMPLEX_VAL_FIELD_NUMBER,
    np.dtype(np.bool_): Tensor.BOOL_VAL_FIELD_NUMBER,
}


def to_array(tensor: Tensor, alias: str) -> Array:
    """Return the array of a wire tensor; ``alias`` is the input's name, for the message.

    Raises:
        ServingError: INVALID_ARGUMENT ``tensor parsing error: ALIAS`` for any tensor that is not one.
    """
    try:
        return _parse(tensor)
    except (ValueError, OverflowError, MemoryError, KeyError) as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"tensor parsing error: {alias}") from error


def _parse(tensor: Tensor) -> Array:
    dtype = np.dtype(_NUMPY[tensor.dtype])
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError("the shape is not known")
    count = math.prod(shape)
    content = tensor.tensor_content  # each look at it copies the bytes
    if content and dtype != np.object_:
        if len(content) != count * dtype.itemsize:
            raise ValueError("content does not fit the shape")
        return np.frombuffer(content, dtype).reshape(shape)
    return _filled(_values(tensor, dtype), count, dtype).reshape(shape)


def _values(tensor: Tensor, dtype: np.dtype[Any]) -> Array:
    field = getattr(tensor, _FIELDS.get(tensor.dtype, _SMALL_INTEGERS))
    if tensor.dtype == tensor_pb2.DT_STRING:
        values = np.empty(len(field), np.object_)
        values[:] = field
        return values
    if tensor.dtype == tensor_pb2.DT_HALF:
        return np.array(field, np.uint16).view(np.float16)
    if dtype.kind == "c":
        return np.array(field, np.float32 if dtype == np.complex64 else np.float64).view(dtype)
    return np.array(field, np.int64).astype(dtype) if dtype.itemsize < 4 else np.array(field, dtype)


def _filled(values: Array, count: int, dtype: np.dtype[Any]) -> Array:
    if len(values) == count:
        return values
    if len(values) > count:
        raise ValueError("more values than elements")
    if count * max(dtype.itemsize, 8) > EXPANSION_LIMIT_BYTES:
        raise ValueError("the declared size is too large for the values sent")
    if len(values) == 0:
        return np.full(count, b"", np.object_) if dtype == np.object_ else np.zeros(count, dtype)
    return np.concatenate([values, np.repeat(values[-1:], count - len(values))])


def typed_tensor(array: Array) -> Tensor:
    """Return the wire tensor with its values in the typed field, as TensorFlow Serving answers."""
    tensor = _shaped(array)
    flat = np.ascontiguousarray(array).reshape(-1)
    number = _FIXED_WIDTH.get(array.dtype)
    if number is not None:
        payload = flat.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        tensor.MergeFromString(field_head(number, len(payload)) + payload)
    elif array.dtype == np.float16:
        tensor.half_val.extend(flat.view(np.uint16).tolist())
    elif array.dtype == np.object_:
        tensor.string_val.extend(_as_bytes(flat))
    else:
        getattr(tensor, _FIELDS.get(tensor.dtype, _SMALL_INTEGERS)).extend(flat.tolist())
    return tensor


def content_tensor(array: Array) -> Tensor:
    """Return the wire tensor with its values as raw bytes; strings have no such form."""
    if array.dtype == np.object_:
        return typed_tensor(array)
    tensor = _shaped(array)
    tensor.tensor_content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return tensor


def _shaped(array: Array) -> Tensor:
    number = _NUMBERS.get(array.dtype)
    if number is None:
        raise ServingError(Code.UNIMPLEMENTED, f"output of type {array.dtype} has no form on the wire")
    tensor = Tensor(dtype=number)  # type: ignore[arg-type]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _as_bytes(flat: Array) -> list[bytes]:
    return [value.encode() if isinstance(value, str) else bytes(value) for value in flat]
