"""Rows G, E of the observable behaviour, through the official stubs."""

import re
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

X = np.array([1.0, 2.0, 5.0], np.float32)


def build(
    model: str, inputs: dict[str, Any], *, signature: str = "", outputs: tuple[str, ...] = (), **spec: Any
):
    message = predict_pb2.PredictRequest(output_filter=outputs)
    message.model_spec.name = model
    message.model_spec.signature_name = signature
    if "version" in spec:
        message.model_spec.version.value = spec["version"]
    if "label" in spec:
        message.model_spec.version_label = spec["label"]
    for alias, value in inputs.items():
        ready = isinstance(value, type(message.inputs[alias]))
        message.inputs[alias].CopyFrom(value if ready else tf.make_tensor_proto(value))
    return message


def test_predict_answers_from_the_highest_version_in_typed_fields(wire):
    answer = wire.predict("half", {"x": X})

    assert list(answer.outputs["y"].float_val) == [3.5, 4.0, 5.5]
    assert not answer.outputs["y"].tensor_content
    assert sorted(answer.outputs) == ["twice", "y"]
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("half", 2, "serving_default")


def test_a_pinned_version_answers(wire):
    answer = wire.predict("half", {"x": X}, version=1)

    assert list(answer.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert answer.model_spec.version.value == 1


def test_output_filter_selects(wire):
    assert list(wire.predict("half", {"x": X}, outputs=("twice",)).outputs) == ["twice"]


def test_a_short_typed_field_repeats_its_last_value(wire):
    tensor = tf.make_tensor_proto(np.zeros(4, np.float32))
    tensor.ClearField("tensor_content")
    tensor.float_val.extend([2.0, 4.0])

    answer = wire.predictions.Predict(build("half", {"x": tensor}))

    assert list(answer.outputs["twice"].float_val) == [4.0, 8.0, 8.0, 8.0]


def test_a_shape_without_values_is_zeros(wire):
    tensor = tf.make_tensor_proto(np.zeros(3, np.float32))
    tensor.ClearField("tensor_content")
    tensor.ClearField("float_val")

    answer = wire.predictions.Predict(build("half", {"x": tensor}))

    assert list(answer.outputs["y"].float_val) == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("value", [np.float32(2.0), np.ones((2, 2), np.float32)], ids=["scalar", "matrix"])
def test_the_declared_shape_is_not_enforced(wire, value):
    answer = wire.predict("half", {"x": value})

    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["twice"]), value * 2)


def test_bytes_survive(wire):
    values = [b"", b"\x00\xff\xfe", "grün".encode()]

    answer = wire.predict("echo", {"s": np.array(values, object)})

    assert list(answer.outputs["s_bytes"].string_val) == values


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "content"])
def test_every_dtype_goes_through(wire, dtype, typed):
    value = np.array([[0, 1], [1, 0]]).astype(dtype)
    tensor = tf.make_tensor_proto(value)
    if typed:
        # One value makes the official library write the typed field, which then repeats.
        value = np.repeat(value[0, 1:], 3)
        tensor = tf.make_tensor_proto(value[:1])
        tensor.tensor_shape.dim[0].size = 3

    answer = wire.predictions.Predict(build("dtypes", {"x": tensor}, signature=f"id_{dtype}"))

    result = tf.make_ndarray(answer.outputs["y"])
    assert result.dtype == value.dtype
    np.testing.assert_array_equal(result, value)


def test_messages_above_four_megabytes_pass(wire):
    value = np.arange(2_000_000, dtype=np.float32)

    answer = wire.predict("half", {"x": value}, signature="single")

    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["y"]), value * 0.5 + 3)


def test_several_inputs_and_outputs(wire):
    answer = wire.predict("multi", {"a": X, "b": np.array([1, 2, 3], np.int32)})

    assert list(answer.outputs["sum"].float_val) == [2.0, 4.0, 8.0]
    assert list(answer.outputs["b_again"].int_val) == [1, 2, 3]


B = np.array([1, 2, 3], np.int32)
REFUSALS = {
    "E01": (build("nope", {"x": X}), "NOT_FOUND", "Servable not found for request: Latest(nope)"),
    "E02": (
        build("half", {"x": X}, version=99),
        "NOT_FOUND",
        "Servable not found for request: Specific(half, 99)",
    ),
    "E03": (
        build("half", {"x": X}, label="nolabel"),
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: nolabel",
    ),
    "E04": (
        build("half", {"x": X}, signature="nosig"),
        "FAILED_PRECONDITION",
        'Serving signature key "nosig" not found.',
    ),
    "E05": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "E06": (build("", {"x": X}), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    "E07": (
        build("half", {}),
        "INVALID_ARGUMENT",
        "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. "
        "Missing but required: {x}.",
    ),
    "E08": (
        build("multi", {"a": X}),
        "INVALID_ARGUMENT",
        "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. "
        "Missing but required: {b}.",
    ),
    "E09": (
        build("half", {"x": X, "zz": X}),
        "INVALID_ARGUMENT",
        "input size does not match signature: 2!=1 len({x,zz}) != len({x}). Sent extra: {zz}. "
        "Missing but required: {}.",
    ),
    "E11": (
        build("half", {"x": np.array([b"a"], object)}),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but string is provided",
    ),
    "E12": (
        build("half", {"x": X.astype(np.float64)}),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but double is provided",
    ),
    "E15": (
        build("half", {"x": X}, outputs=("zz",)),
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: zz Outputs expected to be in the set {twice,y}.",
    ),
    "E16": (
        build("half", {"x": X}, outputs=("y", "y")),
        "INVALID_ARGUMENT",
        "duplicate output tensor alias: y",
    ),
    "E38": (
        build("half", {"x": X}, version=3),
        "NOT_FOUND",
        "Servable not found for request: Specific(half, 3)",
    ),
}


@pytest.mark.parametrize("row", REFUSALS)
def test_predict_refuses(wire, failure, row):
    message, code, text = REFUSALS[row]

    assert failure(lambda: wire.predictions.Predict(message)) == (code, text)


def test_a_wrong_alias_is_named(wire, failure):  # E10
    code, text = failure(lambda: wire.predict("half", {"nope": X}))

    assert code == "INVALID_ARGUMENT"
    assert re.fullmatch(
        r"Signature input alias: x\(feed name: \w+:0\) not found in request and no default value provided\. "
        r"Inputs expected to be in the request \{nope\}, or default input alias set: ",
        text,
    )


def test_a_shape_that_does_not_compute_is_the_operations_own_error(wire, failure):  # E13
    code, text = failure(lambda: wire.predict("half", {"x": np.ones((3, 5), np.float32)}, signature="matmul"))

    assert code == "INVALID_ARGUMENT"
    assert re.match(r"Matrix size-incompatible: In\[0\]: \[3,5\], In\[1\]: \[2,1\]", text)


@pytest.mark.parametrize("shape", [(), (4,), (8, 8), (8, 8, 3)], ids=str)
def test_missing_dimensions_of_an_image_are_refused_and_the_server_goes_on(wire, failure, shape):
    refused = failure(lambda: wire.predict("conv", {"image": np.ones(shape, np.float32)}))

    sizes = ",".join(map(str, shape))
    assert refused == ("INVALID_ARGUMENT", f"input must be 4-dimensional: [{sizes}] (image)")
    answer = wire.predict("conv", {"image": np.ones((1, 8, 8, 3), np.float32)})
    assert tf.make_ndarray(answer.outputs["edges"]).shape == (1, 8, 8, 1)


def _broken(**changes: Any) -> Any:
    tensor = tf.make_tensor_proto(X)
    for name, value in changes.items():
        if name == "size":
            tensor.tensor_shape.dim[0].size = value
        else:
            setattr(tensor, name, value)
    return tensor


@pytest.mark.parametrize(
    "tensor",
    [
        _broken(tensor_content=b"abc"),
        _broken(size=2**62),
        _broken(size=-1),
        _broken(dtype=0),
        _broken(size=2**40, tensor_content=b""),
    ],
    ids=["E14 content", "H04 huge", "H05 negative", "H06 dtype", "H04 no values"],
)
def test_a_tensor_that_is_none_is_refused_and_the_server_goes_on(wire, failure, tensor):
    refused = failure(lambda: wire.predictions.Predict(build("half", {"x": tensor})))

    assert refused == ("INVALID_ARGUMENT", "tensor parsing error: x")
    assert wire.predict("half", {"x": X}).model_spec.version.value == 2


def test_long_texts_are_cut(wire, failure):  # E37
    _, text = failure(lambda: wire.predict("n" * 2000, {"x": X}))

    assert text == ("Servable not found for request: Latest(" + "n" * 2000)[:1024] + "...TRUNCATED"


def test_bytes_that_are_no_request_do_not_hurt(wire, failure):  # H03
    call = wire.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

    assert failure(lambda: call(b"\xff\xff\xff"))[0] == "INTERNAL"
    assert wire.predict("half", {"x": X}).model_spec.version.value == 2


def test_services_that_are_not_there_are_unimplemented(wire, failure):  # G24, G25
    for path in ("/tensorflow.serving.SessionService/SessionRun", "/grpc.health.v1.Health/Check"):
        assert failure(lambda path=path: wire.channel.unary_unary(path)(b""))[0] == "UNIMPLEMENTED"


def test_an_expired_deadline_is_told_and_the_server_goes_on(wire, failure):  # G29
    big = build("half", {"x": np.zeros(5_000_000, np.float32)})

    code, _ = failure(lambda: wire.predictions.Predict(big, timeout=0.001))

    assert code == "DEADLINE_EXCEEDED"
    assert wire.predict("half", {"x": X}).model_spec.version.value == 2


def test_metadata_is_an_official_signature_def_map(wire):  # G19, G20, G28
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "half"
    message.model_spec.version.value = 1

    answer = wire.predictions.GetModelMetadata(message)

    assert answer.model_spec.version.value == 1
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(definitions)
    line = definitions.signature_def["serving_default"]
    assert line.inputs["x"].dtype == 1
    assert line.inputs["x"].tensor_shape.dim[0].size == -1
    assert line.method_name == "tensorflow/serving/predict"
    assert "__saved_model_init_op" in definitions.signature_def


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (
            "half",
            [],
            ("INVALID_ARGUMENT", "GetModelMetadataRequest must specify at least one metadata_field"),
        ),
        ("half", ["foo"], ("INVALID_ARGUMENT", "Metadata field foo is not supported")),
        ("nope", ["signature_def"], ("NOT_FOUND", "Servable not found for request: Latest(nope)")),
    ],
    ids=["E31", "E32", "E33"],
)
def test_metadata_refuses(wire, failure, model, fields, expected):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    message.model_spec.name = model

    assert failure(lambda: wire.predictions.GetModelMetadata(message)) == expected


def _status(model: str, version: int | None = None, label: str = "") -> Any:
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = model
    if version is not None:
        message.model_spec.version.value = version
    if label:
        message.model_spec.version_label = label
    return message


@pytest.mark.parametrize(
    ("message", "versions"),
    [(_status("half"), [2, 1]), (_status("half", 1), [1]), (_status("half", label="any"), [2, 1])],
    ids=["G21", "G22", "G23"],
)
def test_status_lists_versions_newest_first(wire, message, versions):
    entries = wire.models.GetModelStatus(message).model_version_status

    assert [entry.version for entry in entries] == versions
    assert {(e.state, e.status.error_code, e.status.error_message) for e in entries} == {(30, 0, "")}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (_status("nope"), ("NOT_FOUND", "Could not find any versions of model nope")),
        (_status("half", 99), ("NOT_FOUND", "Could not find version 99 of model half")),
        (get_model_status_pb2.GetModelStatusRequest(), ("INVALID_ARGUMENT", "Missing ModelSpec")),
    ],
    ids=["E34", "E35", "E36"],
)
def test_status_refuses(wire, failure, message, expected):
    assert failure(lambda: wire.models.GetModelStatus(message)) == expected


def test_a_second_server_on_the_port_is_one_clear_sentence(wire, start):
    from lifesign.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match=r"cannot open gRPC port .*--port"):
        start(wire.base, model_base_path=wire.base / "half", port=wire.server.grpc_port, rest_api_port=None)
    assert isinstance(wire.channel, grpc.Channel)
