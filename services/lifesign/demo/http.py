"""What the demo asks its own services over HTTP."""

import json
import urllib.request
from typing import Any

from lifesign.errors import LifesignError

__all__ = ["get_json", "get_text", "is_ok", "post"]


def is_ok(url: str) -> bool:
    """Tell whether a GET is answered with 200 within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def get_text(url: str) -> str:
    """Return the body of a GET."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def get_json(url: str) -> dict[str, Any]:
    """Return the JSON document of a GET."""
    document: dict[str, Any] = json.loads(get_text(url))
    return document


def post(url: str, body: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON answer to a POST.

    Raises:
        LifesignError: no answer, or one that is an error.
    """
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: dict[str, Any] = json.loads(answer.read())
            return document
    except OSError as error:
        raise LifesignError(f"{url} did not answer: {error}") from error
