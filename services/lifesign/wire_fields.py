"""Fields of protobuf messages, written without copying what is in them."""

__all__ = ["field_head"]

_LENGTH_DELIMITED = 2


def field_head(number: int, size: int) -> bytes:
    """Return what stands before ``size`` bytes that are the value of field ``number``."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(size)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
