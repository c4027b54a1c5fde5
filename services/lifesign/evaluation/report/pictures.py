"""Small pictures inside the page: the samples behind an error, a duplicate or a changed decision."""

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL import Image

from lifesign.errors import ImageError
from lifesign.evaluation.report.document import ErrorExample, FlippedSample
from lifesign.preprocessing import decode_image

__all__ = ["Example", "Thumbnails", "error_examples", "flip_examples", "thumbnail_uri"]

Thumbnails = Callable[[str], bytes | None]

_MAX_ERRORS = 24
_MAX_FLIPS = 12
_SIDE = 96


@dataclass(frozen=True, slots=True)
class Example:
    """An error of the gallery with its picture as a data URI, or ``None``."""

    row: ErrorExample
    image: str | None


def error_examples(errors: Sequence[ErrorExample], thumbnails: Thumbnails | None) -> list[Example]:
    """Return all errors, the first 24 with pictures where there are any."""
    return [
        Example(row, _picture(row.path, thumbnails) if index < _MAX_ERRORS else None)
        for index, row in enumerate(errors)
    ]


def flip_examples(
    flipped: Iterable[FlippedSample], thumbnails: Thumbnails | None
) -> list[tuple[FlippedSample, str]]:
    """Return the first regressions that have a picture, at most twelve.

    Reports of before name no path: there the sample id is tried, which often is one.
    """
    worse = [row for row in flipped if row.regression][:_MAX_FLIPS]
    found = [(row, _picture(row.path or row.sample_id, thumbnails)) for row in worse]
    return [(row, image) for row, image in found if image is not None]


def thumbnail_uri(data: bytes) -> str | None:
    """Return a data URI of an upright JPEG of at most 96 pixels; ``None`` if the bytes are no image."""
    try:
        image = decode_image(data).image
    except ImageError:
        return None
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _picture(path: str, thumbnails: Thumbnails | None) -> str | None:
    data = None if thumbnails is None else thumbnails(path)
    return None if data is None else thumbnail_uri(data)
