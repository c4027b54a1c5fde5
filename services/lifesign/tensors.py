"""Arrays to and from the wire's tensors, without TensorFlow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError
from lifesign.pb import tensor_pb2 as pb

__all__ = [
    "array_from_tensor",
    "dtype_name",
    "tensor_from_array",
    "tensor_from_strings",
    "tensor_without_values",
]

# dtype → (numpy dtype, typed field). bfloat16 has no numpy type.
_TYPES: dict[int, tuple[type[np.generic], str]] = {
    pb.DT_FLOAT: (np.float32, "float_val"),
    pb.DT_DOUBLE: (np.float64, "double_val"),
    pb.DT_HALF: (np.float16, "half_val"),
    pb.DT_INT32: (np.int32, "int_val"),
    pb.DT_UINT8: (np.uint8, "int_val"),
    pb.DT_INT16: (np.int16, "int_val"),
    pb.DT_UINT16: (np.uint16, "int_val"),
    pb.DT_INT8: (np.int8, "int_val"),
    pb.DT_INT64: (np.int64, "int64_val"),
    pb.DT_BOOL: (np.bool_, "bool_val"),
    pb.DT_UINT32: (np.uint32, "uint32_val"),
    pb.DT_UINT64: (np.uint64, "uint64_val"),
}
_BY_NUMPY = {np.dtype(kind): number for number, (kind, _) in _TYPES.items()}


def dtype_name(number: int) -> str:
    """Return the short name of a wire dtype, such as ``uint8`` for ``DT_UINT8``."""
    return pb.DataType.Name(number).removeprefix("DT_").lower()


def tensor_from_array(array: NDArray[Any]) -> pb.Tensor:
    """Return the array as a tensor with ``tensor_content``: one copy, no loop over values."""
    tensor = tensor_without_values(array)
    tensor.tensor_content = array.tobytes()
    return tensor


def tensor_without_values(array: NDArray[Any]) -> pb.Tensor:
    """Return a tensor of the array's dtype and shape.

    Raises:
        ContractError: the dtype has no form on the wire.
    """
    try:
        number = _BY_NUMPY[array.dtype]
    except KeyError:
        raise ContractError(f"arrays of {array.dtype} cannot be sent") from None
    return pb.Tensor(dtype=pb.DataType.Name(number), tensor_shape=_shape(array.shape))


def tensor_from_strings(values: list[bytes]) -> pb.Tensor:
    """Return byte strings as a tensor of shape ``(n,)``."""
    return pb.Tensor(dtype=pb.DT_STRING, tensor_shape=_shape((len(values),)), string_val=values)


def array_from_tensor(tensor: pb.Tensor) -> NDArray[Any]:
    """Return a numeric tensor as an array, from ``tensor_content`` or from the typed field.

    A typed field shorter than the shape repeats its last value, as TensorFlow's ``Tensor::FromProto`` does.

    Raises:
        ContractError: a dtype that is not numeric, or values that do not fit the shape.
    """
    try:
        kind, field = _TYPES[tensor.dtype]
    except KeyError:
        raise ContractError(f"expected a numeric tensor, got {dtype_name(tensor.dtype)}") from None
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    size = int(np.prod(shape, dtype=np.int64))
    content = tensor.tensor_content  # each look at it copies the bytes
    if content:
        values: NDArray[Any] = np.frombuffer(content, dtype=kind)
    else:
        values = _typed(getattr(tensor, field), kind)
        if 0 < values.size < size:
            values = np.concatenate([values, np.repeat(values[-1:], size - values.size)])
        elif values.size == 0:
            values = np.zeros(size, dtype=kind)
    if values.size != size:
        raise ContractError(f"a tensor of shape {shape} needs {size} values, got {values.size}")
    return values.reshape(shape)


def _typed(field: Any, kind: type[np.generic]) -> NDArray[Any]:
    # Halves travel as the integers of their bit patterns.
    return np.asarray(field, np.uint16).view(kind) if kind is np.float16 else np.asarray(field, kind)


def _shape(shape: tuple[int, ...]) -> pb.TensorShape:
    return pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in shape])
