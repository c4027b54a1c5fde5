import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lifesign.pb.tensor_pb2 import Tensor
from lifesign.serving.status import ServingError
from lifesign.serving.tensors import EXPANSION_LIMIT_BYTES, content_tensor, to_array, typed_tensor

NUMERIC = st.sampled_from(
    "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ?".split(),  # noqa: SIM905
).map(np.dtype)


@given(st.data(), st.booleans())
def test_both_forms_come_back_as_they_were(data, typed):
    array = data.draw(hnp.arrays(data.draw(NUMERIC), hnp.array_shapes(min_dims=0, min_side=0, max_dims=3)))
    message = (typed_tensor if typed else content_tensor)(array)

    back = to_array(Tensor.FromString(message.SerializeToString()), "x")

    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_strings_come_back_as_they_were():
    array = np.array([[b"", b"\x00\xff"]], object)

    assert to_array(typed_tensor(array), "x").tolist() == array.tolist()
    assert to_array(content_tensor(array), "x").tolist() == array.tolist()


def _declared(*sizes: int, dtype: int = 1) -> Tensor:
    tensor = Tensor(dtype=dtype)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def test_a_declared_size_is_bounded_before_it_is_allocated():
    elements = EXPANSION_LIMIT_BYTES // 8

    assert to_array(_declared(1000), "x").tolist() == [0.0] * 1000
    for sizes in ((elements + 1,), (2**62,), (2**40, 2**40)):
        with pytest.raises(ServingError, match="tensor parsing error: x"):
            to_array(_declared(*sizes), "x")


def test_more_values_than_elements_are_refused():
    tensor = _declared(1)
    tensor.float_val.extend([1.0, 2.0])

    with pytest.raises(ServingError, match="tensor parsing error: x"):
        to_array(tensor, "x")
