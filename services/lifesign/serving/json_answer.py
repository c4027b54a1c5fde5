"""Answers as JSON, printed as TensorFlow Serving prints them.

Floats are written short ("%g" where that reads back to the same number, else all digits) and whole
ones keep ``.0``; NaN and infinities are bare tokens. Strings come as ``{"b64": …}`` exactly where the
output's alias ends in ``_bytes``.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from google.protobuf.json_format import MessageToDict

from lifesign.pb import serving_pb2
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError

__all__ = ["metadata_json", "outputs_json", "predictions_json", "status_json"]

_DIGITS: Final = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}


def predictions_json(outputs: Mapping[str, Array]) -> str:
    """Return the answer to a row-format body: bare values for one output, objects for more.

    Raises:
        ServingError: an output without a batch dimension, or batches of different size.
    """
    size: int | None = None
    for alias, array in outputs.items():
        if array.ndim == 0:
            raise ServingError(Code.INVALID_ARGUMENT, f"Tensor name: {alias} has no shape information ")
        size = len(array) if size is None else size
        if len(array) != size:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {size}",
            )
    if len(outputs) == 1:
        alias, array = next(iter(outputs.items()))
        rows = _first_level(alias, array)
    else:
        columns = {json.dumps(alias): _first_level(alias, array) for alias, array in outputs.items()}
        rows = [
            "{" + ", ".join(f"{key}: {texts[index]}" for key, texts in columns.items()) + "}"
            for index in range(size or 0)
        ]
    return _document("predictions", "[" + ", ".join(rows) + "\n    ]")


def outputs_json(outputs: Mapping[str, Array]) -> str:
    """Return the answer to a column-format body: one value, or an object of values."""
    texts = {alias: _nested(array.shape, iter(_leaves(alias, array))) for alias, array in outputs.items()}
    if len(texts) == 1:
        return _document("outputs", next(iter(texts.values())))
    inner = ",\n".join(f"        {json.dumps(alias)}: {text}" for alias, text in texts.items())
    return _document("outputs", "{\n" + inner + "\n    }")


def _document(key: str, text: str) -> str:
    return f'{{\n    "{key}": {text}\n}}'


def _first_level(alias: str, array: Array) -> list[str]:
    leaves = iter(_leaves(alias, array))
    return [_nested(array.shape[1:], leaves) for _ in range(len(array))]


def _nested(shape: Sequence[int], leaves: Iterator[str]) -> str:
    if not shape:
        return next(leaves)
    return "[" + ", ".join(_nested(shape[1:], leaves) for _ in range(shape[0])) + "]"


def _leaves(alias: str, array: Array) -> list[str]:
    flat = array.reshape(-1)
    if array.dtype in _DIGITS:
        return _decimals(flat, _DIGITS[array.dtype])
    if array.dtype == np.bool_:
        return ["true" if value else "false" for value in flat]
    if array.dtype == np.object_:
        return [_string(alias, value) for value in flat]
    if array.dtype.kind in "iu" and array.dtype != np.uint16:
        return [str(value) for value in flat.tolist()]
    raise ServingError(
        Code.UNIMPLEMENTED, f"Encoding of tensor {alias} of type {_type_name(array)} to JSON is not supported"
    )


def _type_name(array: Array) -> str:
    return {"float16": "half"}.get(str(array.dtype), str(array.dtype))


def _decimals(flat: Array, digits: int) -> list[str]:
    texts = [f"{value:g}" for value in flat.tolist()]
    exact = np.array([float(text) for text in texts]).astype(flat.dtype) == flat
    for index in np.flatnonzero(~exact):
        texts[index] = f"{float(flat[index]):.{digits}g}"
    return [_token(text) for text in texts]


def _token(text: str) -> str:
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text)
    if special:
        return special
    return text if "." in text or "e" in text else f"{text}.0"


def _string(alias: str, value: Any) -> str:
    raw = value.encode() if isinstance(value, str) else bytes(value)
    if alias.endswith("_bytes"):
        return '{"b64": "' + base64.b64encode(raw).decode("ascii") + '"}'
    return json.dumps(raw.decode("utf-8", "surrogateescape"), ensure_ascii=False)


def status_json(response: serving_pb2.GetModelStatusResponse) -> str:
    """Return a status answer: versions as strings, states and codes by name, empty messages printed."""
    entries = [
        {
            "version": str(entry.version),
            "state": serving_pb2.ModelVersionStatus.State.Name(entry.state),
            "status": {
                "error_code": Code(entry.status.error_code).name,
                "error_message": entry.status.error_message,
            },
        }
        for entry in response.model_version_status
    ]
    return json.dumps({"model_version_status": entries}, indent=1, ensure_ascii=False) + "\n"


def metadata_json(response: serving_pb2.GetModelMetadataResponse) -> str:
    """Return a metadata answer: proto field names, 64-bit integers as strings, empty fields printed."""
    definitions = serving_pb2.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    document = {
        "model_spec": {
            "name": response.model_spec.name,
            "signature_name": "",
            "version": str(response.model_spec.version.value),
        },
        "metadata": {
            "signature_def": MessageToDict(
                definitions, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
