"""The text of a file, whatever its encoding, line by line; what is no text is refused with advice."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lifesign.errors import InputError

__all__ = ["TextFile", "decoded_lines", "nobody_listens", "read_text"]

_BLOCK_BYTES = 1 << 18
_START_BYTES = 1 << 12
_LONGEST_LINE = 1 << 20
_MOST_BYTES = 1 << 28

# The first bytes of what is no text, and what to do with it.
_FORMATS = (
    (b"\x89HDF", "a saved model or HDF5 file; give the history as JSON or the log as text"),
    (
        b"PK\x03\x04",
        "a zip archive (a saved model, .npz or spreadsheet); give the figures as JSON, CSV or text",
    ),
    (b"\x93NUMPY", "a NumPy array; write it as CSV: numpy.savetxt(path, array, fmt='%d', delimiter=',')"),
    (b"\x1f\x8b", "a gzip file; decompress it first"),
    (b"\x89PNG", "a picture; give the figures that it shows as text"),
    (b"\xff\xd8\xff", "a picture; give the figures that it shows as text"),
    (b"%PDF", "a PDF file; give the figures that it shows as text"),
)
_PICKLE = (
    "a pickle; loading one runs the code in it, so it is not read. Write the history as JSON: "
    "json.dump({name: [float(v) for v in values] for name, values in history.history.items()}, file)"
)
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".p", ".joblib")
_LINE_ENDS = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class TextFile:
    """A file and what messages call it: not always its path, as for the standard input."""

    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The end of the name, in lower case, such as ``.csv``."""
        return Path(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        return Path(self.name).stem


def nobody_listens(done: int, total: int) -> None:
    """Tell nobody how many bytes have been read."""


def _encoding_of(file: TextFile, start: bytes) -> str:
    """Return the encoding of a file by its first bytes.

    Raises:
        InputError: it is no text; the message says what it seems to be.
    """
    if file.suffix in _PICKLE_SUFFIXES or _is_pickle(start):
        raise InputError(f"{file.name}: expected text, got {_PICKLE}")
    for magic, advice in _FORMATS:
        if start.startswith(magic):
            raise InputError(f"{file.name}: expected text, got {advice}")
    encoding = _encoding(start)
    if encoding == "utf-8-sig" and b"\0" in start:
        raise InputError(
            f"{file.name}: expected text (a log, JSON, CSV, a report or notes), got a binary file"
        )
    return encoding


def _is_pickle(start: bytes) -> bool:
    # Protocols 2 to 5 begin with their number; the older ones are text of their own kind.
    return (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or start.startswith(
        (b"(dp0\n", b"(dp1\n", b"ccopy_reg\n", b"}q\x00")
    )


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: Latin letters in UTF-16 have a zero in every other byte.
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if len(start) >= 16 and odd > 0.4 * len(start) / 2 and even < 0.05 * len(start):
        return "utf-16-le"
    if len(start) >= 16 and even > 0.4 * len(start) / 2 and odd < 0.05 * len(start):
        return "utf-16-be"
    return "utf-8-sig"


def decoded_lines(file: TextFile, tell: Callable[[int, int], None] = nobody_listens) -> Iterator[str]:
    """Yield the lines of a text file without their ends, at most a block of it in memory at a time.

    A carriage return ends a line as well. Bytes that are no letters become U+FFFD. ``tell`` hears the
    bytes read and the size of the file.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        with file.path.open("rb") as stream:
            total, done = file.path.stat().st_size, 0
            start = stream.read(_START_BYTES)
            decoder = codecs.getincrementaldecoder(_encoding_of(file, start))("replace")
            rest, block = "", start
            while block:
                done += len(block)
                # What follows the last line end belongs to the next block.
                *lines, rest = _LINE_ENDS.split(rest + decoder.decode(block))
                yield from lines
                if len(rest) > _LONGEST_LINE:
                    yield rest
                    rest = ""
                tell(done, total)
                block = stream.read(_BLOCK_BYTES)
            yield rest + decoder.decode(b"", final=True)
    except OSError as error:
        raise InputError(f"{file.name}: cannot be read: {error.strerror or error}") from error


def read_text(file: TextFile, tell: Callable[[int, int], None] = nobody_listens) -> str:
    """Return the whole text of a file, its line ends as they are.

    Raises:
        InputError: it cannot be read, is no text, or is larger than 256 MiB.
    """
    try:
        size = file.path.stat().st_size
        if size > _MOST_BYTES:
            raise InputError(
                f"{file.name}: expected at most {_MOST_BYTES >> 20} MiB of JSON, got {size >> 20} MiB"
            )
        content = file.path.read_bytes()
    except OSError as error:
        raise InputError(f"{file.name}: cannot be read: {error.strerror or error}") from error
    tell(len(content), len(content))
    return content.decode(_encoding_of(file, content[:_START_BYTES]), errors="replace")
