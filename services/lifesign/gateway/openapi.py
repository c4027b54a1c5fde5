"""Parts of the OpenAPI document that cannot be read off the handlers: bodies and problems."""

from typing import Any

from lifesign.problems import PROBLEM_MEDIA_TYPE, Problem

__all__ = [
    "BATCH_BODY",
    "COMPONENTS",
    "DESCRIPTION",
    "PREDICTION_PROBLEMS",
    "QUERY_PROBLEMS",
    "SINGLE_BODY",
    "problem",
]

DESCRIPTION = """
Decides whether an image shows a live face (*bona fide*) or a presentation attack.

* The score is P(bona fide); the decision is bona fide if and only if `score >= threshold.value`.
* Thresholds come from the model card of the version that answered; they were chosen on development data.
* Errors are problem documents (RFC 9457) with the request id of the header `X-Request-ID`.
* Unknown fields and query parameters are refused; the threshold of a request is chosen by `threshold_id`.
* Images are neither stored nor logged.
"""

_OPTIONS: dict[str, Any] = {
    "threshold_id": {"type": "string", "description": "an id from /v1/thresholds"},
    "detail": {"type": "string", "enum": ["full", "minimal"], "default": "full"},
}
_FILE = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _schema(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: value, **_OPTIONS},
    }


SINGLE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _schema("image", _FILE)},
            "image/jpeg": {"schema": _FILE},
            "image/png": {"schema": _FILE},
            "application/octet-stream": {"schema": _FILE},
            "application/json": {"schema": _schema("image", _BASE64), "example": {"image": _PIXEL}},
        },
    }
}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _schema("images", {"type": "array", "minItems": 1, "items": _FILE})
            },
            "application/json": {
                "schema": _schema("images", {"type": "array", "minItems": 1, "items": _BASE64}),
                "example": {"images": [_PIXEL, _PIXEL]},
            },
        },
    }
}


def problem(description: str) -> dict[str, Any]:
    """Return the OpenAPI response of a problem document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}}}


QUERY_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: problem("No API key, or one that is not known"),
    422: problem("A query parameter is not known"),
    503: problem("The model is not ready; see Retry-After"),
    504: problem("The model server did not answer in time"),
}
PREDICTION_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem("The image or the body cannot be decoded"),
    401: QUERY_PROBLEMS[401],
    408: problem("The body did not arrive in time"),
    413: problem("More bytes than accepted"),
    415: problem("The media type or content encoding is not accepted"),
    422: problem("A field or query parameter is unknown or wrong, or the image has too many pixels"),
    429: problem("Too many requests at once; see Retry-After"),
    502: problem("The model server failed, or the model breaks its contract"),
    503: QUERY_PROBLEMS[503],
    504: QUERY_PROBLEMS[504],
}
COMPONENTS = {"Problem": Problem.model_json_schema()}
