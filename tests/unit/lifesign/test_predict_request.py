"""Requests that are written by hand are those that protobuf's classes write."""

import numpy as np
import pytest

from lifesign.errors import ContractError
from lifesign.pb import serving_pb2
from lifesign.predict_request import RequestEncoder
from lifesign.tensors import tensor_from_array, tensor_from_strings
from lifesign.wire_fields import field_head

SPEC = serving_pb2.ModelSpec(name="liveness", signature_name="serving_default")
PIXELS = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": PIXELS},
        {"images": np.zeros((0, 3, 4, 3), np.uint8)},
        {"x": np.zeros((40, 70, 70, 3), np.float32)},
        {"x": PIXELS.transpose(0, 3, 1, 2)},
        {"x": PIXELS[:, ::-1].astype(np.float16)},
        {"a": np.array(5, np.int64), "größe": np.array([True, False])},
        {},
    ],
    ids=["images", "none", "large", "channels first", "from below", "scalar and flags", "no input"],
)
def test_it_is_read_as_the_message_it_stands_for(arrays):
    found = serving_pb2.PredictRequest.FromString(RequestEncoder(SPEC, ("scores",)).encode(arrays))
    tensors = {name: tensor_from_array(array) for name, array in arrays.items()}
    assert found == serving_pb2.PredictRequest(model_spec=SPEC, inputs=tensors, output_filter=["scores"])


def test_byte_strings_are_sent_as_strings():
    files = np.empty(2, np.object_)
    files[:] = [b"one", b"\x00" * 300]
    found = serving_pb2.PredictRequest.FromString(RequestEncoder(SPEC).encode({"files": files}))
    assert found.inputs["files"] == tensor_from_strings(files.tolist())


def test_a_type_without_a_form_on_the_wire_is_refused():
    with pytest.raises(ContractError, match="arrays of datetime64"):
        RequestEncoder(SPEC).encode({"x": np.zeros(1, "datetime64[s]")})


@pytest.mark.parametrize(
    ("number", "size", "head"),
    [(4, 127, b"\x22\x7f"), (4, 128, b"\x22\x80\x01"), (16, 300, b"\x82\x01\xac\x02")],
    ids=["one byte each", "long size", "long number"],
)
def test_heads_of_fields(number, size, head):
    assert field_head(number, size) == head
