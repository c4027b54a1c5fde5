"""Which superclass each class belongs to, read from a small file."""

import csv
import json
from pathlib import Path
from typing import Any

from lifesign.errors import ConfigurationError

__all__ = ["read_superclasses"]

_HEADER = ("class", "superclass")


def read_superclasses(path: Path) -> dict[str, str]:
    """Return class → superclass from a JSON object or a CSV file with the header ``class,superclass``.

    Raises:
        ConfigurationError: no such file, another form, or a class with two superclasses.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"superclasses {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"superclasses {path}: expected UTF-8 text") from None
    pairs = _json_pairs(text, path) if path.suffix.lower() == ".json" else _csv_pairs(text, path)
    found: dict[str, str] = {}
    for name, group in pairs:
        if found.setdefault(name, group) != group:
            raise ConfigurationError(
                f"superclasses {path}: expected one superclass of {name!r}, got {found[name]!r} and {group!r}"
            )
    if not found:
        raise ConfigurationError(f"superclasses {path}: expected one class and superclass per row, got none")
    return found


def _json_pairs(text: str, path: Path) -> list[tuple[str, str]]:
    try:
        values: Any = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"superclasses {path}: expected JSON, {error}") from None
    if not isinstance(values, dict) or not all(isinstance(group, str) for group in values.values()):
        raise ConfigurationError(f"superclasses {path}: expected an object of class: superclass")
    return list(values.items())


def _csv_pairs(text: str, path: Path) -> list[tuple[str, str]]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if any(row)]
    header = tuple(rows[0]) if rows else ()
    if header != _HEADER:
        raise ConfigurationError(
            f"superclasses {path}: expected the header {','.join(_HEADER)}, got {','.join(header)!r}"
        )
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(row):
            raise ConfigurationError(
                f"superclasses {path}: expected class,superclass in row {number}, got {','.join(row)!r}"
            )
    return [(row[0], row[1]) for row in rows[1:]]
