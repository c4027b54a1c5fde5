"""JSON bodies of ``:predict`` to arrays, in row format (``instances``) and column format (``inputs``).

Types are strict as in TensorFlow Serving: an integer input takes integer tokens only, a float input
takes both, nothing is cast silently. ``{"b64": …}`` stands for bytes.
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import numpy as np

from lifesign.pb import tensor_pb2
from lifesign.pb.tensor_pb2 import SignatureDef, TensorInfo
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError
from lifesign.serving.tensors import DTYPE_NAMES

__all__ = ["Layout", "parse_body", "read_inputs", "signature_name"]


class Layout(Enum):
    """How a body is laid out, which decides how the answer is."""

    ROW = auto()
    COLUMN = auto()


_INTEGER_LIMITS: Final[dict[int, tuple[Any, Any]]] = {
    # The small types are range-checked as int32 and then cut, as there.
    tensor_pb2.DT_INT32: (np.int32, np.iinfo(np.int32)),
    tensor_pb2.DT_INT16: (np.int16, np.iinfo(np.int32)),
    tensor_pb2.DT_INT8: (np.int8, np.iinfo(np.int32)),
    tensor_pb2.DT_UINT8: (np.uint8, np.iinfo(np.int32)),
    tensor_pb2.DT_INT64: (np.int64, np.iinfo(np.int64)),
    tensor_pb2.DT_UINT32: (np.uint32, np.iinfo(np.uint32)),
    tensor_pb2.DT_UINT64: (np.uint64, np.iinfo(np.uint64)),
}
_FLOATS: Final[dict[int, tuple[str, Any, int, float]]] = {
    tensor_pb2.DT_FLOAT: ("float", np.float32, 2**24 - 1, float(np.finfo(np.float32).max)),
    tensor_pb2.DT_DOUBLE: ("double", np.float64, 2**53 - 1, float(np.finfo(np.float64).max)),
}
_JSON_TYPES: Final = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
_PARSER_TEXTS: Final = {
    "Expecting value": "Invalid value.",
    "Expecting ',' delimiter": "Missing a comma or ] after an array element.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
}
_DECODER: Final = json.JSONDecoder()


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)


def _json(value: Any) -> str:
    return json.dumps(value, indent=4, ensure_ascii=False)


def _type_name(value: Any) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    return _JSON_TYPES[type(value)]


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object at the start of a body; text after it is ignored.

    Raises:
        ServingError: no JSON, nested too deeply, or not an object.
    """
    text = body.decode("utf-8", "surrogateescape")
    if not text:
        raise _invalid("JSON Parse error: The document is empty")
    start = len(text) - len(text.lstrip(" \t\n\r"))
    try:
        document, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        reason = _PARSER_TEXTS.get(error.msg, f"{error.msg}.")
        raise _invalid(f"JSON Parse error: {reason} at offset: {error.pos}") from None
    except (RecursionError, ValueError):
        raise _invalid("JSON Parse error: Terminate parsing due to Handler error. at offset: 0") from None
    if not isinstance(document, dict):
        raise _invalid(f"JSON Value: {_json(document)} Is not object")
    return document


def signature_name(document: Mapping[str, Any]) -> str:
    """Return the body's signature name, empty without one."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise _invalid(
            f"JSON Value: {_json(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def read_inputs(document: Mapping[str, Any], signature: SignatureDef) -> tuple[Layout, dict[str, Array]]:
    """Return layout and arrays of a body, by input alias.

    Raises:
        ServingError: the body does not fit the signature; the text says which element.
    """
    has_rows, has_columns = "instances" in document, "inputs" in document
    if has_rows and has_columns:
        raise _invalid(
            f"JSON Value: {_json(document)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    try:
        if has_rows:
            rows = document["instances"]
            if not isinstance(rows, list):
                raise _invalid(f"JSON Value: {_json(document)} Expecting 'instances' to be an list/array")
            if not rows:
                raise _invalid(f"JSON Value: {_json(document)} No values in 'instances' array")
            return Layout.ROW, _read_rows(rows, signature.inputs)
        if has_columns:
            return Layout.COLUMN, _read_columns(document["inputs"], signature.inputs)
    except RecursionError:
        raise _invalid("JSON Value: nested too deeply for a tensor") from None
    raise _invalid("Missing 'inputs' or 'instances' key")


@dataclass(eq=False)
class _Column:
    """Values of one input, collected element by element."""

    dtype: int
    values: list[Any] = field(default_factory=list)
    size: int | None = None
    shape: tuple[int, ...] = ()

    def add(self, item: Any) -> None:
        shape = _shape(item)
        before = len(self.values)
        _fill(item, 0, shape, self.dtype, self.values)
        size = len(self.values) - before
        if self.size is None:
            self.size, self.shape = size, shape
        elif size != self.size:
            raise _invalid(f"Expecting tensor size: {self.size} but got: {size}")
        elif shape != self.shape:
            raise _invalid(f"Expecting shape {_brackets(self.shape)} but got: {_brackets(shape)}")

    def array(self, shape: tuple[int, ...]) -> Array:
        if self.dtype == tensor_pb2.DT_STRING:
            array = np.empty(len(self.values), np.object_)
            array[:] = self.values
            return array.reshape(shape)
        if self.dtype == tensor_pb2.DT_BOOL:
            return np.array(self.values, np.bool_).reshape(shape)
        if self.dtype in _FLOATS:
            return np.array(self.values, _FLOATS[self.dtype][1]).reshape(shape)
        kind = _INTEGER_LIMITS[self.dtype][0]
        wide = np.uint64 if self.dtype == tensor_pb2.DT_UINT64 else np.int64
        return np.array(self.values, wide).astype(kind).reshape(shape)


def _read_rows(rows: list[Any], inputs: Mapping[str, TensorInfo]) -> dict[str, Array]:
    if not isinstance(rows[0], dict) and len(inputs) > 1:
        raise _invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as "
            "per tensorinfo_map"
        )
    columns = {alias: _Column(info.dtype) for alias, info in inputs.items()}
    named = _is_named(rows[0])
    for index, row in enumerate(rows):
        if named and not _is_named(row):
            raise _invalid(f"Expecting object but got list at item {index} of input list")
        if not named and _is_named(row):
            raise _invalid(f"Expecting value/list but got object at item {index} of input list")
        if named:
            _add_named(row, index, columns)
        else:
            _add_element(row, next(iter(columns.values())), f"{index} of 'instances' list")
    return {alias: column.array((len(rows), *column.shape)) for alias, column in columns.items()}


def _add_named(row: Mapping[str, Any], index: int, columns: Mapping[str, _Column]) -> None:
    for alias, item in row.items():
        place = f"{index} key: {alias} of 'instances' list"
        if alias not in columns:
            raise _invalid(
                f"Failed to process element: {place}. Error: INVALID_ARGUMENT: "
                f"JSON object: does not have named input: {alias}"
            )
        _add_element(item, columns[alias], place)
    if set(row) != set(columns):
        raise _invalid(
            f"Failed to process element: {index} of 'instances' list. JSON object: {_json(row)} "
            f"keys must be equal to: {','.join(sorted(columns))}"
        )


def _add_element(item: Any, column: _Column, place: str) -> None:
    try:
        column.add(item)
    except ServingError as error:
        if error.code is Code.UNIMPLEMENTED:
            raise
        raise _invalid(
            f"Failed to process element: {place}. Error: {error.code.name}: {error.message}"
        ) from error


def _read_columns(value: Any, inputs: Mapping[str, TensorInfo]) -> dict[str, Array]:
    if not _is_named(value):
        if len(inputs) > 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as "
                "per tensorinfo_map"
            )
        value = dict.fromkeys(inputs, value)
    arrays: dict[str, Array] = {}
    for alias, info in inputs.items():
        if alias not in value:
            raise _invalid(f"Missing named input: {alias} in 'inputs' object.")
        column = _Column(info.dtype)
        column.add(value[alias])
        arrays[alias] = column.array(column.shape)
    return arrays


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _shape(item: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(item, list):
        shape.append(len(item))
        if not item:
            break
        item = item[0]
    return tuple(shape)


def _brackets(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def _fill(item: Any, level: int, shape: tuple[int, ...], dtype: int, values: list[Any]) -> None:
    if not isinstance(item, list):
        if level != len(shape):
            raise _invalid(
                f"JSON Value: {_json(item)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        values.append(_element(item, dtype))
        return
    if level >= len(shape):
        raise _invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(item) != shape[level]:
        raise _invalid(
            f"Encountered list at unexpected size: {len(item)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    if level == len(shape) - 1 and dtype in _FLOATS and set(map(type, item)) == {float}:
        # Most of a big body is this; each element would pass the same checks one by one.
        limit = _FLOATS[dtype][3]
        if all(-limit <= value <= limit for value in item):
            values.extend(item)
            return
    for child in item:
        _fill(child, level + 1, shape, dtype, values)


def _element(value: Any, dtype: int) -> Any:
    if dtype == tensor_pb2.DT_STRING:
        return _string(value)
    if isinstance(value, dict):
        raise _type_error(value, dtype)
    if dtype in _FLOATS:
        return _decimal(value, dtype)
    if dtype in _INTEGER_LIMITS:
        limits = _INTEGER_LIMITS[dtype][1]
        if type(value) is not int or not limits.min <= value <= limits.max:
            raise _type_error(value, dtype)
        return value
    if dtype == tensor_pb2.DT_BOOL:
        if not isinstance(value, bool):
            raise _type_error(value, dtype)
        return value
    raise ServingError(
        Code.UNIMPLEMENTED, f"Conversion of JSON Value: {_json(value)} to type: {DTYPE_NAMES[dtype]}"
    )


def _decimal(value: Any, dtype: int) -> float:
    name, _, largest_integer, largest = _FLOATS[dtype]
    if type(value) is int:
        lossless = abs(value) <= largest_integer
    elif type(value) is float:
        lossless = not math.isfinite(value) or abs(value) <= largest
    else:
        raise _type_error(value, dtype)
    if not lossless:
        raise _invalid(f"Cannot convert JSON value: {_json(value)} to {name} without loss of precision.")
    return float(value)


def _string(value: Any) -> bytes:
    if _is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise _invalid("Unable to base64 decode") from None
    if isinstance(value, dict):
        raise _invalid(f"JSON Value: {_json(value)} not formatted correctly for base64 data")
    if not isinstance(value, str):
        raise _type_error(value, tensor_pb2.DT_STRING)
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _invalid("JSON Parse error: The surrogate pair in string is invalid. at offset: 0") from None


def _type_error(value: Any, dtype: int) -> ServingError:
    return _invalid(
        f"JSON Value: {_json(value)} Type: {_type_name(value)} is not of expected type: {DTYPE_NAMES[dtype]}"
    )
