"""Our wire messages against the official ones, field by field and byte by byte."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from tensorflow.core.framework import tensor_pb2 as official_tensor  # noqa: F401
from tensorflow.core.protobuf import meta_graph_pb2 as official_meta_graph  # noqa: F401
from tensorflow_serving.apis import (  # noqa: F401
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
    prediction_log_pb2,
)

from lifesign.pb import serving_pb2, tensor_pb2

# Where the names differ; all else keeps its name in the package that the second column says.
OFFICIAL = {
    "Tensor": "tensorflow.TensorProto",
    "TensorShape": "tensorflow.TensorShapeProto",
    "TensorInfo": "tensorflow.TensorInfo",
    "SignatureDef": "tensorflow.SignatureDef",
    "Status": "tensorflow.serving.StatusProto",
    "ServableVersionPolicy": "tensorflow.serving.FileSystemStoragePathSourceConfig.ServableVersionPolicy",
}


def _messages() -> Iterator[Descriptor]:
    for module in (tensor_pb2, serving_pb2):
        pending = list(module.DESCRIPTOR.message_types_by_name.values())
        while pending:
            descriptor = pending.pop()
            if not descriptor.GetOptions().map_entry:
                yield descriptor
            pending.extend(descriptor.nested_types)


def official_name(descriptor: Descriptor) -> str:
    head, _, rest = descriptor.full_name.removeprefix("lifesign.pb.").partition(".")
    name = OFFICIAL.get(head, f"tensorflow.serving.{head}")
    return f"{name}.{rest}" if rest else name


MESSAGES = {descriptor.full_name: descriptor for descriptor in _messages()}


def official(descriptor: Descriptor) -> Descriptor:
    return descriptor_pool.Default().FindMessageTypeByName(official_name(descriptor))


def _wire_shape(field: FieldDescriptor) -> tuple[object, ...]:
    # An enum is an int32 on the wire; google.rpc.Code is declared as the number that it is.
    kind = FieldDescriptor.TYPE_INT32 if field.type == FieldDescriptor.TYPE_ENUM else field.type
    return field.number, kind, field.is_repeated, field.is_packed


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_field_of_ours_is_in_the_official_message(name):
    ours = MESSAGES[name]
    theirs = official(ours)

    for field in ours.fields:
        # oneofs and renamed fields travel by number; the names agree as well, for text and JSON.
        other = theirs.fields_by_number[field.number]
        assert other.name == field.name
        assert _wire_shape(other) == _wire_shape(field), field.full_name
        oneof, other_oneof = field.containing_oneof, other.containing_oneof
        assert oneof is None or (other_oneof is not None and other_oneof.name == oneof.name)


@pytest.mark.parametrize(
    "ours", [tensor_pb2.DataType, serving_pb2.ModelVersionStatus.State], ids=["DataType", "State"]
)
def test_every_enum_number_is_the_official_one(ours):
    pool = descriptor_pool.Default()
    name = {"DataType": "tensorflow.DataType", "State": "tensorflow.serving.ModelVersionStatus.State"}
    theirs = pool.FindEnumTypeByName(name[ours.DESCRIPTOR.name])

    for value in ours.DESCRIPTOR.values:
        assert theirs.values_by_name[value.name].number == value.number


def _scalar(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values[-1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return b"\x00\xff\n" if field.type == FieldDescriptor.TYPE_BYTES else f"{field.name} ü"
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return 1.5
    return 7 + field.number


def filled(message: Message, *, skip: frozenset[str] = frozenset(), depth: int = 4) -> Message:
    """Set every field; of a oneof the last one stays, unless it is skipped."""
    for field in message.DESCRIPTOR.fields:
        if field.full_name in skip:
            continue
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            value = entry.fields_by_name["value"]
            if value.message_type is None:
                getattr(message, field.name)["a key"] = _scalar(value)
            elif depth:
                filled(getattr(message, field.name)["a key"], depth=depth - 1)
        elif entry is not None:
            target = getattr(message, field.name)
            target = target.add() if field.is_repeated else target
            target.SetInParent()
            if depth:
                filled(target, depth=depth - 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([_scalar(field), _scalar(field)])
        else:
            setattr(message, field.name, _scalar(field))
    return message


def _choices(descriptor: Descriptor) -> list[frozenset[str]]:
    """Return what to leave out so that each member of each oneof is set once."""
    choices = [frozenset[str]()]
    for oneof in descriptor.oneofs:
        for kept in oneof.fields:
            choices.append(frozenset(f.full_name for f in oneof.fields if f is not kept))
    return choices


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_survives_both_ways(name):
    descriptor = MESSAGES[name]
    make_ours = message_factory.GetMessageClass(descriptor)
    make_theirs = message_factory.GetMessageClass(official(descriptor))

    for skip in _choices(descriptor):
        ours = filled(make_ours(), skip=skip)
        theirs = make_theirs.FromString(ours.SerializeToString())
        back = make_ours.FromString(theirs.SerializeToString())

        assert back == ours
        for field, value in ours.ListFields():
            other = getattr(theirs, field.name)
            if field.message_type is None:
                assert (list(other) if field.is_repeated else other) == (
                    list(value) if field.is_repeated else value
                )
            else:
                assert len(other) == len(value) if field.is_repeated else theirs.HasField(field.name)
