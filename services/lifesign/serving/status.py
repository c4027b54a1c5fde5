"""Canonical status codes of the served protocol, and the error that carries one.

GetModelStatus reports these numbers, gRPC and REST derive theirs from them: here the code is part of
what the server says about a model, not a matter of transport.
"""

from enum import IntEnum

from lifesign.errors import LifesignError

__all__ = ["Code", "ServingError"]


class Code(IntEnum):
    """google.rpc.Code."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class ServingError(LifesignError):
    """A request or a load failed; ``code`` and the text are what the client and the status show."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def message(self) -> str:
        """The text without its code."""
        return str(self.args[0])
