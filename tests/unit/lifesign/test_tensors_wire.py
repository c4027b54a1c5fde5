import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lifesign.errors import ContractError
from lifesign.pb import tensor_pb2 as pb
from lifesign.tensors import array_from_tensor, dtype_name, tensor_from_array, tensor_from_strings

DTYPES = [
    "uint8",
    "int8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bool",
]


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(
            dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
        )
    )
)
def test_any_array_comes_back_bit_for_bit(array):
    wire = pb.Tensor.FromString(tensor_from_array(array).SerializeToString())
    back = array_from_tensor(wire)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def _tensor(dtype, shape, **fields) -> pb.Tensor:
    dims = [pb.TensorShape.Dim(size=size) for size in shape]
    return pb.Tensor(dtype=dtype, tensor_shape=pb.TensorShape(dim=dims), **fields)


def test_typed_fields_are_read_and_the_last_value_repeats():
    tensor = _tensor(pb.DT_FLOAT, (2, 2), float_val=[1.0, 2.0])
    np.testing.assert_array_equal(array_from_tensor(tensor), [[1, 2], [2, 2]])
    np.testing.assert_array_equal(array_from_tensor(_tensor(pb.DT_INT64, (3,))), [0, 0, 0])


def test_halves_in_the_typed_field_are_bit_patterns():
    tensor = _tensor(pb.DT_HALF, (3,), half_val=[0x3C00, 0xC000])
    np.testing.assert_array_equal(array_from_tensor(tensor), np.float16([1, -2, -2]))


def test_too_many_or_too_few_values_are_refused():
    with pytest.raises(ContractError, match=r"shape \(2,\) needs 2 values, got 3"):
        array_from_tensor(_tensor(pb.DT_FLOAT, (2,), float_val=[1, 2, 3]))
    with pytest.raises(ContractError, match="needs 2 values, got 1"):
        array_from_tensor(_tensor(pb.DT_FLOAT, (2,), tensor_content=b"\0\0\0\0"))


def test_what_is_no_number_is_refused():
    with pytest.raises(ContractError, match="got string"):
        array_from_tensor(tensor_from_strings([b"a"]))
    with pytest.raises(ContractError, match="cannot be sent"):
        tensor_from_array(np.array(["a"]))


def test_strings_keep_their_bytes():
    tensor = tensor_from_strings([b"\xff\xd8", b""])
    assert list(tensor.string_val) == [b"\xff\xd8", b""]
    assert [dim.size for dim in tensor.tensor_shape.dim] == [2]


def test_dtype_names_are_short():
    assert dtype_name(pb.DT_UINT8) == "uint8"
