"""What is wrong with a document, in one line for the person who wrote it."""

from pydantic import ValidationError

__all__ = ["problems_of"]

_PLAIN = {"extra_forbidden": "no such field", "missing": "missing"}
_SHOWN_CHARACTERS = 60


def problems_of(error: ValidationError) -> str:
    """Return each wrong field, what it expects and what it got, on one line.

    Example: ``training.epocs: no such field; epochs: expected a valid integer, got 'lots'``.
    """
    return "; ".join(
        _problem(
            place=".".join(map(str, item["loc"])), kind=item["type"], message=item["msg"], got=item["input"]
        )
        for item in error.errors()
    )


def _problem(*, place: str, kind: str, message: str, got: object) -> str:
    sentence = _PLAIN.get(kind, message.removeprefix("Value error, ").replace("Input should be", "expected"))
    text = f"{place}: {sentence}" if place else sentence
    # A check over several fields names its values itself; the whole document would drown them.
    return text if kind in _PLAIN or not place else f"{text}, got {_shown(got)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
