"""How results are printed: JSON for machines, a line per value for people."""

import json
from typing import Any

__all__ = ["number", "print_document"]


def print_document(document: dict[str, Any], *, as_json: bool) -> None:
    """Print a result to stdout."""
    if as_json:
        print(json.dumps(document, indent=1))
        return
    for key, value in document.items():
        if isinstance(value, dict):
            value = "  ".join(f"{name} {number(item)}" for name, item in value.items())
        print(f"{key}: {number(value)}")


def number(value: object) -> str:
    """Return a value in words: four digits of a fraction."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
