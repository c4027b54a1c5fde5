"""What can go wrong, in families a caller can act on.

LifesignError
├── InputError             the caller's data is wrong: fix it and try again
│   ├── ImageError         one image cannot be used (``reason`` says why)
│   └── DatasetError       a data set or manifest cannot be used
├── ConfigurationError     settings, options or config files are wrong
├── ConflictError          it exists already and is never overwritten
├── StorageError           the disk refused: full, read-only, missing
├── ContractError          a model breaks the contract (classes, polarity, shapes)
└── UpstreamError          the model server failed to answer
    ├── NotReadyError      no such model or version yet, or the server is away: wait and retry
    └── DeadlineError      no answer in time

Domain errors know no HTTP, gRPC or exit codes; each edge has one table of its own.
"""

from enum import StrEnum

__all__ = [
    "ConfigurationError",
    "ConflictError",
    "ContractError",
    "DatasetError",
    "DeadlineError",
    "ImageError",
    "ImageProblem",
    "InputError",
    "LifesignError",
    "NotReadyError",
    "StorageError",
    "UpstreamError",
]

_SHOWN_CHARACTERS = 300


class LifesignError(Exception):
    """Anything that Lifesign raises on purpose; the text is meant for people."""


class InputError(LifesignError):
    """The caller's data is wrong."""


class ImageProblem(StrEnum):
    """Why an image gets no score."""

    EMPTY = "empty"
    MISSING = "missing"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNSUPPORTED = "unsupported"


class ImageError(InputError):
    """One image cannot be used."""

    def __init__(self, reason: ImageProblem, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class DatasetError(InputError):
    """A data set or manifest cannot be used as it is."""


class ConfigurationError(LifesignError):
    """Settings, options or a config file are wrong."""


class ConflictError(LifesignError):
    """The thing exists already and is never overwritten."""


class StorageError(LifesignError):
    """The disk refused: full, read-only or missing."""


class ContractError(LifesignError):
    """A model breaks the contract of signatures, classes, polarity or shapes."""


class UpstreamError(LifesignError):
    """The model server failed to answer; ``code`` is the gRPC status name, such as ``INTERNAL``."""

    def __init__(self, message: str, *, code: str = "UNKNOWN") -> None:
        super().__init__(message)
        self.code = code

    @property
    def first_line(self) -> str:
        """The first line of the text, at most 300 characters; the code where there is no text."""
        lines = str(self).strip().splitlines()
        return lines[0][:_SHOWN_CHARACTERS] if lines else self.code


class NotReadyError(UpstreamError):
    """No such model or version yet, or the server is away: waiting may help."""


class DeadlineError(UpstreamError):
    """No answer came in time."""
