"""Groups of options: a dataclass whose fields are options, taken whole by a command.

@with_groups
def command(data: Data, gates: Gates, quiet: Quiet = False) -> None: ...

has the options of ``Gates`` in the place of ``gates``, and is called with one ``Gates``.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

__all__ = ["field_names", "given_options", "with_groups"]


def with_groups(function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the fields of each dataclass among its parameters as parameters of its own."""
    hints = get_type_hints(function, include_extras=True)
    kinds: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in kinds:
            parameters += _parameters_of(kinds[name])
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(function)
    def expanded(**options: Any) -> None:
        groups = {
            name: kind(**{field: options.pop(field) for field in field_names(kind)})
            for name, kind in kinds.items()
        }
        function(**options, **groups)

    # What typer reads.
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def field_names(kind: Any) -> tuple[str, ...]:
    """Return the names of a group's options, as parameters."""
    return tuple(field.name for field in fields(kind))


def given_options(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _parameters_of(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(kind)
    ]
