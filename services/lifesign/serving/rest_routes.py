"""Paths of the REST interface: what TensorFlow Serving takes for a request."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from lifesign.pb.serving_pb2 import ModelSpec
from lifesign.serving.status import Code, ServingError

__all__ = ["Route", "Verb", "parse_path"]

_NAME: Final = r"/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_POST: Final = re.compile(_NAME + r":(classify|regress|predict)", re.IGNORECASE)
_GET: Final = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:/versions/([0-9]+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE
)
_INT64_MAX: Final = 2**63 - 1

Verb = str
"""``predict``, ``classify``, ``regress``, ``status`` or ``metadata``."""


@dataclass(frozen=True)
class Route:
    """What a request asks for, and of which model."""

    verb: Verb
    spec: ModelSpec


def parse_path(method: str, target: str) -> Route:
    """Return the route of a request; ``target`` is path and query string as they came.

    Raises:
        ServingError: INVALID_ARGUMENT; the text is empty for a version beyond 64 bits, as there.
    """
    malformed = ServingError(Code.INVALID_ARGUMENT, f"Malformed request: {method} {target}")
    if method == "POST":
        match = _POST.fullmatch(target)
        # The pattern ignores case, the verb afterwards does not.
        if match is None or match[4] not in ("classify", "regress", "predict"):
            raise malformed
        return Route(match[4], _spec(match[1], match[2], match[3]))
    if method == "GET":
        match = _GET.fullmatch(target)
        if match is None:
            raise malformed
        if not match[1]:
            raise ServingError(Code.INVALID_ARGUMENT, "Missing model name in request.")
        verb = "metadata" if match[4] else "status"
        return Route(verb, _spec(match[1], match[2], match[3]))
    raise malformed


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    spec = ModelSpec(name=unquote(name))
    if version:
        number = int(version) if len(version) < 40 else _INT64_MAX + 1
        if number > _INT64_MAX:
            raise ServingError(Code.INVALID_ARGUMENT, "")
        spec.version.value = number
    elif label:
        spec.version_label = unquote(label)
    return spec
